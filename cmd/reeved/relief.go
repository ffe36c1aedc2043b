// SPDX-License-Identifier: Apache-2.0

// This file brings the records of break-glass and the kernel together: the kernel says what is in force, a record who answers
// for it. What has only one of the two is ended.

package main

import (
	"errors"
	"slices"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/api"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// endNow is the moment by which a session's relief is over; 0 would leave it as it is.
const endNow = 1

// relief is one record: who let policy refuse nothing, where, until when and why.
type relief struct {
	api.Place
	Index  uint32      `json:"index"` // of the kernel's map; not of a session
	Until  uint64      `json:"until"` // since boot, ns; no two are the same
	Began  time.Time   `json:"began"`
	Reason string      `json:"reason"`
	By     event.Actor `json:"by"`
}

// records are what the file holds.
type records struct {
	Boot    string   `json:"boot"`
	Reliefs []relief `json:"reliefs"`
}

// relieved is what the kernel knows. *sensor.Kernel is one.
type relieved interface {
	Reliefs() (map[uint32]uint64, error)
	SetRelief(index uint32, until uint64) error
	Sessions() ([]sensor.Slot, error)
	Change(bpf.Change) error
}

// settle is look for who holds the lock.
func (g *glass) settle() {
	if len(g.records) == 0 {
		return
	}
	f, err := g.force()
	if err != nil {
		g.trouble("break-glass cannot be read", err)
		return
	}
	left := slices.DeleteFunc(slices.Clone(g.records), func(r relief) bool {
		why := g.over(f, &r)
		if why == "" {
			return false
		}
		if err := g.apply(f, &r, 0); err != nil {
			g.trouble("break-glass cannot be ended", err)
			return false
		}
		g.ended(r, why, &r.By)
		return true
	})
	if len(left) == len(g.records) {
		return
	}
	g.records = left
	g.trouble("ends of break-glass are not kept", g.save(left))
}

// force is what is in force.
type force struct {
	maps  map[uint32]uint64
	slots []sensor.Slot
}

func (g *glass) force() (force, error) {
	maps, err := g.kernel.Reliefs()
	slots, more := g.kernel.Sessions()
	return force{maps, slots}, errors.Join(err, more)
}

// sessions are the slots that a session's relief reached: the session and its children, those born since too.
func (f *force) sessions(until uint64) []sensor.Slot {
	return slices.DeleteFunc(slices.Clone(f.slots), func(s sensor.Slot) bool { return s.Relief != until })
}

// over tells why a record's relief is over, or nothing.
func (g *glass) over(f force, r *relief) string {
	index, isRole := g.role(r.Role)
	switch {
	case g.clock.now() >= r.Until:
		return "its time is over"
	case r.Role != "" && (!isRole || bpf.ReliefRole+index != r.Index):
		return "the policy has that role no more"
	case r.Session != 0 && len(f.sessions(r.Until)) == 0:
		return "the session has ended"
	case r.Session == 0 && f.maps[r.Index] != r.Until:
		return "the kernel has it no more"
	}
	return ""
}

// apply makes a record's relief last until another moment; 0 ends it. What ended by itself is left alone.
func (g *glass) apply(f force, r *relief, until uint64) error {
	if r.Session != 0 {
		return g.change(f.sessions(r.Until), max(until, endNow))
	}
	if f.maps[r.Index] != r.Until {
		return nil
	}
	return g.kernel.SetRelief(r.Index, until)
}

func (g *glass) change(slots []sensor.Slot, until uint64) error {
	var errs []error
	for _, s := range slots {
		err := g.kernel.Change(bpf.Change{Slot: s.Number, Generation: s.Generation, Role: bpf.KeepRole, Relief: until})
		if !errors.Is(err, sensor.ErrSessionEnded) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// orphans ends what is in force without a record.
func (g *glass) orphans() error {
	f, err := g.force()
	errs := []error{err}
	known := func(until uint64) bool {
		return until <= g.clock.now() || slices.ContainsFunc(g.records, func(r relief) bool { return r.Until == until })
	}
	for index, until := range f.maps {
		if !known(until) {
			errs = append(errs, g.kernel.SetRelief(index, 0))
			g.tell(event.Said{Name: event.BreakGlassEnd, Message: "policy holds again: nobody is recorded who let it refuse nothing"})
		}
	}
	for _, s := range f.slots {
		if !known(s.Relief) {
			errs = append(errs, g.change([]sensor.Slot{s}, endNow))
			g.tell(event.Said{Name: event.BreakGlassEnd, Session: s.Id, Message: "policy holds again in session " + g.id(s.Id) + ": nobody is recorded who let it refuse nothing"})
		}
	}
	return errors.Join(errs...)
}
