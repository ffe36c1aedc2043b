// SPDX-License-Identifier: Apache-2.0

package site

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/copies"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// originalsOf are those of a policy that refuses what one glob names, below a folder.
func originalsOf(t *testing.T, dir, glob string, avoid ...string) copies.Originals {
	t.Helper()
	p, err := enforce.Parse(map[string]string{"a.toml": fmt.Sprintf(`version = 1
base = "none"
[[rule]]
id = "refused"
on = ["exec"]
match = [%q]
except = [%q]
action = "deny"
`, filepath.Join(dir, glob), filepath.Join(dir, "free/**"))}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	im, err := enforce.Compile(p, nil, 1, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, whole := Originals(im, avoid, func(f *os.File) (bool, error) { return filepath.Base(f.Name()) == "session's", nil })
	if !whole {
		t.Error("not all was looked through")
	}
	return found
}

// rootsFolder is one that nobody but root may change anything in.
func rootsFolder(t *testing.T) string {
	t.Helper()
	need.Root(t)
	dir, err := os.MkdirTemp("/usr/local", "reeve-test-")
	if err != nil {
		need.Missing(t, need.BPF, "nothing may be made in /usr/local:", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestOriginalsAreWhatPolicyRefuses(t *testing.T) {
	dir := rootsFolder(t)
	put := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, below := put("one", "1", 0o755), put("a/b/below", "333", 0o755)
	put("data", "4444", 0o644)
	put("empty", "", 0o755)
	put("free/excepted", "55555", 0o755)
	put("shared", "666666", 0o755)
	put("free/shared", "666666", 0o755)
	kept := put("kept", "bbbbbbbbbbb", 0o755)
	put("free/session's", "bbbbbbbbbbb", 0o755)
	like := put("like", "7777777", 0o755)
	put("free/like", "777777!", 0o755)
	put("far/away", "88888888", 0o755)
	if err := os.Chown(put("somebodys", "999999999", 0o755), 1000, 1000); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(put("open", "aaaaaaaaaa", 0o755), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/", filepath.Join(dir, "everything")); err != nil {
		t.Fatal(err)
	}
	want := copies.Originals{1: {one}, 3: {below}, 7: {like}, 11: {kept}}
	if got := originalsOf(t, dir, "**", filepath.Join(dir, "far")); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := originalsOf(t, dir, "one"); !reflect.DeepEqual(got, copies.Originals{1: {one}}) {
		t.Errorf("by its very name: %v", got)
	}
}

// A program of the system is found where no rule says in which folder it is.
func TestOriginalsAreFoundByName(t *testing.T) {
	need.Root(t)
	name, err := filepath.EvalSymlinks("/bin/sleep")
	if err != nil || !rootAlone(name) {
		need.Missing(t, need.BPF, "/bin/sleep is not root's alone:", err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	got := originalsOf(t, "/", "**/"+filepath.Base(name))
	if files := got[info.Size()]; len(files) == 0 || files[0] != name {
		t.Errorf("%v, want %s", got, name)
	}
}
