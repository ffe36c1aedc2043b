// SPDX-License-Identifier: Apache-2.0

// This file is the host as its owner uses it: events and orders go in, nobody waits.

package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// Host runs the plugins.
type Host struct {
	o       Options
	workers []*worker
}

// New opens the queues. Nothing runs before Run.
func New(o Options) (*Host, error) {
	if o.Clock == nil {
		o.Clock = machineClock{}
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	h := &Host{o: o}
	if len(o.Plugins) > 0 {
		if err := os.RemoveAll(o.Run); err != nil {
			return nil, fmt.Errorf("emptying the plugins' folder: %w", err)
		}
	}
	for _, s := range o.Plugins {
		w, err := newWorker(&h.o, s)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("plugin %s: %w", s.Name, err), h.close())
		}
		h.workers = append(h.workers, w)
	}
	return h, nil
}

// Run runs the plugins until ctx ends, and closes the queues.
func (h *Host) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	for _, w := range h.workers {
		wait.Go(func() { w.run(ctx) })
	}
	wait.Wait()
	return h.close()
}

func (h *Host) close() error {
	var errs []error
	for _, w := range h.workers {
		errs = append(errs, w.queue.Close())
	}
	return errors.Join(errs...)
}

// Export hands an event to the plugins that want it. It never waits.
func (h *Host) Export(e Event) {
	for _, w := range h.workers {
		if w.wants(&e) {
			w.offer(e)
		}
	}
}

// Settle has done called once all events that were handed out before are in the plugins' queues, or counted as lost. It never
// waits: where there is no room to ask it is false, and done is not called.
func (h *Host) Settle(done func()) bool {
	if len(h.workers) == 0 {
		done()
		return true
	}
	var left atomic.Int64
	left.Store(int64(len(h.workers)))
	for _, w := range h.workers {
		asked := w.settle(func() {
			if left.Add(-1) == 0 {
				done()
			}
		})
		if !asked {
			return false
		}
	}
	return true
}

// Wants reports whether any plugin would export an event.
func (h *Host) Wants(e *Event) bool {
	return slices.ContainsFunc(h.workers, func(w *worker) bool { return w.wants(e) })
}

// Order has a plugin respond to an event of a session. It never waits. It is false where there is no such plugin.
func (h *Host) Order(plugin, action string, session uint64, e *api.Event) bool {
	i := slices.IndexFunc(h.workers, func(w *worker) bool { return w.spec.Name == plugin })
	if i < 0 {
		return false
	}
	h.workers[i].order(action, session, e)
	return true
}

// Status tells how each plugin is.
func (h *Host) Status() []Status {
	var all []Status
	for _, w := range h.workers {
		all = append(all, w.look())
	}
	return all
}
