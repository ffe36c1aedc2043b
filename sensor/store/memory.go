// SPDX-License-Identifier: Apache-2.0

// This file is the store without a disk.

package store

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/reeve-sensor/reeve/sensor/event"
)

// Query says which events are wanted. Zero fields do not narrow.
type Query struct {
	Sessions []uint64 // nil is all
	Since    time.Time
	Kinds    []event.Kind
	Notable  bool // verdicts and sessions only
	Limit    int  // the newest
}

// Matches reports whether an event is wanted.
func (q *Query) Matches(e *event.Event) bool {
	return (q.Sessions == nil || slices.Contains(q.Sessions, e.ID())) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) &&
		(q.Kinds == nil || slices.Contains(q.Kinds, e.Kind)) &&
		(!q.Notable || e.Notable())
}

// Losses are what a store no longer has.
type Losses struct {
	Evicted  uint64 // oldest allowed acts, for want of room
	Notable  uint64 // oldest verdicts and sessions, for want of room
	Followed uint64 // not handed to followers that were slow
}

// ring is a queue with a bound in bytes.
type ring struct {
	events []*event.Event
	bytes  int
	limit  int
}

func (r *ring) push(e *event.Event) (evicted uint64) {
	r.events = append(r.events, e)
	r.bytes += e.Size()
	for r.bytes > r.limit && len(r.events) > 1 {
		r.bytes -= r.events[0].Size()
		r.events[0] = nil
		r.events = r.events[1:]
		evicted++
	}
	return evicted
}

// Memory is a store in memory. Its methods may be called from anywhere.
type Memory struct {
	mu        sync.Mutex
	seq       uint64
	notable   ring
	allowed   ring
	losses    Losses
	followers map[*Follower]struct{}
}

// NewMemory makes a store of about so many bytes, a quarter of which are for what is notable.
func NewMemory(bytes int) *Memory {
	return &Memory{
		notable: ring{limit: bytes / 4}, allowed: ring{limit: bytes - bytes/4},
		followers: map[*Follower]struct{}{},
	}
}

// Append takes an event in and numbers it. The event must not be changed afterwards.
func (m *Memory) Append(e *event.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	e.Seq = m.seq
	if e.Notable() {
		m.losses.Notable += m.notable.push(e)
	} else {
		m.losses.Evicted += m.allowed.push(e)
	}
	for f := range m.followers {
		m.losses.Followed += f.offer(e)
	}
}

// Query gives the events that match, in the order of their time.
func (m *Memory) Query(q Query) []*event.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.query(&q)
}

func (m *Memory) query(q *Query) []*event.Event {
	var out []*event.Event
	for _, r := range []*ring{&m.notable, &m.allowed} {
		for _, e := range r.events {
			if q.Matches(e) {
				out = append(out, e)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *event.Event) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Seq, b.Seq))
	})
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[len(out)-q.Limit:]
	}
	return out
}

// Losses tells what was lost so far.
func (m *Memory) Losses() Losses {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.losses
}

// Len counts the events that are held.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.notable.events) + len(m.allowed.events)
}

// followerRoom is how many events may wait for a follower.
const followerRoom = 4096

// Follower hands out events as they come.
type Follower struct {
	C     <-chan *event.Event
	c     chan *event.Event
	keep  func(*event.Event) bool
	lost  uint64
	store *Memory
}

// Follow gives the events that match now, and a follower of those that keep wants from then on, without a gap between.
// Close the follower.
func (m *Memory) Follow(q Query, keep func(*event.Event) bool) ([]*event.Event, *Follower) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := &Follower{c: make(chan *event.Event, followerRoom), keep: keep, store: m}
	f.C = f.c
	m.followers[f] = struct{}{}
	return m.query(&q), f
}

func (f *Follower) offer(e *event.Event) uint64 {
	if !f.keep(e) {
		return 0
	}
	select {
	case f.c <- e:
		return 0
	default:
		f.lost++
		return 1
	}
}

// Lost tells, and forgets, how many events the follower was too slow for.
func (f *Follower) Lost() uint64 {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	n := f.lost
	f.lost = 0
	return n
}

// Close ends the follower. It may be called again.
func (f *Follower) Close() {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	delete(f.store.followers, f)
}
