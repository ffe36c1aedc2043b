// SPDX-License-Identifier: Apache-2.0

// Addresses of sockets that a session had open before it was one: asked for beside the table's owner, who lends the event
// and goes on.

package sensor

import (
	"context"
	"time"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

const (
	socketsWaiting = 1024            // events that may be lent at once
	socketsFresh   = 2 * time.Second // for which one look at a process holds: its sockets come in a row
)

// sockets are those of one process as they were a moment ago.
type sockets struct {
	process session.Key
	looked  time.Time
	found   map[uint64]procfs.Socket
}

// lend takes a socket's event away to look its addresses up, where there is room; it goes to the table and the sink then.
func (n *enricher) lend(e *event.Event) bool {
	if !e.IsSocket() {
		return false
	}
	n.out.Add(1)
	select {
	case n.lent <- e:
		return true
	default:
		n.out.Add(-1)
		n.skipped.Add(1)
		return false
	}
}

// address completes one event that was lent.
func (n *enricher) address(ctx context.Context, e *event.Event) {
	k := session.Key{PID: e.Head.PID, Started: e.Head.Started}
	if n.sockets.process != k || time.Since(n.sockets.looked) > socketsFresh {
		found, err := procfs.Sockets(ctx, k.PID, n.watch.o.Wall(k.Started))
		if err != nil {
			found = nil // it has ended: the event stays as it is
		}
		n.sockets = sockets{k, time.Now(), found}
	}
	if s, ok := n.sockets.found[e.Inode]; ok {
		e.Socket = &event.Socket{Family: s.Family, Local: event.Redact(s.Local), Remote: event.Redact(s.Remote), State: s.State}
	}
	n.watch.finish(e)
	n.out.Add(-1)
}

// settle completes what is still lent when nobody looks any more.
func (n *enricher) settle() {
	for {
		select {
		case e := <-n.lent:
			n.watch.finish(e)
		default:
			return
		}
	}
}
