// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
)

// rig is a running keeper over one home.
type rig struct {
	*Keeper
	t    *testing.T
	home string
	mu   sync.Mutex
	told []string
}

func start(t *testing.T, state string, change ...func(*Keeper)) *rig {
	t.Helper()
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, home: t.TempDir()}
	bounds := discover.Defaults
	bounds.System = nil
	r.Keeper, err = New(Options{
		Catalogue: c, Bounds: bounds, State: state, Every: time.Hour, Limit: time.Minute, Log: slog.New(slog.DiscardHandler),
		People: func() []Person {
			return []Person{{discover.Home{User: "alice", Dir: r.home}, disk.Person{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}, nil}}
		},
		Changed: func(it inventory.Item, diff []inventory.Change) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, fmt.Sprintf("%s %d", it.ID(), len(diff)))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(r.Keeper)
	}
	return r
}

// run runs the keeper until the test ends, from its first full pass on.
func (r *rig) run() (stop func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(stop)
	r.await("the first pass", func() bool { return !r.Progress().Ended.IsZero() })
	return stop
}

func (r *rig) await(what string, holds func() bool) {
	r.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	r.t.Fatalf("%s: not within 20 s", what)
}

func (r *rig) put(name, text string) {
	r.t.Helper()
	full := filepath.Join(r.home, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		r.t.Fatal(err)
	}
	// As editors and agents do: beside it, and into its place.
	if err := os.WriteFile(full+".new", []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(full+".new", full); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) has(kind inventory.Kind, name string) *inventory.Item {
	items := r.Items(nil)
	i := slices.IndexFunc(items, func(it inventory.Item) bool { return it.Kind == kind && it.Name == name })
	if i < 0 {
		return nil
	}
	return &items[i]
}

func TestChangesWhileNobodyLookedAreTold(t *testing.T) {
	state := t.TempDir()
	r := start(t, state)
	r.put(".claude.json", servers("srv"))
	r.put(".claude/skills/same/SKILL.md", "---\nname: same\n---\n")
	r.run()()
	again := start(t, state)
	again.home = r.home
	again.put(".claude.json", servers("other"))
	again.put(".claude/skills/new/SKILL.md", "---\nname: new\n---\n")
	again.run()
	again.mu.Lock()
	defer again.mu.Unlock()
	slices.Sort(again.told)
	if told := strings.Join(again.told, ", "); told != "connector:one 2, skill:new 0" {
		t.Error(told)
	}
}

// Each program of an agent is told with its version whenever its part is looked at, those that are not new too.
func TestInstalledProgramsAreTold(t *testing.T) {
	var mu sync.Mutex
	told := map[string]int{}
	r := start(t, t.TempDir(), func(k *Keeper) {
		k.o.Installed = func(file, version string) {
			mu.Lock()
			defer mu.Unlock()
			told[filepath.Base(file)+" "+version]++
		}
	})
	r.put(".local/share/claude/versions/2.1.330", "x")
	r.put(".claude.json", servers("srv"))
	for range 2 {
		r.Once(t.Context())
	}
	if len(told) != 1 || told["2.1.330 2.1.330"] < 2 {
		t.Errorf("%v", told)
	}
}

// saw has an event taken in, and waits until it is.
func (r *rig) saw(e *event.Event) {
	r.t.Helper()
	if !r.Saw(e) {
		r.t.Fatal("no room")
	}
	r.await("an act", func() bool { return len(r.acts) == 0 })
	time.Sleep(20 * time.Millisecond) // it may be out of the channel and not yet in
}

func servers(command string) string {
	return `{"mcpServers":{"one":{"command":"` + command + `","args":["--stdio"]}}}`
}

// Each change that matters is in the inventory soon, also in folders that were not there.
func TestChangesAreSeen(t *testing.T) {
	r := start(t, "")
	r.put("proj/.mcp.json", `{"mcpServers":{"old":{"command":"x"}}}`)
	r.run()
	if r.has(inventory.KindConnector, "old") == nil {
		t.Fatalf("%+v", r.Items(nil))
	}
	for _, step := range []struct {
		what  string
		do    func()
		holds func() bool
	}{
		{"a file in the home", func() { r.put(".claude.json", servers("srv")) }, func() bool { return r.has(inventory.KindConnector, "one") != nil }},
		{"another command", func() { r.put(".claude.json", servers("other")) }, func() bool {
			it := r.has(inventory.KindConnector, "one")
			return it != nil && it.Identity.Command[0] == "other"
		}},
		{"a folder that was not there", func() { r.put(".cursor/mcp.json", servers("srv")) }, func() bool {
			it := r.has(inventory.KindConnector, "one")
			return it != nil && len(r.Items(nil)) >= 3
		}},
		{"a skill", func() { r.put(".claude/skills/s/SKILL.md", "---\nname: s\n---\n") }, func() bool { return r.has(inventory.KindSkill, "s") != nil }},
		{"a file in the skill", func() { r.put(".claude/skills/s/scripts/deep/run.sh", "x") }, func() bool {
			it := r.has(inventory.KindSkill, "s")
			return it != nil && len(it.Identity.Files) == 2
		}},
		{"in a project", func() { r.put("proj/.mcp.json", `{"mcpServers":{"new":{"command":"x"}}}`) }, func() bool {
			return r.has(inventory.KindConnector, "new") != nil && r.has(inventory.KindConnector, "old") == nil
		}},
		{"a project that an agent worked in", func() {
			r.put("fresh/README", "x")
			r.put(".claude.json", `{"projects":{"`+r.home+`/fresh":{}}}`)
		}, func() bool { return r.Progress().Projects == 2 }},
		{"its settings", func() { r.put("fresh/.mcp.json", `{"mcpServers":{"three":{"command":"x"}}}`) }, func() bool { return r.has(inventory.KindConnector, "three") != nil }},
		{"a file that broke", func() { r.put("proj/.mcp.json", `{`) }, func() bool { return r.has(inventory.KindFile, ".mcp.json") != nil }},
		{"a folder that is gone", func() {
			if err := os.RemoveAll(r.home + "/.cursor"); err != nil {
				t.Fatal(err)
			}
		}, func() bool { return r.has(inventory.KindConnector, "one") == nil }},
	} {
		step.do()
		r.await(step.what, step.holds)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if told := strings.Join(r.told, ", "); !strings.Contains(told, "connector:one 0, connector:one 2") || !strings.Contains(told, "skill:s 0") {
		t.Errorf("%s", told)
	}
}

func TestWhatIsRememberedOutlivesTheKeeper(t *testing.T) {
	state := t.TempDir()
	r := start(t, state)
	r.put(".claude.json", servers("srv"))
	stop := r.run()
	first := r.has(inventory.KindConnector, "one").First
	if first.IsZero() {
		t.Fatal("not seen")
	}
	e := &event.Event{Kind: event.Exec, Session: "f3e2-1", User: "alice", Time: first, Program: "srv", Argv: []string{"srv", "--stdio"}, Skipped: 1}
	e.Head.Session, e.Head.Flags = 1, uint16(bpf.EventByAgent)
	r.saw(e)
	stop()
	again := start(t, state)
	again.home = r.home
	again.run()
	it := again.has(inventory.KindConnector, "one")
	if it == nil || !it.First.Equal(first) || it.Last.Before(first) || len(it.Sessions) != 1 || it.Sessions[0].Session != "f3e2-1" {
		t.Errorf("%+v", it)
	}
	if earlier, at := again.Earlier(); at.IsZero() || len(earlier) != len(again.Items(nil)) {
		t.Errorf("%d items at %s", len(earlier), at)
	}
	if len(again.told) != 0 {
		t.Errorf("what was there before is told as new: %v", again.told)
	}
}

func TestOnlyTheAgentItselfUses(t *testing.T) {
	r := start(t, "")
	r.put(".claude.json", servers("srv"))
	r.put(".claude/skills/s/SKILL.md", "---\nname: s\n---\n")
	r.run()
	for name, tc := range map[string]struct {
		change func(*event.Event)
		uses   bool
	}{
		"the agent":          {func(*event.Event) {}, true},
		"by way of a script": {func(e *event.Event) { e.Argv, e.Skipped = []string{"node", "/opt/srv", "--stdio"}, 2 }, true},
		"its shell":          {func(e *event.Event) { e.Head.Flags = 0 }, false},
		"other arguments":    {func(e *event.Event) { e.Argv = []string{"srv", "--stdio", "--all"} }, false},
		"by way of a link":   {func(e *event.Event) { e.Program = "srv-1.2" }, true},
		"a link to a script": {func(e *event.Event) {
			e.Program, e.Argv, e.Skipped = "srv.js", []string{"/usr/bin/env", "node", "/usr/bin/srv", "--stdio"}, 3
		}, true},
		"another program":    {func(e *event.Event) { e.Program, e.Argv = "else", []string{"else", "--stdio"} }, false},
		"somebody else":      {func(e *event.Event) { e.User = "bob" }, false},
		"a record cut short": {func(e *event.Event) { e.Argv = nil }, false},
		"behind other words": {func(e *event.Event) { e.Argv = []string{"a", "b", "c", "d", "srv", "--stdio"} }, false},
	} {
		e := &event.Event{Kind: event.Exec, Session: "s-" + strings.ReplaceAll(name, " ", "-"), User: "alice", Program: "srv", Argv: []string{"srv", "--stdio"}, Skipped: 1}
		e.Head.Session, e.Head.Flags = 1, uint16(bpf.EventByAgent)
		tc.change(e)
		r.saw(e)
		it := r.has(inventory.KindConnector, "one")
		if used := slices.ContainsFunc(it.Sessions, func(u inventory.Use) bool { return u.Session == e.Session }); used != tc.uses {
			t.Errorf("%s: %v", name, used)
		}
	}
	read := &event.Event{Kind: event.Access, Op: "file.read", Object: r.home + "/.claude/skills/s/SKILL.md", Session: "s", User: "alice"}
	read.Head.Session = 1
	r.saw(read)
	if it := r.has(inventory.KindSkill, "s"); len(it.Sessions) != 1 {
		t.Errorf("%+v", it)
	}
}

func TestOnePersonFillsNoMemory(t *testing.T) {
	r := start(t, "", func(k *Keeper) {
		real := k.pass
		k.pass = func(p place, who Person, avoid []string) (discover.Result, error) {
			out, err := real(p, who, avoid)
			if p.what == "search" {
				for i := range itemsMax {
					out.Items = append(out.Items, inventory.Item{Kind: inventory.KindCommand, Name: fmt.Sprint(i), Owner: "alice", Digest: fmt.Sprint(i)})
				}
			}
			return out, err
		}
	})
	r.put(".claude.json", servers("srv"))
	r.run()
	if it := r.has(inventory.KindFile, "search"); it == nil || !strings.Contains(it.Error, "1 of its items are not listed: alice has more than") {
		t.Errorf("%+v", it)
	}
	if n := len(r.Items(nil)); n != itemsMax+1 {
		t.Errorf("%d items", n)
	}
}

// A part whose file system does not answer is said to be one, and delays no other.
func TestPartThatHangsDelaysNoOther(t *testing.T) {
	hang := make(chan struct{})
	r := start(t, "", func(k *Keeper) {
		started := make(chan time.Time, 1)
		k.after = func(p place) (<-chan time.Time, func()) {
			if p.what == "search" {
				return started, func() {}
			}
			return nil, func() {}
		}
		real := k.pass
		k.pass = func(p place, who Person, avoid []string) (discover.Result, error) {
			switch p.what {
			case "search":
				select {
				case started <- time.Now():
				default:
				}
				<-hang
			case "system":
				return discover.Result{}, errors.New("refused")
			}
			return real(p, who, avoid)
		}
	})
	r.put(".claude.json", servers("srv"))
	r.run()
	if r.has(inventory.KindConnector, "one") == nil {
		t.Error("another part was delayed")
	}
	if it := r.has(inventory.KindFile, "search"); it == nil || !strings.Contains(it.Error, "did not end in time") {
		t.Errorf("%+v", r.Items(nil))
	}
	if it := r.has(inventory.KindFile, "system"); it == nil || it.Error != "refused" {
		t.Errorf("%+v", r.Items(nil))
	}
	r.put(".claude.json", servers("other"))
	r.await("a change beside it", func() bool { return r.has(inventory.KindConnector, "one").Identity.Command[0] == "other" })
	r.Refresh()
	before := r.Progress().Ended
	r.await("another pass", func() bool { return r.Progress().Ended.After(before) })
	if n := len(r.Items(nil)); n != 3 {
		t.Errorf("%d items: %+v", n, r.Items(nil))
	}
	// It answers after all: what it has takes the place of what was said.
	close(hang)
	r.await("the answer", func() bool { return r.has(inventory.KindFile, "search") == nil })
}
