// SPDX-License-Identifier: Apache-2.0

// The kernel's own tables as user space sees and changes them: sessions, roles of users, counters.

package sensor

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
)

// Slot is one session as the kernel has it.
type Slot struct {
	Number uint32
	bpf.Session
}

// slotsAtOnce is how many slots one system call reads.
const slotsAtOnce = 256

// Sessions are the sessions that have a living thread; not the canary's.
func (k *Kernel) Sessions() ([]Slot, error) {
	var slots []Slot
	var from ebpf.MapBatchCursor
	numbers, sessions := make([]uint32, slotsAtOnce), make([]bpf.Session, slotsAtOnce)
	for last := false; !last; {
		n, err := k.Maps.Sessions.BatchLookup(&from, numbers, sessions, nil)
		last = errors.Is(err, ebpf.ErrKeyNotExist)
		if err != nil && !last {
			return nil, fmt.Errorf("reading sessions: %w", err)
		}
		for i, s := range sessions[:n] {
			if s.Tasks > 0 && s.Agent != bpf.AgentCanary {
				slots = append(slots, Slot{numbers[i], s})
			}
		}
	}
	return slots, nil
}

// session is what is in one slot.
func (k *Kernel) session(slot uint32) (bpf.Session, error) {
	var s bpf.Session
	if err := k.Maps.Sessions.Lookup(slot, &s); err != nil {
		return s, fmt.Errorf("reading the session in slot %d: %w", slot, err)
	}
	return s, nil
}

// TaskSession is the session of a running process by its kernel state, never by what it says; ok is false outside.
func (k *Kernel) TaskSession(pidfd int) (slot Slot, ok bool, err error) {
	var state bpf.TaskState
	err = k.Maps.Tasks.Lookup(uint32(pidfd), &state)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return Slot{}, false, nil
	}
	if err != nil {
		return Slot{}, false, fmt.Errorf("reading the state of a task: %w", err)
	}
	if slot.Session, err = k.session(state.Slot); err != nil {
		return Slot{}, false, err
	}
	slot.Number = state.Slot
	return slot, slot.Generation == state.Generation, nil
}

// SetRole says in which role a user's sessions begin from now on.
func (k *Kernel) SetRole(uid, role uint32) error {
	if err := k.Maps.Users.Put(uid, role); err != nil {
		return fmt.Errorf("setting the role of user %d: %w", uid, err)
	}
	return nil
}

// ErrSessionEnded says that a session's slot is free, or given out anew.
var ErrSessionEnded = errors.New("the session has ended")

// Change changes a running session; every task of it is bound at its next hook.
func (k *Kernel) Change(c bpf.Change) error {
	answer, err := k.Program(bpf.ChangeState).Run(&ebpf.RunOptions{Context: &c})
	if err != nil {
		return fmt.Errorf("changing session in slot %d: %w", c.Slot, err)
	}
	if answer != 0 {
		return fmt.Errorf("changing session in slot %d: %w", c.Slot, ErrSessionEnded)
	}
	return nil
}

// ErrLongApplet says that an applet's name does not fit the kernel's key.
var ErrLongApplet = fmt.Errorf("applet name longer than %d bytes", bpf.AppletMax-1)

// SetApplet says that an agent's program, executed under this argv[0], is a tool that the agent has inside.
func (k *Kernel) SetApplet(agent uint32, name string) error {
	if len(name) >= bpf.AppletMax {
		return fmt.Errorf("setting applet %q of agent %d: %w", name, agent, ErrLongApplet)
	}
	key := bpf.Applet{Agent: agent}
	copy(key.Name[:], name)
	if err := k.Maps.Applets.Put(key, uint32(1)); err != nil {
		return fmt.Errorf("setting applet %q of agent %d: %w", name, agent, err)
	}
	return nil
}

// Counters are the kernel's counters, summed over processors.
func (k *Kernel) Counters() (map[bpf.Counter]uint64, error) {
	sums := make(map[bpf.Counter]uint64)
	for c := range bpf.Counters {
		var values []uint64
		if err := k.Maps.Counters.Lookup(uint32(c), &values); err != nil {
			return nil, fmt.Errorf("reading counter %d: %w", c, err)
		}
		for _, v := range values {
			sums[c] += v
		}
	}
	return sums, nil
}
