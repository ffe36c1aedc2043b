// SPDX-License-Identifier: Apache-2.0

// This file wires what keeps a policy from doing harm: break-glass, the brake on refusals, changes that nobody confirms; and
// what kills for it where the kernel side cannot.

package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// safety is all of it for one kernel side.
type safety struct {
	policies *policies
	glass    *glass
	brake    *brake
	killer   *killer // the sink of the watch; then the brake
}

// safeguards makes it. It says nothing and ends nothing before it is opened.
func (d *daemon) safeguards(k *kernel, events sensor.Sink, boot session.Boot) *safety {
	p := d.policies
	b := newBrake(d.config.Safety, events, k, p.notices.tell, boot.ID)
	return &safety{
		policies: p,
		glass: &glass{
			kernel: k, dir: d.config.State, clock: p.clock, wall: procfs.Wall, role: p.RoleByName, id: boot.ID, tell: p.notices.tell,
		},
		brake: b, killer: newKiller(b, p.notices.tell),
	}
}

// open begins, once the first policy is in force and there is somebody to tell.
func (s *safety) open(log *slog.Logger, out func(event.Said)) {
	s.policies.notices.open(log, out)
	s.policies.resume()
	s.glass.open()
	s.policies.whenChanged(s.glass.look)
}

// run keeps its loops going until ctx ends.
func (s *safety) run(ctx context.Context) {
	var wait sync.WaitGroup
	wait.Go(func() { s.glass.run(ctx) })
	wait.Go(func() { s.brake.run(ctx) })
	wait.Go(func() { s.killer.run(ctx) })
	wait.Wait()
}
