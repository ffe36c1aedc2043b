// SPDX-License-Identifier: Apache-2.0

// This file is what can be done about a session: end it, stop it, cut it off, and let it go on. People, rules and plugins
// come this way.

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/api"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// containKernel is what containment wants of the kernel.
type containKernel interface {
	sensor.Members
	Sessions() ([]sensor.Slot, error)
	Change(bpf.Change) error
}

// freezer stops processes, and lets them go on.
type freezer interface {
	Freeze(ctx context.Context, ids map[uint64]bool, noFork func() error) (int, error)
	Thaw(map[uint64]bool) (int, error)
	Clean(living map[uint64]bool) error
}

// containment is the one way. What it does outlives the daemon, so who did it is known of this daemon's time alone: what an
// earlier one did, administrators take back.
type containment struct {
	kernel  containKernel
	freezer func() (freezer, error)
	tell    func(event.Said)
	name    func(uint64) string // of a session

	mu sync.Mutex
	by map[uint64]uint32 // sessions that are contained: the user who did it last + 1
}

// freezeFor is how long a freeze waits for tasks that wait in the kernel.
const freezeFor = 5 * time.Second

// Networks and the sockets of others.
const away = 1<<bpf.OpNetDomain | 1<<bpf.OpNetAddr | 1<<bpf.OpNetListen | 1<<bpf.OpNetFamily | 1<<bpf.OpUnixConnect

// every is all operations.
const every = 1<<bpf.Ops - 1

// measure is what an action is: the switches that it throws, what it does to processes, and how it is told.
type measure struct {
	needs  func(*containment) error // asked before anything is done
	change bpf.Change
	act    func(context.Context, *containment, map[uint64]bool) (int, error)
	notice string
	done   string
	lifts  bool // what was refused until the act was done is let be: those it is done to do nothing any more
}

// measures is the table of actions.
var measures = map[api.Action]measure{
	api.Kill:    {act: kill, notice: event.SessionKilled, done: "killed", change: bpf.Change{SwitchesSet: uint32(bpf.SwitchKill), DeniedSet: every}},
	api.Freeze:  {needs: canFreeze, act: freeze, notice: event.SessionFrozen, done: "frozen", change: bpf.Change{SwitchesSet: uint32(bpf.SwitchFreeze), DeniedSet: every}, lifts: true},
	api.Isolate: {notice: event.SessionIsolated, done: "isolated", change: bpf.Change{SwitchesSet: uint32(bpf.SwitchIsolate), DeniedSet: away}},
	api.Deny:    {notice: event.SessionDenied, done: "denied everything", change: bpf.Change{SwitchesSet: uint32(bpf.SwitchDenyAll), DeniedSet: every}},
	api.Thaw:    {act: thaw, notice: event.SessionThawed, done: "let go on", change: bpf.Change{SwitchesClear: ^uint32(0), DeniedClear: every}},
}

func kill(ctx context.Context, c *containment, ids map[uint64]bool) (int, error) {
	return sensor.KillSessions(ctx, c.kernel, ids)
}

func canFreeze(c *containment) error {
	_, err := c.freezer()
	return err
}

func freeze(ctx context.Context, c *containment, ids map[uint64]bool) (int, error) {
	f, err := c.freezer()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, freezeFor)
	defer cancel()
	return f.Freeze(ctx, ids, func() error {
		slots, err := c.reach(maps.Clone(ids)) // what began meanwhile is for the round that comes
		if err != nil {
			return err
		}
		return c.throw(slots, bpf.Change{SwitchesSet: uint32(bpf.SwitchNoFork)})
	})
}

func thaw(_ context.Context, c *containment, ids map[uint64]bool) (int, error) {
	f, err := c.freezer()
	if errors.Is(err, sensor.ErrNoFreezer) {
		return 0, nil // nothing can be frozen
	}
	if err != nil {
		return 0, err
	}
	return f.Thaw(ids)
}

// containRounds bounds the rounds: each reaches the sessions that began inside of the others during the one before.
const containRounds = 10

