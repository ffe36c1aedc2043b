// SPDX-License-Identifier: Apache-2.0

// This file is the brake for a policy that is wrong about an agent: a session that is refused more than so often within a
// minute is only audited from then on, or said to be refused that often, as the configuration wants it.

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// counted are the refusals of one session: when the last ones were, as many as are free, in a ring.
type counted struct {
	times   []uint64 // since boot, ns
	next    int
	tripped bool
}

// spikes finds sessions with more than limit refusals within a minute, each once. It knows no clock but the events'.
type spikes struct {
	limit    int
	sessions map[uint64]*counted
}

func newSpikes(limit int) *spikes { return &spikes{limit: limit, sessions: map[uint64]*counted{}} }

// sessionsKept bounds the sessions that are counted at once. Past it those without a refusal in the last minute go: their
// end was lost.
const sessionsKept = bpf.SessionsMax

// see takes an event in and reports whether its session was refused too often, for the first time. What a switch of the
// session refuses does not count: policy has no part in it, and audit would not lift it. Nor does what an earlier daemon counted.
func (s *spikes) see(e *event.Event) bool {
	switch {
	case s.limit == 0 || e.ID() == 0 || e.Again:
		return false
	case e.Kind == event.SessionEnd:
		delete(s.sessions, e.ID())
		return false
	case e.Kind == event.Notice || !e.Refused() || e.Head.Switched():
		return false
	}
	c := s.sessions[e.ID()]
	if c == nil {
		s.shrink(e.Head.Time)
		c = &counted{}
		s.sessions[e.ID()] = c
	}
	if c.tripped {
		return false
	}
	for range 1 + min(e.Repeats, uint64(s.limit)) {
		c.tripped = c.tripped || c.add(e.Head.Time, s.limit)
	}
	return c.tripped
}

// again lets a session be found once more: nothing came of it.
func (s *spikes) again(id uint64) {
	if c := s.sessions[id]; c != nil {
		c.tripped = false
	}
}

// add reports whether limit others lie within the minute before at. The rings deliver in two orders, so at may be a little
// older than what was added before.
func (c *counted) add(at uint64, limit int) bool {
	if len(c.times) < limit {
		c.times = append(c.times, at)
		return false
	}
	oldest := c.times[c.next]
	c.times[c.next] = at
	c.next = (c.next + 1) % limit
	return at < oldest+uint64(time.Minute)
}

// quiet reports whether nothing was added in the last minute.
func (c *counted) quiet(now uint64) bool {
	return !slices.ContainsFunc(c.times, func(at uint64) bool { return now < at+uint64(time.Minute) })
}

func (s *spikes) shrink(now uint64) {
	if len(s.sessions) < sessionsKept {
		return
	}
	for id, c := range s.sessions {
		if c.quiet(now) {
			delete(s.sessions, id)
		}
	}
}

// auditor is what the brake does to the kernel. *sensor.Kernel is one.
type auditor interface {
	Sessions() ([]sensor.Slot, error)
	Change(bpf.Change) error
}

// brake is a sink before the sink: it counts, and acts beside the table's owner.
type brake struct {
	next   sensor.Sink
	audit  bool // else only say so
	limit  int
	kernel auditor
	tell   func(event.Said)
	id     func(session uint64) string
	found  chan uint64

	mu     sync.Mutex
	spikes *spikes
}

// foundMax is how many sessions may wait for the brake. Past it a session is found at its next refusal.
const foundMax = 64

func newBrake(c site.Safety, next sensor.Sink, kernel auditor, tell func(event.Said), id func(uint64) string) *brake {
	return &brake{
		next: next, audit: c.OnSpike == "audit", limit: c.MaxDenials, kernel: kernel, tell: tell, id: id,
		found: make(chan uint64, foundMax), spikes: newSpikes(c.MaxDenials),
	}
}

// Append counts the event and hands it on.
func (b *brake) Append(e *event.Event) {
	b.mu.Lock()
	id, spike := e.ID(), b.spikes.see(e)
	if spike {
		select {
		case b.found <- id:
		default:
			b.spikes.again(id)
		}
	}
	b.mu.Unlock()
	b.next.Append(e)
}

// run acts on what is found, until ctx ends.
func (b *brake) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-b.found:
			b.act(id)
		}
	}
}

func (b *brake) act(id uint64) {
	text := fmt.Sprintf("policy refused session %s more than %d times within a minute: ", b.id(id), b.limit)
	if !b.audit {
		b.tell(event.Said{Name: event.SafetySpike, Session: id, Message: text + "it goes on refusing"})
		return
	}
	err := b.observe(id)
	switch {
	case errors.Is(err, sensor.ErrSessionEnded):
	case err != nil:
		b.tell(event.Said{Name: event.SafetySpike, Severity: "high", Session: id, Message: text + "it cannot be made to audit only: " + err.Error()})
	default:
		b.tell(event.Said{Name: event.SafetyAudit, Session: id, Message: text + "the session is only audited until it ends, nothing is refused any more"})
	}
}

// observe makes a session one that is only recorded.
func (b *brake) observe(id uint64) error {
	slots, err := b.kernel.Sessions()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(slots, func(s sensor.Slot) bool { return s.Id == id })
	if i < 0 {
		return sensor.ErrSessionEnded
	}
	return b.kernel.Change(bpf.Change{
		Slot: slots[i].Number, Generation: slots[i].Generation, Role: bpf.KeepRole, FlagsSet: uint32(bpf.SessionObserve),
	})
}
