// SPDX-License-Identifier: Apache-2.0

package builds

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

const (
	agent  = 1001 // is known by its builds
	editor = 1002 // only contains
	shared = 1003
	own    = 1 // Claude Code, whose build comes with the catalogue
)

const entries = `
id = %d
name = "agent-%d"
exec = ["/nowhere"]
version = ['/versions/([^/]+)$']
%s
`

// table is a kernel's.
type table []sensor.Build

func (t *table) SetBuilds(all []sensor.Build) error {
	*t = slices.DeleteFunc(slices.Clone(all), func(b sensor.Build) bool { return b.Shipped })
	return nil
}

// rig is a keeper whose catalogue names the programs in some folders.
type rig struct {
	*Keeper
	t     *testing.T
	dir   string
	table table
}

func begin(t *testing.T, state string) *rig {
	t.Helper()
	site := t.TempDir()
	for id, more := range map[int]string{agent: "", editor: "host = true", shared: "shared = true"} {
		must(t, os.WriteFile(filepath.Join(site, fmt.Sprint(id, ".toml")), fmt.Appendf(nil, entries, id, id, more), 0o644))
	}
	c, err := inventory.Load(site)
	must(t, err)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	r := &rig{t: t, dir: dir}
	r.Keeper, err = New(Options{Catalogue: c, State: state, Log: slog.New(slog.DiscardHandler), Agent: func(path string) uint32 {
		return map[string]uint32{dir + "/versions": agent, dir + "/editor": editor, dir + "/shared": shared}[filepath.Dir(path)]
	}})
	must(t, err)
	must(t, r.Fill(&r.table))
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// native is an ELF that nobody could run, of so many bytes and with a mark in its head.
func native(size int, mark byte) []byte {
	text := make([]byte, size)
	copy(text, "\x7fELF")
	text[100] = mark
	return text
}

func (r *rig) file(name string, text []byte) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	must(r.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(r.t, os.WriteFile(path, text, 0o755))
	return path
}

func TestOnlyNativeProgramsOfTheCatalogueAreLearned(t *testing.T) {
	r := begin(t, "")
	elsewhere := r.file("elsewhere", native(1000, 7))
	link := filepath.Join(r.dir, "versions/link")
	for name, c := range map[string]struct {
		path string
		want bool
	}{
		"a-version":               {r.file("versions/1.2.3", native(900, 1)), true},
		"a-script":                {r.file("versions/script", bytes.Repeat([]byte("#!/bin/sh\n"), 100)), false},
		"one-that-is-too-short":   {r.file("versions/short", native(255, 1)), false},
		"the-smallest":            {r.file("versions/small", native(256, 1)), true},
		"an-editor":               {r.file("editor/code", native(900, 2)), false},
		"a-program-that-is-other": {r.file("shared/node", native(900, 3)), false},
		"elsewhere":               {elsewhere, false},
		"a-folder":                {filepath.Join(r.dir, "versions"), false},
		"a-link-to-another":       {link, false},
	} {
		if name == "a-link-to-another" {
			must(t, os.Symlink(elsewhere, link))
		}
		before := len(r.table)
		if err := r.look(candidate{file: c.path}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if learned := len(r.table) > before; learned != c.want {
			t.Errorf("%s: learned is %t", name, learned)
		}
	}
	for _, b := range r.table {
		if b.Agent != agent || b.Owner != uint32(os.Getuid()) || b.Shipped {
			t.Errorf("%+v", b)
		}
	}
}

// A link of somebody's under the catalogue's name leads to the agent itself, which is learned under its own.
func TestLinkIsWhatItLeadsTo(t *testing.T) {
	r := begin(t, "")
	link := filepath.Join(r.dir, "claude")
	must(t, os.Symlink(r.file("versions/1.2.3", native(900, 1)), link))
	must(t, r.look(candidate{file: link}))
	if len(r.table) != 1 || r.learned[0].Version != "1.2.3" {
		t.Errorf("%+v", r.learned)
	}
}

func TestWhatWasLearnedIsRemembered(t *testing.T) {
	state := t.TempDir()
	r := begin(t, state)
	path := r.file("versions/1.2.3", native(900, 1))
	must(t, r.look(candidate{file: path}))
	must(t, os.Remove(path))
	next := begin(t, state)
	if len(next.table) != 1 || next.table[0] != r.table[0] || next.learned[0].Version != "1.2.3" {
		t.Errorf("%+v, before %+v", next.learned, r.learned)
	}
	info, err := os.Stat(filepath.Join(state, name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	must(t, os.WriteFile(filepath.Join(state, name), []byte(`{"version":1,"builds":[{"agent":1001,"size":900,"head":"f0VM"}]}`), 0o600))
	k, err := New(next.o)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(state, name)) || len(k.learned) != 0 || len(k.shipped) == 0 {
		t.Errorf("of what no kernel holds: %v, %+v", err, k.learned)
	}
}

func TestOneOwnerTakesNoRoomOfOthers(t *testing.T) {
	r := begin(t, "")
	now := time.Unix(1, 0)
	r.o.Now = func() time.Time { now = now.Add(time.Second); return now }
	of := func(owner uint32, size int) known {
		return known{Agent: agent, Size: int64(size), Owner: owner, Head: native(bpf.BuildHead, 1)}
	}
	must(t, r.Keeper.learn(of(7, 1000)))
	for i := range 3 * perOwner {
		must(t, r.Keeper.learn(of(8, 1000+i)))
	}
	counts := map[uint32]int{}
	oldest := int64(1 << 40)
	for _, b := range r.table {
		counts[b.Owner]++
		if b.Owner == 8 {
			oldest = min(oldest, b.Size)
		}
	}
	if counts[7] != 1 || counts[8] != perOwner || oldest != 1000+2*perOwner {
		t.Errorf("by owner %v, the oldest of the second has %d bytes", counts, oldest)
	}
	for owner := uint32(100); len(r.learned)+len(r.shipped) < bpf.BuildsMax; owner++ {
		r.learned = append(r.learned, of(owner, 1000))
	}
	if err := r.Keeper.learn(of(9, 1000)); err == nil || !strings.Contains(err.Error(), "more than the kernel holds") {
		t.Errorf("one too many: %v", err)
	}
	must(t, r.Keeper.learn(of(8, 1))) // for which the oldest of the same owner makes room
	if len(r.table)+len(r.shipped) != bpf.BuildsMax || r.table[0].Owner != 7 {
		t.Errorf("%d builds and %d shipped ones, the first is %d's", len(r.table), len(r.shipped), r.table[0].Owner)
	}
}

// Of two files that the kernel would look up alike the newer is known; the same one again is nothing new.
func TestNewerBuildTakesThePlace(t *testing.T) {
	r := begin(t, "")
	path := r.file("versions/1", native(900, 1))
	must(t, r.look(candidate{file: path}))
	must(t, r.look(candidate{file: path}))
	if len(r.table) != 1 {
		t.Fatalf("%+v", r.learned)
	}
	must(t, r.look(candidate{file: r.file("versions/2", native(900, 2))}))
	if len(r.table) != 1 || r.table[0].Head[100] != 2 {
		t.Errorf("%+v", r.learned)
	}
}

func TestVersionIsThatOfTheBuild(t *testing.T) {
	r := begin(t, "")
	self, err := os.Executable()
	must(t, err)
	text, err := os.ReadFile(self)
	must(t, err)
	if v := r.Version(uint32(os.Getpid())); v != "" {
		t.Errorf("version %q of a build that nobody knows", v)
	}
	must(t, r.look(candidate{file: r.file("versions/4.5.6", text)}))
	if v := r.Version(uint32(os.Getpid())); v != "4.5.6" {
		t.Errorf("version %q", v)
	}
}

// What the catalogue brings is told with it, and no learned build comes in its place.
func TestShippedBuildsComeLast(t *testing.T) {
	r := begin(t, "")
	must(t, r.look(candidate{file: r.file("versions/1", native(900, 1))}))
	var all []sensor.Build
	must(t, r.Fill(recorder{&all}))
	if len(all) != 1+len(r.shipped) || all[0].Shipped || !slices.ContainsFunc(all[1:], func(b sensor.Build) bool { return b.Agent == own && b.Shipped }) {
		t.Errorf("%d builds", len(all))
	}
}

type recorder struct{ all *[]sensor.Build }

func (r recorder) SetBuilds(all []sensor.Build) error { *r.all = all; return nil }

// What has ended before anybody looked is no problem that a log should tell of.
func TestProcessThatHasEndedIsNoProblem(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	must(t, cmd.Run())
	r := begin(t, "")
	if err := r.look(candidate{pid: uint32(cmd.Process.Pid)}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want that it does not exist", err)
	}
}

func TestNobodyWaitsForTheKeeper(t *testing.T) {
	r := begin(t, "")
	for range waiting + 3 {
		r.Installed("/nowhere", "")
	}
	if r.Missed() != 3 {
		t.Errorf("%d missed", r.Missed())
	}
}
