// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	keeping "github.com/reeve-sensor/reeve/sensor/inventory/live"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// filled are fillings over a table of sessions, with environments by pid.
type filled struct {
	*fillings
	table *session.Table
	env   map[uint32]map[string]string
	asked int
}

func newFilled(t *testing.T) *filled {
	t.Helper()
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	f := &filled{fillings: newFillings(&stock{agents: agents}), table: session.New(session.DefaultLimits), env: map[uint32]map[string]string{}}
	f.view = func(look func(*session.Table)) { look(f.table) }
	f.environment = func(root session.Key, names []string) (map[string]string, error) {
		f.asked++
		env, there := f.env[root.PID]
		if !there {
			return nil, errors.New("no process")
		}
		out := map[string]string{}
		for _, name := range names {
			if value, set := env[name]; set {
				out[name] = value
			}
		}
		return out, nil
	}
	return f
}

// starts has a session of an agent begin, whose number is its pid.
func (f *filled) starts(agent string, uid, pid uint32, env map[string]string) {
	f.startsIn(0, agent, uid, pid, env)
}

// startsIn has it begin inside of another session.
func (f *filled) startsIn(parent uint64, agent string, uid, pid uint32, env map[string]string) {
	f.env[pid] = env
	e := sessionStart(f.agents.ByName(agent).ID, uid, session.Key{PID: pid})
	e.ParentID = parent
	f.table.Apply(e)
}

func sessionStart(agent, uid uint32, root session.Key) *event.Event {
	head := event.Head{Kind: event.SessionStart, Session: uint64(root.PID), Agent: agent, UID: uid, PID: root.PID, Started: root.Started}
	return &event.Event{Kind: event.SessionStart, Time: time.Unix(1, 0), Head: head}
}

// lines are what a user's sessions make of an item.
func (f *filled) lines(it *inventory.Item, uid uint32) []string {
	f.begin([]inventory.Item{*it})
	defer f.end()
	var out []string
	for _, argv := range f.of(it, uid) {
		out = append(out, strings.Join(argv, "|"))
	}
	slices.Sort(out)
	return out
}

func spelled(argv ...string) *inventory.Item {
	it := &inventory.Item{Kind: inventory.KindConnector, Scope: inventory.ScopeUser, Agents: []string{"claude-code"}}
	it.Facts.Spell(argv, "/")
	return it
}

// A session's command is made of what its agent was given, for its user, and given back when it ends; equal ones are one.
func TestSessionsFillInVariables(t *testing.T) {
	f := newFilled(t)
	it := spelled("x", "${A}", "--b=${B}")
	check := func(what string, uid uint32, want ...string) {
		t.Helper()
		if got := f.lines(it, uid); !slices.Equal(got, want) {
			t.Errorf("%s: %q", what, got)
		}
	}
	check("no session", 1000)
	f.starts("claude-code", 1000, 1, map[string]string{"A": "one two", "B": "", "SECRET": "s"})
	check("one", 1000, "x|one two|--b=")
	check("of somebody else", 1001)
	f.starts("claude-code", 1000, 2, map[string]string{"A": "one two", "B": ""})
	check("the same again", 1000, "x|one two|--b=")
	f.starts("claude-code", 1000, 3, map[string]string{"A": "three"})
	check("with one that is not set", 1000, "x|one two|--b=", "x|three|--b=${B}")
	f.starts("codex", 1000, 4, map[string]string{"A": "five", "B": "six"})
	check("of an agent that does not read it", 1000, "x|one two|--b=", "x|three|--b=${B}")
	f.env[3]["A"] = "changed"
	check("what the agent makes of its environment later", 1000, "x|one two|--b=", "x|three|--b=${B}")
	for _, pid := range []uint64{1, 3} {
		f.table.Apply(&event.Event{Kind: event.SessionEnd, Time: time.Unix(2, 0), Head: event.Head{Kind: event.SessionEnd, Session: pid}})
	}
	check("two have ended", 1000, "x|one two|--b=")
	for _, x := range f.made {
		if x.values != nil {
			t.Errorf("values are kept: %v", x.values)
		}
	}
	it.Scope = inventory.ScopeExtension
	check("of an extension, whose variables are its own", 1000)
}

// Nobody is asked for an environment that no command depends on, and one that cannot be read is no session's.
func TestEnvironmentIsAskedForOnce(t *testing.T) {
	f := newFilled(t)
	f.starts("claude-code", 1000, 1, map[string]string{"A": "a"})
	if f.lines(spelled("x", "y"), 1000); f.asked != 0 || f.wanted() {
		t.Errorf("asked %d times, wanted %t", f.asked, f.wanted())
	}
	for range 3 {
		f.lines(spelled("x", "${A}"), 1000)
	}
	if f.asked != 1 || !f.wanted() {
		t.Errorf("asked %d times, wanted %t", f.asked, f.wanted())
	}
	f.starts("claude-code", 1000, 2, nil)
	delete(f.env, 2)
	if got := f.lines(spelled("z", "${A}"), 1000); !slices.Equal(got, []string{"z|a"}) {
		t.Errorf("%q", got)
	}
}

