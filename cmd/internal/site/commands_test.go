// SPDX-License-Identifier: Apache-2.0

package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	"github.com/reeve-sensor/reeve/sensor/inventory/live"
)

// bench is a folder with programs, a policy, and one person with one connector.
type bench struct {
	t      *testing.T
	dir    string
	policy string
	item   inventory.Item
	filled Filled
}

func (b *bench) program(name, text string) (file, sum string) {
	b.t.Helper()
	file = filepath.Join(b.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		b.t.Fatal(err)
	}
	is := sha256.Sum256([]byte(text))
	return file, hex.EncodeToString(is[:])
}

func (b *bench) declare(name, sum string, command ...string) {
	b.policy += fmt.Sprintf("[[connector]]\nname = %q\ncommand = [\"%s\"]\n", name, strings.Join(command, `", "`))
	if sum != "" {
		b.policy += fmt.Sprintf("sha256 = %q\n", sum)
	}
}

// configure has the person's configuration name a command whose content is known.
func (b *bench) configure(sum string, command ...string) {
	b.item = inventory.Item{Kind: inventory.KindConnector, Name: "x", Owner: "alice", Approval: inventory.Approval{State: "pending"}}
	b.item.Identity.Command = command
	b.item.Facts.Started = inventory.Starts(command, b.dir)
	if sum != "" {
		b.item.Identity.Files = []inventory.Part{{Name: command[0], Value: sum}}
	}
}

// told is what the kernel is told.
func (b *bench) told() map[bpf.Command]bpf.Start {
	b.t.Helper()
	p, err := enforce.Parse(map[string]string{"a.toml": "version = 1\nbase = \"none\"\n" + b.policy}, enforce.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	im, err := enforce.Compile(p, nil, 1, enforce.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	people := []live.Person{{Home: discover.Home{User: "alice", Dir: b.dir}, Person: disk.Person{UID: 1000}}}
	programs := &Programs{Now: func() time.Time { return time.Now().Add(time.Hour) }}
	told, _ := Commands(p, im, []inventory.Item{b.item}, people, b.filled, programs)
	return told
}

// known is what the kernel is told of a command in sessions of a user.
func (b *bench) known(user uint32, command ...string) (bpf.Start, bool) {
	b.t.Helper()
	text := append([]byte(strings.Join(command, "\x00")), 0)
	for key, start := range b.told() {
		if key.Length == uint32(len(text)) && key.Uid == user && bytes.Equal(key.Text[:key.Length], text) {
			return start, true
		}
	}
	return bpf.Start{}, false
}

func newBench(t *testing.T) *bench {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, dir: dir}
}

const pinned = uint16(bpf.StartPinned)

// A program that is the declared content is pinned, by what the kernel sees of it.
func TestContentPins(t *testing.T) {
	b := newBench(t)
	file, sum := b.program("server", "\x7fELF one")
	b.declare("ours", sum, file, "a")
	b.configure(sum, file, "a")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if start, ok := b.known(1000, file, "a"); !ok || start.Principal != uint16(bpf.PrincipalFirst) || start.Flags != pinned || start.Size != uint64(info.Size()) || start.Inode == 0 {
		t.Errorf("%+v %t", start, ok)
	}
	if start, ok := b.known(bpf.CommandAnyone, file, "a"); !ok || start.Principal != uint16(bpf.PrincipalFirst) || start.Flags != 0 {
		t.Errorf("for others: %+v %t", start, ok)
	}
	if start, ok := b.known(1000, "server", "a"); !ok || start != (bpf.Start{}) {
		t.Errorf("by its name: %+v %t", start, ok)
	}
}

// What is not known whole is not pinned, and what is not the declared content is told as that.
func TestWhatIsNotPinned(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		change func(b *bench, file, sum string)
		flags  bpf.StartFlag
	}{
		"no sum is declared":        {"\x7fELF", func(b *bench, file, _ string) { b.policy = ""; b.declare("ours", "", file, "a") }, 0},
		"another content":           {"\x7fELF", func(b *bench, _, _ string) { b.program("server", "\x7fELF two"); b.item.Identity.Files[0].Value = "2" }, bpf.StartOther},
		"changed since it was read": {"\x7fELF", func(b *bench, _, _ string) { b.program("server", "\x7fELF two") }, 0},
		"code by its environment":   {"\x7fELF", func(b *bench, _, _ string) { b.item.Facts.Environment = []string{"LD_PRELOAD"} }, 0},
		"a script, run by PATH":     {"#!/usr/bin/env node\n", func(*bench, string, string) {}, 0},
		"a script that others may change": {"#!/bin/sh\n", func(b *bench, file, _ string) {
			if err := os.Chmod(file, 0o777); err != nil {
				b.t.Fatal(err)
			}
		}, 0},
	} {
		b := newBench(t)
		file, sum := b.program("server", c.text)
		b.declare("ours", sum, file, "a")
		b.configure(sum, file, "a")
		c.change(b, file, sum)
		start, ok := b.known(1000, file, "a")
		if !ok || start.Flags != uint16(c.flags) || start.Principal != uint16(bpf.PrincipalFirst) {
			t.Errorf("%s: %+v %t", name, start, ok)
		}
	}
}

