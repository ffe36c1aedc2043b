// SPDX-License-Identifier: Apache-2.0

// This file takes in what was there before the table: sessions that an earlier daemon saw begin, and their processes as
// the kernel lists them.

package session

import (
	"time"

	"github.com/reeve-sensor/reeve/sensor/event"
)

// Resume takes in a session that goes on, told as its start. What it did before is known in sums only.
func (t *Table) Resume(start *event.Event, refused uint64) {
	if t.sessions[start.ID()] != nil {
		return
	}
	s := t.session(start)
	s.start(start)
	s.Partial, s.Refused = true, refused
}

// State is what the kernel alone knows of a session.
type State struct {
	Refused  uint64
	Switches uint32
}

// Reconcile takes what the kernel has of its sessions, by number. Those that began before that moment and were not alive at it
// have ended, and the record of their end was lost.
func (t *Table) Reconcile(living map[uint64]State, at time.Time) {
	for id, s := range t.sessions {
		state, alive := living[id]
		switch {
		case alive:
			s.counted(state.Refused)
			s.Switches = state.Switches
		case !s.Over() && s.Began.Before(at):
			t.end(s, at)
		}
	}
}

// present takes in a process that was there before its session's events. e.Time is when it began.
func (t *Table) present(s *Session, e *event.Event) {
	p := t.process(s, e)
	p.Parent = Key{e.ParentPID, e.ParentStarted}
	if parent := s.processes[p.Parent]; parent != nil {
		parent.children++
	}
	if p.Path == "" {
		p.Path, p.Line, p.Cwd = e.Path, e.Object, e.Cwd
	}
	if p.Key == s.Root && s.Program == "" {
		s.Program, s.Cwd = e.Path, e.Cwd
	}
}
