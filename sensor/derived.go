// SPDX-License-Identifier: Apache-2.0

// What a session left behind and somebody else runs. The kernel's record has the number of the session that wrote; who that was is in
// the table, also where it has ended.

package sensor

import (
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// author fills in whose work is run, as far as the session is remembered.
func (w *Watch) author(e *event.Event) {
	var uid uint32
	known := false
	w.View(func(t *session.Table) {
		if s := t.Session(e.ID()); s != nil {
			e.Head.Agent, e.Head.Role, uid, known = s.Agent, s.Role, s.UID, true
		}
	})
	e.Derivation.Within = w.o.Boot.ID(e.Derivation.By)
	e.Weigh(uid, known)
}

// Sourced puts what somebody read as a program among the events, at this moment. It may be called from anywhere but View.
func (w *Watch) Sourced(s *event.Sourced) {
	e := event.NewSourced(s, w.o.SinceBoot())
	w.name(e)
	w.finish(e)
}
