// SPDX-License-Identifier: Apache-2.0

// This file is how events change the table. The rings deliver in two orders, and what is lost stays lost: every handler
// makes do with what is there.

package session

import (
	"time"

	"github.com/reeve-sensor/reeve/sensor/event"
)

// Apply takes one event in. Its time must be set.
func (t *Table) Apply(e *event.Event) {
	if e.ID() == 0 || e.Kind == event.Derived && t.sessions[e.ID()] == nil {
		return // who runs what a session left behind says nothing of a session that is forgotten
	}
	s := t.session(e)
	s.Events++
	switch e.Kind {
	case event.SessionStart:
		s.start(e)
		t.process(s, e)
	case event.SessionClaim:
		s.Agent = e.Head.Agent
	case event.SessionEnd:
		s.counted(e.Stopped)
		t.end(s, e.Time)
	case event.Present:
		t.present(s, e)
	case event.Fork:
		t.fork(s, e)
	case event.Exec:
		t.exec(s, e)
	case event.Access, event.Network:
		t.access(s, e)
	case event.Held:
		t.held(s, e)
	case event.Exit:
		t.exit(s, e)
	}
	t.shrink(s)
}

// session finds or makes the event's session. One that is made by anything but its start is known in part.
func (t *Table) session(e *event.Event) *Session {
	if s := t.sessions[e.ID()]; s != nil {
		return s
	}
	s := &Session{
		ID: e.ID(), Agent: e.Head.Agent, Role: e.Head.Role, UID: e.Head.UID, LoginUID: noUID, Began: e.Time,
		Partial: e.Kind != event.SessionStart, processes: map[Key]*Process{},
	}
	t.sessions[s.ID] = s
	t.evict(s)
	return s
}

func (s *Session) start(e *event.Event) {
	s.Agent, s.Role, s.UID = e.Head.Agent, e.Head.Role, e.Head.UID
	s.LoginUID, s.Parent, s.Cause = e.LoginUID, e.ParentID, e.Cause
	s.Began, s.Partial = e.Time, false
	s.Root = Key{e.Head.PID, e.Head.Started}
}

// end closes the session. Its processes end with it; what the activity ring still holds of them comes later.
func (t *Table) end(s *Session, at time.Time) {
	s.Ended = at
	for _, p := range s.processes {
		if p.Ended.IsZero() {
			t.ended(s, p, at)
		}
	}
}

func (t *Table) process(s *Session, e *event.Event) *Process {
	k := Key{e.Head.PID, e.Head.Started}
	p := s.processes[k]
	if p != nil {
		return p
	}
	p = &Process{Key: k, Comm: e.Head.Comm, Began: e.Time}
	s.processes[k] = p
	if s.Over() {
		p.Ended = s.Ended
		s.ended = append(s.ended, k)
		return p
	}
	if old, ok := t.pids[k.PID]; !ok || old.started <= k.Started {
		t.replace(k.PID, old)
		t.pids[k.PID] = place{s.ID, k.Started}
	}
	return p
}

// replace ends what had the pid before: a process that begins proves that it is gone. A process that changed sessions (an
// agent that began inside of another) stays as it was in the old one, ended there.
func (t *Table) replace(pid uint32, old place) {
	s := t.sessions[old.session]
	if s == nil {
		return
	}
	if p := s.processes[Key{pid, old.started}]; p != nil && p.Ended.IsZero() {
		t.ended(s, p, p.Began)
	}
}

func (t *Table) fork(s *Session, e *event.Event) {
	p := t.process(s, e)
	p.Parent, p.Principal = Key{e.ParentPID, e.ParentStarted}, e.Principal
	if parent := s.processes[p.Parent]; parent != nil {
		parent.children++
		if p.Path == "" {
			p.Path, p.Line = parent.Path, parent.Line
		}
	}
}

func (t *Table) exec(s *Session, e *event.Event) {
	p := t.process(s, e)
	p.Execs++
	p.Comm, p.Path, p.Line, p.Command, p.Principal = e.Head.Comm, e.Path, e.Object, e.Command, e.Principal
	if p.Key == s.Root && p.Path == "" {
		p.Path = s.Program // the exec that began the session was not judged, so no record names its file
	}
	if p.Key == s.Root && s.Agent == 0 && e.Path != "" {
		s.Program = e.Path // run and adopt name a process before it is what it will be
	}
	if e.Cwd != "" {
		p.Cwd = e.Cwd
	}
	s.count(p, e)
}

func (t *Table) access(s *Session, e *event.Event) { s.count(t.process(s, e), e) }

func (s *Session) count(p *Process, e *event.Event) {
	if int(e.Head.Action) < len(s.Counts) {
		s.Counts[e.Head.Action] += 1 + e.Repeats
		p.Counts[e.Head.Action] += 1 + e.Repeats
	}
	if e.Refused() {
		s.told += 1 + e.Repeats
		s.counted(s.told)
	}
}

// counted takes a count of refusals: the events' or the kernel's own, which has what was folded into an earlier act and is told
// with the next one, if any. Each lags behind the other at times.
func (s *Session) counted(refused uint64) { s.Refused = max(s.Refused, refused) }

func (t *Table) exit(s *Session, e *event.Event) {
	p := t.process(s, e)
	p.Status = e.Status
	if p.Ended.IsZero() {
		t.ended(s, p, e.Time)
	}
	p.Ended = e.Time
}

func (t *Table) ended(s *Session, p *Process, at time.Time) {
	p.Ended = at
	s.ended = append(s.ended, p.Key)
	if at, ok := t.pids[p.PID]; ok && at == (place{s.ID, p.Started}) {
		delete(t.pids, p.PID)
	}
}