// Content decides between declarations of one command; what fits none of them is the first one's, as other content.
func TestContentTellsDeclarationsApart(t *testing.T) {
	b := newBench(t)
	file, sum := b.program("server", "\x7fELF one")
	other := strings.Repeat("2", 64)
	first, second, otherwise := uint16(bpf.PrincipalFirst), uint16(bpf.PrincipalFirst)+1, uint16(bpf.StartOther)
	for name, c := range map[string]struct {
		declared []string // sums
		content  string   // of what alice configured; "": she did not
		want     bpf.Start
	}{
		"the second one's":               {[]string{other, sum}, "", bpf.Start{Principal: second}},
		"nobody's":                       {[]string{other, strings.Repeat("3", 64)}, "", bpf.Start{Principal: first, Flags: otherwise}},
		"no content is declared, beside": {[]string{other, ""}, "", bpf.Start{Principal: second}},
		"nobody's, configured":           {[]string{other, strings.Repeat("3", 64)}, sum, bpf.Start{Principal: first, Flags: otherwise}},
	} {
		b.policy, b.item = "", inventory.Item{}
		for i, sum := range c.declared {
			b.declare(fmt.Sprint("ours-", i), sum, file, "a")
		}
		if c.content != "" {
			b.configure(c.content, file, "a")
		}
		if start, ok := b.known(1000, file, "a"); !ok || start != c.want {
			t.Errorf("%s: %+v %t, want %+v", name, start, ok, c.want)
		}
	}
	b.policy, b.item = "", inventory.Item{}
	b.declare("ours", other, file, "a")
	b.configure(sum, file, "a")
	b.item.Approval.State = "approved"
	if start, ok := b.known(1000, file, "a"); !ok || start.Flags != otherwise|uint16(bpf.StartApproved) {
		t.Errorf("other content, approved: %+v %t", start, ok)
	}
}

func TestDecisionsReachTheKernel(t *testing.T) {
	b := newBench(t)
	file, _ := b.program("server", "x")
	b.configure("", file, "a")
	for state, want := range map[string]bpf.StartFlag{"pending": 0, "changed": 0, "approved": bpf.StartApproved, "pinned": bpf.StartApproved, "revoked": bpf.StartRevoked} {
		b.item.Approval.State = state
		if start, ok := b.known(1000, file, "a"); !ok || start.Flags != uint16(want) {
			t.Errorf("%s: %+v %t", state, start, ok)
		}
		if _, ok := b.known(bpf.CommandAnyone, file, "a"); ok {
			t.Errorf("%s: one person's is everybody's", state)
		}
	}
	b.item.Owner = "system"
	if _, ok := b.known(bpf.CommandAnyone, file, "a"); !ok {
		t.Error("the system's is nobody's")
	}
}

