// SPDX-License-Identifier: Apache-2.0

package session

import (
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
)

func present(session uint64, pid, parent uint32, path string) *event.Event {
	return &event.Event{
		Kind: event.Present, Time: time.Unix(int64(pid), 0), Path: path, Object: path + " line",
		Head:      event.Head{Kind: event.Present, Session: session, PID: pid, Started: uint64(pid) * 10, Comm: path},
		ParentPID: parent, ParentStarted: uint64(parent) * 10,
	}
}

func TestResumedSessionHasItsProcesses(t *testing.T) {
	table := New(DefaultLimits)
	start := &event.Event{Kind: event.SessionStart, Time: time.Unix(5, 0), LoginUID: 1000,
		Head: event.Head{Kind: event.SessionStart, Session: 3, PID: 100, Started: 1000, Agent: 7, UID: 1000}}
	table.Resume(start, 12)
	for _, e := range []*event.Event{present(3, 100, 1, "/opt/agent"), present(3, 101, 100, "/bin/sh"), present(3, 101, 100, "/bin/sh")} {
		table.Apply(e)
	}
	s := table.Session(3)
	if s == nil || !s.Partial || s.Refused != 12 || s.Agent != 7 || s.Program != "/opt/agent" || s.Living() != 2 {
		t.Fatalf("%+v", s)
	}
	child := s.Process(Key{101, 1010})
	if child == nil || child.Parent != s.Root || child.Path != "/bin/sh" || child.Line != "/bin/sh line" {
		t.Errorf("%+v", child)
	}
	// What the ring still held of its beginning comes after.
	table.Apply(start)
	if s.Partial || s.Refused != 12 || s.Living() != 2 {
		t.Errorf("after its start: %+v", s)
	}
	table.Resume(start, 99)
	if s.Refused != 12 {
		t.Error("a session that is known was resumed")
	}
}

// A root that ended is not made alive by its session's going on.
func TestResumedSessionWithoutItsRoot(t *testing.T) {
	table := New(DefaultLimits)
	table.Resume(&event.Event{Kind: event.SessionStart, Head: event.Head{Kind: event.SessionStart, Session: 3, PID: 100, Started: 1000}}, 0)
	table.Apply(present(3, 105, 1, "/bin/left"))
	if s := table.Session(3); s.Living() != 1 || table.Of(100) != nil || table.Of(105) != s {
		t.Errorf("%+v", s)
	}
}

func TestLostEndIsMadeUpFor(t *testing.T) {
	table := New(DefaultLimits)
	for id, began := range map[uint64]int64{1: 10, 2: 10, 3: 30} {
		table.Apply(&event.Event{Kind: event.SessionStart, Time: time.Unix(began, 0),
			Head: event.Head{Kind: event.SessionStart, Session: id, PID: uint32(id), Started: id}})
	}
	table.Reconcile(map[uint64]State{1: {Refused: 4}}, time.Unix(20, 0))
	for id, over := range map[uint64]bool{1: false, 2: true, 3: false} {
		if s := table.Session(id); s.Over() != over {
			t.Errorf("session %d: over is %v", id, s.Over())
		}
	}
}

// What the kernel folds it tells with the next act like it. Where none follows, its count alone has it.
func TestRefusalsAreTheKernelsCount(t *testing.T) {
	table := New(DefaultLimits)
	refusal := &event.Event{Kind: event.Access, Head: event.Head{Kind: event.Access, Session: 1, Action: event.Deny, Flags: uint16(bpf.EventApplied)}}
	table.Apply(refusal)
	table.Reconcile(map[uint64]State{1: {Refused: 5, Switches: 2}}, time.Unix(20, 0))
	table.Apply(refusal) // one of the five
	if s := table.Session(1); s.Refused != 5 || s.Switches != 2 {
		t.Errorf("%d refused while it lives, want 5; switches %x", s.Refused, s.Switches)
	}
	table.Reconcile(map[uint64]State{1: {Refused: 3}}, time.Unix(20, 0)) // read before the last record
	table.Apply(&event.Event{Kind: event.SessionEnd, Time: time.Unix(30, 0), Stopped: 7, Head: event.Head{Kind: event.SessionEnd, Session: 1}})
	if s := table.Session(1); s.Refused != 7 || !s.Over() {
		t.Errorf("%d refused at its end, want 7", s.Refused)
	}
}
