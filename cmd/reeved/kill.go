// SPDX-License-Identifier: Apache-2.0

// This file kills for rules on networks whose action is kill: programs of control groups, which see packets and, where nothing else
// decides, kinds of sockets, refuse and cannot kill. What the process does meanwhile is refused like what it was to be killed for.

package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// condemned is a process, by what tells it from all others of this boot.
type condemned struct {
	pid     uint32
	started uint64
	session uint64
}

// condemnedMax is how many processes may wait. What does not get in is condemned by its next packet.
const condemnedMax = 256

// killer is a sink before the sink.
type killer struct {
	next   sensor.Sink
	kill   func(pid uint32, started uint64) (bool, error) // whether it was alive
	tell   func(event.Said)
	found  chan condemned
	missed atomic.Uint64
}

func newKiller(next sensor.Sink, tell func(event.Said)) *killer {
	return &killer{next: next, kill: sensor.KillProcess, tell: tell, found: make(chan condemned, condemnedMax)}
}

// deadly reports whether an event's process is to be killed. Everything but networks the kernel side kills itself; a process that
// is dead by then costs nothing, so what is read again condemns again. A rule that is only observed, and one that break-glass
// suspends, is not applied.
func deadly(e *event.Event) bool {
	byGroup := e.Kind == event.Network || e.Kind == event.Access && e.Head.Op == event.Op(bpf.OpNetFamily)
	return byGroup && e.Head.Action == event.Kill && e.Refused() && e.Head.PID != 0
}

// Append hands the event on, and does not wait.
func (k *killer) Append(e *event.Event) {
	if deadly(e) {
		select {
		case k.found <- condemned{e.Head.PID, e.Head.Started, e.ID()}:
		default:
			k.missed.Add(1)
		}
	}
	k.next.Append(e)
}

// run kills until ctx ends.
func (k *killer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-k.found:
			k.execute(c)
		}
	}
}

func (k *killer) execute(c condemned) {
	if _, err := k.kill(c.pid, c.started); err != nil {
		k.tell(event.Said{
			Name: event.KillFailed, Session: c.session,
			Message: fmt.Sprintf("a rule on networks kills process %d, and it cannot be killed: %v; what it sends is refused", c.pid, err),
		})
	}
}