// A command with variables is known by what of it is certain, and as what sessions make of it: that is decided about as the item, and
// never pinned.
func TestVariablesAreFilledIn(t *testing.T) {
	b := newBench(t)
	file, sum := b.program("server", "\x7fELF one")
	b.declare("ours", sum, file, "--key=v")
	b.item = inventory.Item{Kind: inventory.KindConnector, Owner: "alice", Approval: inventory.Approval{State: "approved"}}
	b.item.Identity.Command = []string{file, "--key=${KEY}"}
	b.item.Identity.Files = []inventory.Part{{Name: file, Value: sum}}
	b.item.Facts.Spell(b.item.Identity.Command, b.dir)
	approved := uint16(bpf.StartApproved)
	open := func() []bpf.Command {
		var out []bpf.Command
		for key := range b.told() {
			if key.Length == bpf.CommandOpen && key.Uid == 1000 && key.Argc == 1 {
				out = append(out, key)
			}
		}
		return out
	}
	if start, ok := b.known(1000, file, "--key=w"); ok || len(open()) != 2 {
		t.Errorf("without a session: %+v, open %+v", start, open())
	}
	b.filled = func(it *inventory.Item, uid uint32) [][]string {
		if uid != 1000 || len(it.Facts.Open.Argv()) != 2 {
			t.Errorf("%d is asked for what becomes of %v", uid, it.Facts.Open.Argv())
		}
		return [][]string{{file, "--key=v"}, {file, "--key=w"}}
	}
	if start, ok := b.known(1000, file, "--key=w"); !ok || start != (bpf.Start{Flags: approved}) {
		t.Errorf("what a session makes of it: %+v %t", start, ok)
	}
	if start, ok := b.known(1000, file, "--key=v"); !ok || start != (bpf.Start{Flags: approved, Principal: uint16(bpf.PrincipalFirst)}) {
		t.Errorf("what is declared: %+v %t", start, ok)
	}
	if _, ok := b.known(1000, "server", "--key=w"); !ok || len(open()) != 2 {
		t.Errorf("its name alone is not known, or it is open no more: %+v", open())
	}
	b.item.Owner = "system"
	if start, ok := b.known(1000, file, "--key=w"); !ok || start.Flags != approved {
		t.Errorf("everybody's: %+v %t", start, ok)
	}
	if _, ok := b.known(bpf.CommandAnyone, file, "--key=w"); ok {
		t.Error("what one person's session makes of it is everybody's")
	}
}

// A project that brings very many leaves the person's own, and other people's.
func TestManyConnectorsCrowdNobodyOut(t *testing.T) {
	b := newBench(t)
	var items []inventory.Item
	for i := range 3 * ownMax {
		b.configure("", "server", fmt.Sprint(i))
		b.item.Scope = inventory.ScopeProject
		items = append(items, b.item)
	}
	for _, owner := range []string{"alice", "system"} {
		b.configure("", "server", owner)
		b.item.Owner, b.item.Scope = owner, inventory.ScopeUser
		items = append(items, b.item)
	}
	p, err := enforce.Parse(map[string]string{"a.toml": "version = 1\nbase = \"none\"\n"}, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	im, err := enforce.Compile(p, nil, 1, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	people := []live.Person{{Home: discover.Home{User: "alice", Dir: b.dir}, Person: disk.Person{UID: 1000}}}
	told, untold := Commands(p, im, items, people, nil, &Programs{})
	if untold != 2*ownMax+1 || len(told) > bpf.CommandsMax/4 {
		t.Errorf("%d told, %d not", len(told), untold)
	}
	for _, owner := range []string{"alice", "system"} {
		key := "server\x00" + owner + "\x00"
		found := false
		for k := range told {
			found = found || string(k.Text[:k.Length]) == key
		}
		if !found {
			t.Errorf("%s's own is not told", owner)
		}
	}
}

// A name without a folder leads to whatever the usual folders have, a relative one to the folder that it counts from.
func TestProgramsAreFound(t *testing.T) {
	b := newBench(t)
	bin := filepath.Join(b.dir, ".nvm/versions/node/v24.1.0/bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	file, _ := b.program("npx-cli.js", "#!/usr/bin/env node\n")
	if err := os.Symlink(file, filepath.Join(bin, "reeve-test-npx")); err != nil {
		t.Fatal(err)
	}
	b.configure("", "reeve-test-npx", "-y")
	if _, ok := b.known(1000, file, "-y"); !ok {
		t.Error("by its name")
	}
	b.configure("", "./npx-cli.js", "-y")
	if _, ok := b.known(1000, file, "-y"); !ok {
		t.Error("in its folder")
	}
	b.configure("", "reeve-test-nowhere", "-y")
	if _, ok := b.known(1000, "reeve-test-nowhere", "-y"); !ok {
		t.Error("what is not found is not known by its name")
	}
	avoiding := &Programs{Avoid: []string{b.dir}}
	avoiding.afresh()
	if found := avoiding.Find(file, "", "/"); found != nil {
		t.Errorf("on a mount that may not answer: %v", found)
	}
}
