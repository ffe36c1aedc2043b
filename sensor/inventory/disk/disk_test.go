// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/testdata/need"
)

func rel(name string) string { return strings.TrimPrefix(name, "/") }

func put(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What real file systems have and a map in memory has not. A pass ends, and says what it did not look at.
func TestPassOverAHostileHomeEnds(t *testing.T) {
	home := t.TempDir()
	link := func(from, to string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, from)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, filepath.Join(home, from)); err != nil {
			t.Fatal(err)
		}
	}
	link(".cursor/mcp.json", "mcp.json")              // a loop of itself
	link(".claude/skills/round/SKILL.md", "../round") // a folder
	link(".claude/commands/up", "..")                 // a loop of folders
	link("src/loop", "..")
	put(t, home+"/elsewhere/SKILL.md", "---\nname: linked\n---\n")
	link(".claude/skills/linked", home+"/elsewhere")
	if err := os.Mkdir(home+"/.gemini", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(home+"/.gemini/settings.json", 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(home+"/.codex", 0o755); err != nil {
		t.Fatal(err)
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket)
	if len(home) < 80 {
		if err := unix.Bind(socket, &unix.SockaddrUnix{Name: home + "/.codex/config.toml"}); err != nil {
			t.Fatal(err)
		}
	}
	sparse, err := os.Create(home + "/.claude.json")
	if err != nil {
		t.Fatal(err)
	}
	defer sparse.Close()
	if err := sparse.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan []inventory.Item, 1)
	go func() {
		p := &discover.Pass{FS: Root{}, Catalogue: c, Options: discover.Defaults}
		h := discover.Home{User: "alice", Dir: home}
		done <- append(p.Home(h).Items, p.Search(h).Items...)
	}()
	var items []inventory.Item
	select {
	case items = <-done:
	case <-time.After(time.Minute):
		t.Fatal("the pass hangs")
	}
	said := map[string]string{}
	for _, it := range items {
		said[strings.TrimPrefix(it.File, home)] = it.Error
	}
	for name, want := range map[string]string{
		"/.cursor/mcp.json": "symbolic links", "/.gemini/settings.json": "no regular file", "/.claude.json": "are looked at",
		"/.claude/skills/round/SKILL.md": "no regular file",
	} {
		if !strings.Contains(said[name], want) {
			t.Errorf("%s: %q", name, said[name])
		}
	}
	if e, ok := said["/.claude/skills/linked/SKILL.md"]; !ok || e != "" {
		t.Errorf("a linked skill: %q", e)
	}
}

func TestRemoteFileSystemsAreNotEntered(t *testing.T) {
	r := Root{Avoid: []string{"/etc"}}
	for _, name := range []string{"etc", "etc/passwd"} {
		_, open := r.Open(name)
		_, stat := r.Stat(name)
		_, lstat := r.Lstat(name)
		_, readlink := r.ReadLink(name)
		for _, err := range []error{open, stat, lstat, readlink} {
			if !errors.Is(err, ErrAvoided) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := r.Stat("etcetera"); errors.Is(err, ErrAvoided) {
		t.Error(err)
	}
	if _, err := r.Open("../etc/passwd"); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
}

func TestSumsNoticeEveryChange(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	put(t, name, "one")
	c := NewSums()
	stat := func() fs.FileInfo {
		t.Helper()
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	was := stat()
	c.Put(name, was, "sum")
	if sum, ok := c.Get(name, stat()); !ok || sum != "sum" {
		t.Error("forgotten")
	}
	// As long, and with the old time put back: the time of change tells.
	time.Sleep(20 * time.Millisecond)
	put(t, name, "two")
	if err := os.Chtimes(name, was.ModTime(), was.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Get(name, stat()); ok {
		t.Error("a change went by")
	}
}

func TestAsTakesRightsAndGivesThemBack(t *testing.T) {
	need.Root(t) // rights are given away
	dir := t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) { // the person may go down to it
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, dir+"/secret", "root's")
	if err := os.Chmod(dir+"/secret", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/secret", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	put(t, dir+"/open", "everybody's")
	r := Root{}
	read := func(name string) error {
		f, err := r.Open(rel(dir + "/" + name))
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.ReadAll(f)
		return err
	}
	var secret, link, open error
	var nice int
	err := As(&Person{UID: 65534, GID: 65534}, true, func() {
		secret, link, open = read("secret"), read("link"), read("open")
		nice, _ = syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(secret, fs.ErrPermission) || !errors.Is(link, fs.ErrPermission) || open != nil {
		t.Errorf("%v, %v, %v", secret, link, open)
	}
	if nice != 1 { // the call gives 20 less the nice value
		t.Errorf("priority %d", nice)
	}
	for range 64 { // whichever thread comes
		if err := read("secret"); err != nil {
			t.Fatalf("the rights did not come back: %v", err)
		}
	}
}

// What the policy's documentation says of content is what people's own tools give.
func TestContentIsThatOfSha256sum(t *testing.T) {
	home := t.TempDir()
	put(t, home+"/.claude/skills/s/SKILL.md", "---\nname: s\n---\n")
	put(t, home+"/.claude/skills/s/scripts/a b.sh", "x")
	put(t, home+"/.claude/skills/s/Z", "y")
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	items := (&discover.Pass{FS: Root{}, Catalogue: c, Options: discover.Defaults}).Home(discover.Home{User: "alice", Dir: home}).Items
	if len(items) != 1 {
		t.Fatalf("%+v", items)
	}
	sum := exec.Command("sh", "-c", `find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum`)
	sum.Dir = home + "/.claude/skills/s"
	out, err := sum.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Fields(string(out))[0]; items[0].Identity.Content() != want {
		t.Errorf("%s, want %s", items[0].Identity.Content(), want)
	}
}