// Take does it. The switches come first, so that what begins meanwhile is born with them.
func (c *containment) Take(ctx context.Context, m api.Measure) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	todo := measures[m.Action]
	slots, err := c.reach(m.Family)
	switch {
	case err != nil:
		return 0, err
	case len(slots) == 0:
		return 0, api.ErrSessionOver
	case m.Action == api.Thaw && !c.mayThaw(m, slots):
		return 0, api.ErrNotYours
	}
	if todo.needs != nil {
		if err := todo.needs(c); err != nil {
			return 0, err
		}
	}
	reached, err := c.rounds(ctx, todo, m, slots)
	if err == nil && todo.lifts {
		err = c.lift(m.Family)
	}
	if err != nil {
		return reached, err
	}
	c.tell(event.Said{
		Name: todo.notice, By: m.By, Reason: m.Reason, Session: m.Session,
		Message: fmt.Sprintf("session %s was %s by %s%s", c.name(m.Session), todo.done, m.By, because(m.Reason)),
	})
	return reached, nil
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func (c *containment) rounds(ctx context.Context, todo measure, m api.Measure, slots []sensor.Slot) (reached int, err error) {
	for range containRounds {
		c.record(m)
		n, err := c.round(ctx, todo, m.Family, slots)
		if reached += n; err != nil {
			return reached, err
		}
		before := len(m.Family)
		if slots, err = c.reach(m.Family); err != nil || len(m.Family) == before {
			return reached, err
		}
	}
	return reached, nil
}

func (c *containment) round(ctx context.Context, todo measure, family map[uint64]bool, slots []sensor.Slot) (int, error) {
	if err := c.throw(slots, todo.change); err != nil || todo.act == nil {
		return 0, err
	}
	return todo.act(ctx, c, family)
}

// throw changes sessions that live.
func (c *containment) throw(slots []sensor.Slot, change bpf.Change) error {
	for _, s := range slots {
		change.Slot, change.Generation, change.Role = s.Number, s.Generation, bpf.KeepRole
		if err := c.kernel.Change(change); err != nil && !errors.Is(err, sensor.ErrSessionEnded) {
			return err
		}
	}
	return nil
}

// lift takes back what was refused beyond the sessions' switches.
func (c *containment) lift(family map[uint64]bool) error {
	slots, err := c.reach(family)
	if err != nil {
		return err
	}
	for _, s := range slots {
		if err := c.throw([]sensor.Slot{s}, bpf.Change{DeniedClear: every &^ denied(s.Switches)}); err != nil {
			return err
		}
	}
	return nil
}

// denied is what switches refuse for as long as they are thrown.
func denied(switches uint32) (ops uint64) {
	for _, m := range measures {
		if !m.lifts && m.change.SwitchesSet&switches != 0 {
			ops |= m.change.DeniedSet
		}
	}
	return ops
}

// reach gives the slots of the family that live, and adds to it what began inside of it.
func (c *containment) reach(family map[uint64]bool) ([]sensor.Slot, error) {
	all, err := c.kernel.Sessions()
	if err != nil {
		return nil, err
	}
	for grown := true; grown; {
		grown = false
		for _, s := range all {
			if family[s.Parent] && !family[s.Id] {
				family[s.Id], grown = true, true
			}
		}
	}
	var slots []sensor.Slot
	for _, s := range all {
		if family[s.Id] {
			slots = append(slots, s)
		}
	}
	return slots, nil
}

// mayThaw: administrators may, and who contained the sessions, or those that they were born in.
func (c *containment) mayThaw(m api.Measure, slots []sensor.Slot) bool {
	if m.Admin || m.By == nil {
		return true
	}
	parents := map[uint64]uint64{}
	for _, s := range slots {
		parents[s.Id] = s.Parent
	}
	for _, s := range slots {
		id := s.Id
		for parents[id] != 0 && c.by[id] == 0 {
			id = parents[id]
		}
		if s.Switches != 0 && c.by[id] != m.By.UID+1 {
			return false
		}
	}
	return true
}

// record says who contained sessions. What the sensor did, administrators alone take back.
func (c *containment) record(m api.Measure) {
	for id := range m.Family {
		if m.By != nil && m.Action != api.Thaw {
			c.by[id] = m.By.UID + 1
		} else if m.Action != api.Thaw {
			c.by[id] = sensorDid
		}
	}
}

// sensorDid is in the place of a user.
const sensorDid = ^uint32(0)

// clean forgets sessions that have ended, and takes their control groups away.
func (c *containment) clean(slots []sensor.Slot) error {
	living := map[uint64]bool{}
	for _, s := range slots {
		living[s.Id] = true
	}
	c.mu.Lock()
	maps.DeleteFunc(c.by, func(id uint64, _ uint32) bool { return !living[id] })
	c.mu.Unlock()
	f, err := c.freezer()
	if errors.Is(err, sensor.ErrNoFreezer) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Clean(living)
}

// cgroups is the freezer of this host.
func (k *kernel) cgroups() (freezer, error) { return sensor.NewFreezer(k.Kernel) }
