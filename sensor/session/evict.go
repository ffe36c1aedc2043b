// SPDX-License-Identifier: Apache-2.0

// This file keeps the table within its limits.

package session

import (
	"slices"
	"time"
)

// Expire lets go of sessions that ended long ago.
func (t *Table) Expire(now time.Time) {
	for id, s := range t.sessions {
		if s.Over() && now.Sub(s.Ended) > t.limits.Keep {
			delete(t.sessions, id)
		}
	}
}

// evict makes room for a new session: the one that ended first goes; where all live, the one that began first.
func (t *Table) evict(fresh *Session) {
	if len(t.sessions) <= t.limits.Sessions {
		return
	}
	var victim *Session
	for _, s := range t.sessions {
		if s != fresh && (victim == nil || before(s, victim)) {
			victim = s
		}
	}
	if victim == nil {
		return
	}
	t.Evicted++
	for k := range victim.processes {
		if t.pids[k.PID] == (place{victim.ID, k.Started}) {
			delete(t.pids, k.PID)
		}
	}
	delete(t.sessions, victim.ID)
}

// before orders sessions by who goes first.
func before(a, b *Session) bool {
	if a.Over() != b.Over() {
		return a.Over()
	}
	if a.Over() && !a.Ended.Equal(b.Ended) {
		return a.Ended.Before(b.Ended)
	}
	return a.ID < b.ID
}

// shrink forgets processes of a session: leaves that ended, the first to end first, those that were refused something last
// of all. bound: where all live, the table grows past its limit, as far as the kernel's own limit on processes.
func (t *Table) shrink(s *Session) {
	for _, keepRefused := range []bool{true, false} {
		for len(s.processes) > t.limits.Processes {
			i := slices.IndexFunc(s.ended, func(k Key) bool { return s.forgettable(k, keepRefused) })
			if i < 0 {
				break
			}
			s.forget(i)
		}
	}
}

func (s *Session) forgettable(k Key, keepRefused bool) bool {
	p := s.processes[k]
	if k == s.Root || p.children > 0 {
		return false
	}
	refused := p.Counts[0] + p.Counts[1] + p.Counts[2]
	return !keepRefused || refused == 0
}

func (s *Session) forget(i int) {
	p := s.processes[s.ended[i]]
	s.ended = slices.Delete(s.ended, i, i+1)
	delete(s.processes, p.Key)
	s.Forgotten++
	if parent := s.processes[p.Parent]; parent != nil && parent.children > 0 {
		parent.children--
	}
}
