// SPDX-License-Identifier: Apache-2.0

// This file keeps what a session had open before it was one.

package session

import (
	"slices"

	"github.com/reeve-sensor/reeve/sensor/event"
)

// Held is one object that processes of a session had open before it was one, with what policy said of it then.
type Held struct {
	Process   Key // the first that was found with it
	Comm      string
	Object    string
	Op        string
	View      event.View
	Action    event.Action
	Rule      string
	Place     string
	Reason    string
	Socket    *event.Socket
	Processes int // that were found with it

	object heldObject
	last   Key
}

// heldObject tells objects apart: one that is open for reading and for writing counts as two.
type heldObject struct {
	device uint32
	inode  uint64
	name   string
	op     string
}

// Held lists what was open before the session, in the order in which it was found.
func (s *Session) Held() []*Held { return s.held }

// held takes an open object in. Descriptors that were inherited show one object. race: those of one process come in a row.
func (t *Table) held(s *Session, e *event.Event) {
	p := t.process(s, e)
	object := heldObject{e.Device, e.Inode, e.Object, e.Op}
	i := slices.IndexFunc(s.held, func(h *Held) bool { return h.object == object })
	if i >= 0 {
		s.held[i].by(p.Key)
		return
	}
	if !s.roomToHold(t.limits.Held, e.Head.Action) {
		s.HeldUnlisted++
		return
	}
	s.held = append(s.held, &Held{
		Process: p.Key, Comm: e.Head.Comm, Object: e.Object, Op: e.Op, View: e.View, Action: e.Head.Action,
		Rule: e.Rule, Place: e.Place, Reason: e.Reason, Socket: e.Socket, Processes: 1, object: object, last: p.Key,
	})
}

func (h *Held) by(k Key) {
	if h.last != k {
		h.last = k
		h.Processes++
	}
}

// roomToHold makes room for what policy refuses by leaving out what it allows.
func (s *Session) roomToHold(limit int, a event.Action) bool {
	if len(s.held) < limit {
		return true
	}
	i := slices.IndexFunc(s.held, func(h *Held) bool { return !h.Action.Refuses() })
	if i < 0 || !a.Refuses() {
		return false
	}
	s.held = slices.Delete(s.held, i, i+1)
	s.HeldUnlisted++
	return true
}