// A session that begins has no environment for a moment: it is asked again, and nothing is remembered of that.
func TestEnvironmentThatIsNotThereYetIsAskedForAgain(t *testing.T) {
	f := newFilled(t)
	f.starts("claude-code", 1000, 1, map[string]string{"A": "a"})
	there := f.environment
	f.environment = func(session.Key, []string) (map[string]string, error) { return nil, procfs.ErrStarting }
	if got := f.lines(spelled("x", "${A}"), 1000); len(got) != 0 || !f.late {
		t.Errorf("%q, late %t", got, f.late)
	}
	f.environment = there
	if got := f.lines(spelled("x", "${A}"), 1000); !slices.Equal(got, []string{"x|a"}) || f.late {
		t.Errorf("%q, late %t", got, f.late)
	}
}

// What a session gives to an agent that it starts is what it made up, and approves nothing.
func TestSessionsInSessionsFillInNothing(t *testing.T) {
	f := newFilled(t)
	it := spelled("x", "${A}")
	f.starts("vscode", 1000, 1, map[string]string{"A": "editor"})
	f.startsIn(1, "claude-code", 1000, 2, map[string]string{"A": "terminal"})
	f.startsIn(2, "claude-code", 1000, 3, map[string]string{"A": "made up"})
	f.startsIn(99, "claude-code", 1000, 4, map[string]string{"A": "of nobody knows whom"})
	if got := f.lines(it, 1000); !slices.Equal(got, []string{"x|terminal"}) {
		t.Errorf("%q", got)
	}
}

func TestFillingsAreBounded(t *testing.T) {
	f := newFilled(t)
	for i := range uint32(fillingsMax) + 10 {
		f.starts("claude-code", 1000, i+1, map[string]string{"A": fmt.Sprint(i)})
	}
	f.starts("claude-code", 1001, 5000, map[string]string{"A": "other"})
	if n := len(f.lines(spelled("x", "${A}"), 1000)); n != fillingsMax {
		t.Errorf("%d commands of one person", n)
	}
	if got := f.lines(spelled("x", "${A}"), 1001); !slices.Equal(got, []string{"x|other"}) {
		t.Errorf("of somebody else: %q", got)
	}
	long := newFilled(t)
	long.starts("claude-code", 1000, 1, map[string]string{"A": strings.Repeat("a", bpf.CommandText)})
	if got := long.lines(spelled("x", "${A}"), 1000); len(got) != 0 {
		t.Errorf("a command that the kernel would know in part: %d bytes", len(got[0]))
	}
}

// What a person approved is known as itself where a real process has what its command asks for, for as long as that one's session lives.
func TestApprovedConnectorIsKnownWithItsVariables(t *testing.T) {
	program := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(program, []byte("one"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := stockedWith(t, "version = 1\n")
	uid := uint32(os.Getuid())
	people := func() []keeping.Person {
		return []keeping.Person{{Home: discover.Home{User: "alice", Dir: s.home}, Person: disk.Person{UID: uid}}}
	}
	k := &kernelMap{}
	c := &starts{stock: s.stock, people: people, kernel: k, log: slog.New(slog.DiscardHandler), fillings: newFillings(s.stock)}
	table := session.New(session.DefaultLimits)
	c.fillings.view = func(look func(*session.Table)) { look(table) }
	known := func(what, line string, want bool) {
		t.Helper()
		s.await(what, func() bool {
			c.look(time.Now())
			is, ok := k.start(line)
			return ok == want && (!ok || is.Flags == uint16(bpf.StartApproved))
		})
	}
	s.put(".claude.json", fmt.Sprintf(`{"mcpServers":{"srv":{"command":%q,"args":["--key=${KEY}"]}}}`, program))
	s.await("the configuration", func() bool { it := s.item("connector:srv"); return it != nil && it.NotHeld == "" })
	if _, err := s.Decide(&approve.Request{State: approve.Approved, Kind: inventory.KindConnector, Name: "srv"}, event.Actor{}); err != nil {
		t.Fatal(err)
	}
	s.await("what is certain", func() bool { c.look(time.Now()); _, ok := k.start("server --key="); return ok })
	known("without a session", program+" --key=v1", false)
	agent := exec.Command("/bin/sleep", "60")
	agent.Env = []string{"KEY=v1"}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	pid := uint32(agent.Process.Pid)
	table.Apply(sessionStart(s.agents.ByName("claude-code").ID, uid, session.Key{PID: pid, Started: procfs.Started(pid)}))
	known("in a session", program+" --key=v1", true)
	table.Apply(&event.Event{Kind: event.SessionEnd, Time: time.Unix(2, 0), Head: event.Head{Kind: event.SessionEnd, Session: uint64(pid)}})
	known("after it", program+" --key=v1", false)
}
