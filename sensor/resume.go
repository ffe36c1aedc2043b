// SPDX-License-Identifier: Apache-2.0

// Resuming: what a daemon that starts learns of the sessions that went on without one.

package sensor

import (
	"context"
	"fmt"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// Present lets the kernel tell over the rings which processes are in sessions whose number is higher than after.
func (k *Kernel) Present(ctx context.Context, after uint64) error {
	if _, err := k.seed(ctx, bpf.Seed{Mode: bpf.SeedPresent, After: after}); err != nil {
		return fmt.Errorf("listing the processes of sessions: %w", err)
	}
	return nil
}

// Resume takes sessions in that began before this daemon. Call it before Run.
func (w *Watch) Resume(slots []Slot) {
	for _, s := range slots {
		e := &event.Event{
			Kind: event.SessionStart, Time: w.o.Wall(s.Started), ParentID: s.Parent, LoginUID: s.Loginuid, Cause: event.Cause(s.Cause),
			Head: event.Head{
				Kind: event.SessionStart, Time: s.Started, Session: s.Id, Started: s.RootStarted, PID: s.RootPid,
				UID: s.Uid, Agent: s.Agent, Role: uint16(s.Role), Slot: uint16(s.Number),
			},
		}
		w.View(func(t *session.Table) { t.Resume(e, s.Refused) })
		w.enricher.see(e)
	}
}

// present completes the record of a process that was there before: it began then, and /proc knows what it runs.
func (w *Watch) present(e *event.Event) {
	e.Time = w.o.Wall(e.Head.Started)
	e.Path, e.Cwd = procfs.Program(e.Head.PID), procfs.Cwd(e.Head.PID)
	e.Object = event.Redact(procfs.Line(e.Head.PID))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.table.Apply(e)
}

// Reconcile brings in what the kernel alone knows: how often it refused, what was done about them, and which sessions are no more though the record of their
// end was lost. slots are what the kernel had at that moment.
func (w *Watch) Reconcile(slots []Slot, at time.Time) {
	living := map[uint64]session.State{}
	for _, s := range slots {
		living[s.Id] = session.State{Refused: s.Refused, Switches: s.Switches}
	}
	w.View(func(t *session.Table) { t.Reconcile(living, at) })
}
