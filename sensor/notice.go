// SPDX-License-Identifier: Apache-2.0

// What the sensor itself has to say goes the way of all events, so that whoever reads them reads it too.

package sensor

import (
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// Notice puts what the sensor has to say among the events, at this moment. It may be called from anywhere but View.
func (w *Watch) Notice(s event.Said) {
	now := w.o.SinceBoot()
	e := event.NewNotice(s, now, w.o.Wall(now))
	e.Session = w.o.Boot.ID(s.Session)
	w.View(func(t *session.Table) {
		if x := t.Session(s.Session); x != nil {
			e.Agent, e.Vendor = w.agentName(x.Agent)
		}
	})
	e.Redact()
	w.o.Sink.Append(e)
}
