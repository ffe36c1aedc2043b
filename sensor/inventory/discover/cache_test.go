// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

func TestBytecodeOfSourcesIsNoPartOfASkill(t *testing.T) {
	for name, c := range map[string]struct {
		files string // = is a symbolic link
		left  string
	}{
		"a source's":           {"a.py __pycache__/a.cpython-312.pyc", "a.py"},
		"in a folder":          {"s/a.py s/__pycache__/a.cpython-312.opt-2.pyc", "s/a.py"},
		"another interpreter":  {"a.py __pycache__/a.pypy310.pyc __pycache__/a.cpython-313t.pyc", "a.py"},
		"a name with dots":     {"a.b.py __pycache__/a.b.cpython-312.pyc", "a.b.py"},
		"no source":            {"__pycache__/a.cpython-312.pyc", "__pycache__/a.cpython-312.pyc"},
		"a source elsewhere":   {"s/a.py __pycache__/a.cpython-312.pyc", "s/a.py __pycache__/a.cpython-312.pyc"},
		"a link for a source":  {"=a.py __pycache__/a.cpython-312.pyc", "a.py __pycache__/a.cpython-312.pyc"},
		"a link for bytecode":  {"a.py =__pycache__/a.cpython-312.pyc", "a.py __pycache__/a.cpython-312.pyc"},
		"beside its source":    {"a.py a.pyc", "a.py a.pyc"},
		"no bytecode":          {"a.py __pycache__/a.cpython-312.so", "a.py __pycache__/a.cpython-312.so"},
		"no interpreter named": {"a.py __pycache__/a.pyc", "a.py __pycache__/a.pyc"},
	} {
		var files []inventory.Part
		for f := range strings.FieldsSeq(c.files) {
			f, link := strings.CutPrefix(f, "=")
			files = append(files, inventory.Part{Name: f, Value: map[bool]string{true: linkTo + "x", false: "0"}[link]})
		}
		var left []string
		for _, f := range withoutCaches(files) {
			left = append(left, f.Name)
		}
		if got := strings.Join(left, " "); got != c.left {
			t.Errorf("%s: %s, want %s", name, got, c.left)
		}
	}
}

// A skill that ran is what it was; one whose SKILL.md is a link is what that leads to.
func TestSkillIsWhatItWas(t *testing.T) {
	catalogue, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	const dir = "home/alice/.claude/skills/s/"
	digest := func(more map[string]*fstest.MapFile) string {
		t.Helper()
		files := fstest.MapFS{dir + "SKILL.md": text("---\nname: s\n---\n"), dir + "a.py": text("pass\n")}
		for name, f := range more {
			files[path.Join(dir, name)] = f
		}
		items := (&Pass{FS: files, Catalogue: catalogue, Options: Defaults}).Home(Home{User: "alice", Dir: "/home/alice"}).Items
		if len(items) != 1 || items[0].Error != "" {
			t.Fatalf("%+v", items)
		}
		return items[0].Digest
	}
	was := digest(nil)
	if digest(map[string]*fstest.MapFile{"__pycache__/a.cpython-312.pyc": text("x")}) != was {
		t.Error("it ran, and is another one")
	}
	if digest(map[string]*fstest.MapFile{"__pycache__/b.cpython-312.pyc": text("x")}) == was {
		t.Error("bytecode without a source is left out")
	}
	linked := func(content string) string {
		return digest(map[string]*fstest.MapFile{"SKILL.md": {Data: []byte("../a.md"), Mode: fs.ModeSymlink | 0o777}, "../a.md": text(content)})
	}
	if linked("---\nname: s\n---\none") == linked("---\nname: s\n---\ntwo") {
		t.Error("what a link leads to does not count")
	}
}
