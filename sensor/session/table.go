// SPDX-License-Identifier: Apache-2.0

// This file is the table: sessions by id, processes by their name for ever.

package session

import (
	"cmp"
	"slices"
	"time"

	"github.com/reeve-sensor/reeve/sensor/event"
)

// Limits bound a Table.
type Limits struct {
	Sessions  int           // ended ones included
	Processes int           // of one session, ended ones included
	Held      int           // objects that one session had open before it was one
	Keep      time.Duration // ended sessions
}

// DefaultLimits hold some 50 MB at the very worst.
var DefaultLimits = Limits{Sessions: 1024, Processes: 4096, Held: 256, Keep: 24 * time.Hour}

// Key names a process for ever within a boot.
type Key struct {
	PID     uint32
	Started uint64
}

// Session is one session as the events told it.
type Session struct {
	ID           uint64
	Agent        uint32
	Role         uint16
	UID          uint32
	LoginUID     uint32
	Parent       uint64
	Cause        event.Cause
	Began        time.Time
	Ended        time.Time // zero while it lives
	Root         Key
	Conversation string
	Cwd          string
	Program      string // of the agent
	Version      string
	TTY          string
	Entrypoint   string // how the agent was started, in its own words
	Counts       [len(event.Actions)]uint64
	Refused      uint64 // acts that were stopped
	Switches     uint32 // that are thrown, as the kernel has them
	Events       uint64
	Forgotten    uint64 // processes that the table no longer holds
	Partial      bool   // its beginning was not seen
	HeldUnlisted uint64 // open objects that the table has no room for

	told      uint64 // refusals, by their events
	processes map[Key]*Process
	ended     []Key // processes that ended, in that order
	held      []*Held
}

// Process is one process of a session.
type Process struct {
	Key
	Parent    Key
	Comm      string
	Path      string
	Line      string
	Command   string // what the model asked for
	Principal string // who it is to the policy
	Cwd       string
	Execs     int
	Began     time.Time
	Ended     time.Time
	Status    int32
	Counts    [len(event.Actions)]uint64

	children int // in the table
}

// Table holds the sessions. It has one owner.
type Table struct {
	limits   Limits
	sessions map[uint64]*Session
	pids     map[uint32]place // living processes
	Evicted  uint64           // sessions that left before their time
}

type place struct {
	session uint64
	started uint64
}

// New makes an empty Table.
func New(l Limits) *Table {
	return &Table{limits: l, sessions: map[uint64]*Session{}, pids: map[uint32]place{}}
}

// Ended reports whether the session is over.
func (s *Session) Over() bool { return !s.Ended.IsZero() }

// User is whose session it is: the login uid where there is one.
func (s *Session) User() uint32 {
	if s.LoginUID != noUID {
		return s.LoginUID
	}
	return s.UID
}

const noUID = ^uint32(0)

// Living counts the processes that have not ended.
func (s *Session) Living() int { return len(s.processes) - len(s.ended) }

// Process finds a process of the session, or nil.
func (s *Session) Process(k Key) *Process { return s.processes[k] }

// Processes lists the session's processes, oldest first.
func (s *Session) Processes() []*Process {
	all := make([]*Process, 0, len(s.processes))
	for _, p := range s.processes {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *Process) int {
		return cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.PID, b.PID))
	})
	return all
}

// Session finds a session by its number, or nil.
func (t *Table) Session(id uint64) *Session { return t.sessions[id] }

// Of finds the session that a living process belongs to, or nil.
func (t *Table) Of(pid uint32) *Session { return t.sessions[t.pids[pid].session] }

// Sessions lists all, newest first.
func (t *Table) Sessions() []*Session {
	all := make([]*Session, 0, len(t.sessions))
	for _, s := range t.sessions {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Session) int { return cmp.Compare(b.ID, a.ID) })
	return all
}

// Living counts the sessions that have not ended.
func (t *Table) Living() int {
	n := 0
	for _, s := range t.sessions {
		if !s.Over() {
			n++
		}
	}
	return n
}

// Children lists the sessions that began inside of one, oldest first.
func (t *Table) Children(id uint64) []*Session {
	var all []*Session
	for _, s := range t.sessions {
		if s.Parent == id {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *Session) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Family lists a session and all that began inside of it, however deep.
func (t *Table) Family(id uint64) []*Session {
	s := t.sessions[id]
	if s == nil {
		return nil
	}
	all := []*Session{s}
	for i := 0; i < len(all); i++ {
		for _, c := range t.Children(all[i].ID) {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all
}
