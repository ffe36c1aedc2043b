// SPDX-License-Identifier: Apache-2.0

// This file watches over the kernel side: each minute a canary tries every operation, and the table of sessions is compared
// with the kernel's. What is lost is said, and put back where that can be done.

package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// guardEvery is how often the canary tries.
const guardEvery = time.Minute

// guarded is what is watched over.
type guarded interface {
	Find(context.Context) (sensor.Finding, error)
	Reattach(sensor.Pins) error
}

// guard knows what was found last, and what the daemon began with.
type guard struct {
	kernel guarded
	pins   sensor.Pins
	best   sensor.Coverage
	tell   func(event.Said)
	log    *slog.Logger

	mu    sync.Mutex
	found sensor.Finding
}

// now is what was found last; degraded says that it is less than at the start.
func (g *guard) now() (found sensor.Finding, degraded bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.found, g.found.Coverage != g.best
}

// check tries once. A loss is told before it is mended, so that no minute without is silent.
func (g *guard) check(ctx context.Context) {
	found, err := g.kernel.Find(ctx)
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		g.log.Error("coverage cannot be tried", "problem", err)
		return
	}
	if g.turn(found); found.Coverage == g.best {
		return
	}
	if err := g.kernel.Reattach(g.pins); err != nil {
		g.log.Error("programs cannot be attached again", "problem", err)
		return
	}
	if found, err = g.kernel.Find(ctx); err == nil {
		g.turn(found)
	}
}

// turn takes a finding as the one that holds now, and says so where it is another one.
func (g *guard) turn(found sensor.Finding) {
	g.mu.Lock()
	before := g.found.Coverage
	g.found = found
	g.mu.Unlock()
	switch {
	case before == found.Coverage:
	case found.Coverage == g.best:
		g.log.Warn("coverage is restored", "coverage", found.Coverage)
		g.tell(event.Said{Name: event.CoverageRestored, Message: "coverage is " + string(found.Coverage) + " again"})
	default:
		g.log.Error("coverage is degraded", "coverage", found.Coverage, "problem", found.Reason)
		g.tell(event.Said{Name: event.CoverageDegraded, Message: "coverage fell to " + string(found.Coverage), Reason: found.Reason.Error()})
	}
}

// guarding checks until ctx ends.
func (k *kernel) guarding(ctx context.Context, watch *sensor.Watch) {
	t := time.NewTicker(guardEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			k.guard.check(ctx)
			k.compare(watch)
		}
	}
}

// compare ends sessions whose end went by unseen, in the kernel and then in the table.
func (k *kernel) compare(watch *sensor.Watch) {
	now := time.Now()
	if err := k.Sweep(); err != nil {
		k.guard.log.Error("sessions without a thread cannot be ended", "problem", err)
	}
	if slots, ok := k.recount(watch, now); ok {
		if err := k.contain.clean(slots); err != nil {
			k.guard.log.Warn("control groups of ended sessions stay", "problem", err)
		}
	}
}

// recount brings the table to what the kernel has. now is from before, so that what begins meanwhile is not missed in it.
func (k *kernel) recount(watch *sensor.Watch, now time.Time) (slots []sensor.Slot, ok bool) {
	slots, err := k.Sessions()
	if err != nil {
		k.guard.log.Error("sessions cannot be compared with the kernel's", "problem", err)
		return nil, false
	}
	watch.Reconcile(slots, now)
	return slots, true
}

// table is the sessions as the calls see them.
type table struct {
	*sensor.Watch
	kernel *kernel
}

// Recount brings in what the kernel counted and did not tell yet.
func (t table) Recount() { t.kernel.recount(t.Watch, time.Now()) }
