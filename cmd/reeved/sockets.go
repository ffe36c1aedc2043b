// SPDX-License-Identifier: Apache-2.0

// This file is the daemon's part in judging networks, as sinks before the sink: what an agent inherited open is marked when its
// session begins, and a connection that was refused is ended, so that its client need not wait.

package main

import (
	"context"
	"log/slog"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/cut"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// inheritor marks the sockets that sessions begin with.
type inheritor struct {
	next  sensor.Sink
	mark  func(after uint64) error
	log   *slog.Logger
	begun chan struct{}
	after atomic.Uint64 // every session with a higher number is still to be looked at
}

func newInheritor(next sensor.Sink, mark func(uint64) error, log *slog.Logger) *inheritor {
	i := &inheritor{next: next, mark: mark, log: log, begun: make(chan struct{}, 1)}
	i.after.Store(all)
	return i
}

// Append hands the event on, and does not wait. What adoption and seeding find, they mark themselves.
func (i *inheritor) Append(e *event.Event) {
	if e.Kind == event.SessionStart && e.Cause.AtExec() {
		i.lower(e.ID() - 1)
		select {
		case i.begun <- struct{}{}:
		default:
		}
	}
	i.next.Append(e)
}

// all is a number that no session has.
const all = ^uint64(0)

// lower keeps the lowest of the numbers that are still to be looked at.
func (i *inheritor) lower(after uint64) {
	for {
		is := i.after.Load()
		if is <= after || i.after.CompareAndSwap(is, after) {
			return
		}
	}
}

// run marks until ctx ends. One look at all open files serves all sessions that began before it.
func (i *inheritor) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-i.begun:
			if err := i.mark(i.after.Swap(all)); err != nil {
				i.log.Warn("what a session inherited open is not judged", "problem", err)
			}
		}
	}
}

// ender has refused connections ended.
type ender struct {
	next sensor.Sink
	add  func(cut.Connection)
}

// Append hands the event on, and does not wait.
func (n *ender) Append(e *event.Event) {
	if c, ok := cutOff(e); ok {
		n.add(c)
	}
	n.next.Append(e)
}

// cutOff is the connection that an event says was refused amid its life.
func cutOff(e *event.Event) (cut.Connection, bool) {
	if e.Kind != event.Network || e.Flow == nil || !e.Refused() || e.Flow.Protocol != unix.IPPROTO_TCP {
		return cut.Connection{}, false
	}
	return cut.Connection{
		Protocol: e.Flow.Protocol, Local: e.Flow.Local, Port: e.Flow.Port, Address: e.Flow.Address.As16(),
		Cookie: e.Flow.Cookie, Space: e.Flow.Space, PID: e.Head.PID,
	}, true
}
