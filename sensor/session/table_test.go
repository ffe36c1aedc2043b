// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
)

var epoch = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func at(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

func ev(kind event.Kind, n int, session uint64, pid uint32, started uint64) *event.Event {
	return &event.Event{Kind: kind, Time: at(n), Head: event.Head{
		Kind: kind, Session: session, PID: pid, Started: started, UID: 1000, Agent: 1, Action: event.Allow, Comm: "x",
	}}
}

func forkOf(n int, session uint64, pid uint32, started uint64, parent Key) *event.Event {
	e := ev(event.Fork, n, session, pid, started)
	e.ParentPID, e.ParentStarted = parent.PID, parent.Started
	return e
}

func TestSessionIsFollowedFromStartToEnd(t *testing.T) {
	table := New(DefaultLimits)
	start := ev(event.SessionStart, 0, 7, 10, 100)
	start.LoginUID, start.ParentID, start.Cause = 1001, 3, event.CauseAdopt
	exec := ev(event.Exec, 2, 7, 11, 110)
	exec.Object, exec.Path, exec.Command = "bash -c x", "/bin/bash", "x"
	denied := ev(event.Access, 3, 7, 11, 110)
	denied.Head.Action, denied.Head.Flags = event.Deny, uint16(bpf.EventApplied)
	refused := ev(event.Network, 3, 7, 11, 110)
	refused.Head.Action, refused.Head.Flags, refused.Repeats = event.Deny, uint16(bpf.EventApplied), 2
	exit := ev(event.Exit, 4, 7, 11, 110)
	exit.Status = 256
	for _, e := range []*event.Event{start, forkOf(1, 7, 11, 110, Key{10, 100}), exec, denied, refused, exit} {
		table.Apply(e)
	}
	s := table.Session(7)
	if s.User() != 1001 || s.Parent != 3 || s.Cause != event.CauseAdopt || s.Partial || s.Root != (Key{10, 100}) {
		t.Errorf("start: %+v", s)
	}
	if s.Counts[event.Deny] != 4 || s.Counts[event.Allow] != 1 || s.Refused != 4 || s.Living() != 1 {
		t.Errorf("counts %v, refused %d, living %d", s.Counts, s.Refused, s.Living())
	}
	p := s.Process(Key{11, 110})
	if p.Line != "bash -c x" || p.Command != "x" || p.Status != 256 || !p.Ended.Equal(at(4)) {
		t.Errorf("process: %+v", p)
	}
	table.Apply(ev(event.SessionEnd, 5, 7, 10, 100))
	if !s.Over() || s.Living() != 0 || table.Of(10) != nil || table.Living() != 0 {
		t.Errorf("after the end: %+v", s)
	}
}

func TestTheFirstProcessHasTheSessionsProgram(t *testing.T) {
	table := New(DefaultLimits)
	table.Apply(ev(event.SessionStart, 0, 7, 10, 100))
	s, root := table.Session(7), Key{10, 100}
	s.Program = "/opt/agent" // as /proc says
	table.Apply(ev(event.Exec, 1, 7, 10, 100))
	if p := s.Process(root); p.Path != "/opt/agent" {
		t.Errorf("path %q of the process that began the session", p.Path)
	}
	table.Apply(forkOf(2, 7, 11, 110, root))
	if p := s.Process(Key{11, 110}); p.Path != "/opt/agent" {
		t.Errorf("path %q of its child", p.Path)
	}
	again := ev(event.Exec, 3, 7, 10, 100)
	again.Path = "/usr/bin/bash"
	table.Apply(again)
	if p := s.Process(root); p.Path != "/usr/bin/bash" || s.Program != "/opt/agent" {
		t.Errorf("path %q after another exec, program %q", p.Path, s.Program)
	}
}

func TestWhatComesAfterTheEndIsKept(t *testing.T) {
	table := New(DefaultLimits)
	table.Apply(ev(event.SessionStart, 0, 7, 10, 100))
	table.Apply(ev(event.SessionEnd, 3, 7, 10, 100))
	late := ev(event.Exec, 2, 7, 11, 110)
	late.Object = "ls"
	table.Apply(late)
	s := table.Session(7)
	if s.Process(Key{11, 110}).Line != "ls" || s.Living() != 0 || table.Of(11) != nil {
		t.Errorf("a late event revived something: living %d", s.Living())
	}
}

func TestLostStartMakesAPartialSession(t *testing.T) {
	table := New(DefaultLimits)
	table.Apply(ev(event.Exec, 0, 7, 10, 100))
	if s := table.Session(7); s == nil || !s.Partial || s.User() != 1000 {
		t.Fatalf("%+v", s)
	}
	table.Apply(ev(event.SessionStart, 1, 7, 10, 100))
	if table.Session(7).Partial {
		t.Error("still partial after its start")
	}
}

func TestReusedPIDBelongsToTheNewSession(t *testing.T) {
	table := New(DefaultLimits)
	table.Apply(ev(event.SessionStart, 0, 7, 10, 100))
	table.Apply(ev(event.SessionStart, 1, 8, 10, 200))
	if s := table.Of(10); s == nil || s.ID != 8 {
		t.Errorf("pid 10 is of %+v", s)
	}
	if table.Session(7).Living() != 0 {
		t.Error("the old process lives on")
	}
}

func TestChildSessions(t *testing.T) {
	table := New(DefaultLimits)
	for id, parent := range map[uint64]uint64{1: 0, 2: 1, 3: 2, 4: 1, 5: 0} {
		e := ev(event.SessionStart, int(id), id, uint32(id), id)
		e.ParentID = parent
		table.Apply(e)
	}
	var got []uint64
	for _, s := range table.Family(1) {
		got = append(got, s.ID)
	}
	if len(got) != 4 || got[0] != 1 || got[1] != 2 || got[2] != 4 || got[3] != 3 {
		t.Errorf("family of 1: %v", got)
	}
}

func TestTree(t *testing.T) {
	table := New(DefaultLimits)
	table.Apply(ev(event.SessionStart, 0, 7, 10, 100))
	table.Apply(forkOf(2, 7, 12, 120, Key{10, 100}))
	table.Apply(forkOf(1, 7, 11, 110, Key{10, 100}))
	table.Apply(forkOf(3, 7, 13, 130, Key{11, 110}))
	table.Apply(forkOf(3, 7, 99, 140, Key{98, 1}))
	roots := table.Session(7).Tree()
	if len(roots) != 2 || roots[0].PID != 10 || roots[1].PID != 99 {
		t.Fatalf("%d roots", len(roots))
	}
	c := roots[0].Children
	if len(c) != 2 || c[0].PID != 11 || c[1].PID != 12 || len(c[0].Children) != 1 {
		t.Errorf("children %+v", c)
	}
}

func TestTableForgetsWithinItsLimits(t *testing.T) {
	table := New(Limits{Sessions: 3, Processes: 10, Keep: time.Hour})
	table.Apply(ev(event.SessionStart, 0, 1, 1, 1))
	for i := range 50 {
		pid := uint32(100 + i)
		table.Apply(forkOf(i, 1, pid, uint64(pid), Key{1, 1}))
		if i == 5 {
			denied := ev(event.Access, i, 1, pid, uint64(pid))
			denied.Head.Action = event.Deny
			table.Apply(denied)
		}
		table.Apply(ev(event.Exit, i, 1, pid, uint64(pid)))
	}
	s := table.Session(1)
	if len(s.processes) != 10 || s.Forgotten != 41 {
		t.Errorf("%d processes, %d forgotten", len(s.processes), s.Forgotten)
	}
	if s.Process(Key{105, 105}) == nil {
		t.Error("a process that was refused something was forgotten before others")
	}
	table.Apply(ev(event.SessionEnd, 60, 1, 1, 1))
	for id := uint64(2); id <= 5; id++ {
		table.Apply(ev(event.SessionStart, 60, id, uint32(id), id))
	}
	if table.Session(1) != nil || table.Session(2) != nil || len(table.sessions) != 3 || table.Evicted != 2 {
		t.Errorf("%d sessions, %d evicted", len(table.sessions), table.Evicted)
	}
	table.Apply(ev(event.SessionEnd, 70, 3, 3, 3))
	table.Expire(at(70 + 3601))
	if table.Session(3) != nil || table.Session(4) == nil {
		t.Error("expiry took the wrong session")
	}
}

func TestIDsComeBack(t *testing.T) {
	b := BootOf("3f2a9c11-aaaa-bbbb-cccc-ddddeeeeffff\n")
	for _, n := range []uint64{1, 31, 32, 33, 1023, 1 << 40, 1<<64 - 1} {
		got, err := b.Parse(b.ID(n))
		if err != nil || got != n {
			t.Errorf("%d → %s → %d, %v", n, b.ID(n), got, err)
		}
	}
	if b.ID(7) != "3f2a-7" || b.ID(0) != "" {
		t.Errorf("%q %q", b.ID(7), b.ID(0))
	}
	if n, err := b.Parse("7K"); n != 7*32+19 || err != nil {
		t.Errorf("short form: %d, %v", n, err)
	}
	for _, bad := range []string{"", "-", "3f2a-", "3f2a-0", "ffff-1", "3f2a-u", "3f2a-zzzzzzzzzzzzzz", "zzzzzzzzzzzzz"} {
		if n, err := b.Parse(bad); !errors.Is(err, ErrID) {
			t.Errorf("%q: %d, %v", bad, n, err)
		}
	}
}
