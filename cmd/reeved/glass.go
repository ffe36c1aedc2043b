// SPDX-License-Identifier: Apache-2.0

// This file is break-glass: until when policy refuses nothing on the host, in a role or in a session. The kernel holds that
// and ends it; here is who asked for it and why, and what is said of its beginning and its end.

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/api"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// reliefsFile is the name of the records in the state folder.
const reliefsFile = "reliefs.json"

// glassTick is how long after its end an end is said, at most.
const glassTick = time.Second

// glass holds the records. The kernel's maps are the truth of what is in force.
type glass struct {
	kernel relieved
	dir    string
	clock  clock
	wall   func(uint64) time.Time
	role   func(name string) (index uint32, ok bool)
	id     func(session uint64) string
	tell   func(event.Said)

	mu      sync.Mutex
	records []relief
	last    string // trouble that was told
}

// open reads the records and brings them and the kernel together. What nobody answers for is ended.
func (g *glass) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	var file records
	if _, err := kept(g.dir, reliefsFile, &file); err != nil {
		g.trouble("nobody knows who broke the glass", err)
	}
	for _, r := range file.Reliefs {
		if file.Boot == g.clock.boot {
			g.records = append(g.records, r)
		} else {
			g.ended(r, "the machine was started anew", &r.By)
		}
	}
	if len(file.Reliefs) > len(g.records) {
		g.trouble("ends of break-glass are not kept", g.save(nil))
	}
	g.settle()
	g.trouble("what nobody answers for goes on", g.orphans())
}

// run says what ended by itself, until ctx ends.
func (g *glass) run(ctx context.Context) {
	t := time.NewTicker(glassTick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			g.look()
		}
	}
}

// look ends the records of what is no longer in force.
func (g *glass) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
}

// Begin lets policy refuse nothing there for a time. What was in force there before is replaced.
func (g *glass) Begin(p api.Place, family map[uint64]bool, lasts time.Duration, reason string, by event.Actor) (api.Relief, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.now()
	r := relief{Place: p, Index: bpf.ReliefHost, Until: g.unused(now + uint64(lasts)), Began: g.wall(now), Reason: reason, By: by}
	if index, ok := g.role(p.Role); ok && p.Role != "" {
		r.Index = bpf.ReliefRole + index
	}
	// The record goes first: what is in force without one is ended at the next start.
	next := append(g.without(p), r)
	if err := g.save(next); err != nil {
		return api.Relief{}, err
	}
	if err := g.begin(&r, family); err != nil {
		return api.Relief{}, errors.Join(err, g.save(g.records))
	}
	g.records = next
	g.tell(event.Said{
		Name: event.BreakGlassBegin, By: &by, Reason: reason, Session: p.Session, Role: p.Role,
		Message: fmt.Sprintf("break-glass by %s: policy refuses nothing %s until %s: %s", &by, g.where(p), g.wall(r.Until).Format(time.DateTime), reason),
	})
	return g.shown(&r), nil
}

func (g *glass) begin(r *relief, family map[uint64]bool) error {
	if r.Session == 0 {
		return g.kernel.SetRelief(r.Index, r.Until)
	}
	slots, err := g.kernel.Sessions()
	if err != nil {
		return err
	}
	slots = slices.DeleteFunc(slots, func(s sensor.Slot) bool { return !family[s.Id] })
	if len(slots) == 0 {
		return api.ErrSessionOver
	}
	return g.change(slots, r.Until)
}

// unused is a moment that tells one relief from all others.
func (g *glass) unused(until uint64) uint64 {
	for slices.ContainsFunc(g.records, func(r relief) bool { return r.Until == until }) {
		until++
	}
	return until
}

func (g *glass) without(p api.Place) []relief {
	return slices.DeleteFunc(slices.Clone(g.records), func(r relief) bool { return r.Place == p })
}

// End lets policy refuse again. It is false where it did.
func (g *glass) End(p api.Place, by event.Actor) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
	i := slices.IndexFunc(g.records, func(r relief) bool { return r.Place == p })
	if i < 0 {
		return false, nil
	}
	f, err := g.force()
	if err != nil {
		return false, err
	}
	r := g.records[i]
	if err := g.apply(f, &r, 0); err != nil {
		return false, err
	}
	g.records = g.without(p)
	g.ended(r, "ended by "+by.String(), &by)
	return true, g.save(g.records)
}

// Reliefs are those in force.
func (g *glass) Reliefs() []api.Relief {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
	var out []api.Relief
	for i := range g.records {
		out = append(out, g.shown(&g.records[i]))
	}
	return out
}

func (g *glass) shown(r *relief) api.Relief {
	return api.Relief{Place: r.Place, Began: r.Began, Until: g.wall(r.Until), Reason: r.Reason, By: r.By}
}

func (g *glass) save(list []relief) error {
	return keep(g.dir, reliefsFile, records{g.clock.boot, list})
}

func (g *glass) ended(r relief, why string, by *event.Actor) {
	g.tell(event.Said{
		Name: event.BreakGlassEnd, By: by, Reason: r.Reason, Session: r.Session, Role: r.Role,
		Message: fmt.Sprintf("policy holds again %s: %s; %s had broken the glass: %s", g.where(r.Place), why, &r.By, r.Reason),
	})
}

// trouble says what stands in the way, once.
func (g *glass) trouble(what string, err error) {
	if err == nil {
		return
	}
	if text := what + ": " + err.Error(); text != g.last {
		g.last = text
		g.tell(event.Said{Name: event.BreakGlassTrouble, Message: text})
	}
}

func (g *glass) where(p api.Place) string {
	switch {
	case p.Role != "":
		return "in role " + p.Role
	case p.Session != 0:
		return "in session " + g.id(p.Session)
	}
	return "on this host"
}
