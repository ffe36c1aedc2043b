// SPDX-License-Identifier: Apache-2.0

// Sessions of processes that run already: agents older than the sensor, and what run and adopt name.

package sensor

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/reeve-sensor/reeve/bpf"
)

// Adoption says whose session a running process becomes.
type Adoption struct {
	PID   uint32
	Agent uint32 // of the catalogue; 0 where it is not known
	Role  uint32
	UID   uint32
	Flags bpf.SessionFlag
}

// ErrNoSession says that an adoption made no session: the process has ended, or belongs to one.
var ErrNoSession = errors.New("no session was made: the process has ended or is in a session already")

// Adopt makes a process, all its threads and all that descends from it a session, and returns its slot.
func (k *Kernel) Adopt(ctx context.Context, a Adoption) (uint32, error) {
	answer, err := k.seed(ctx, bpf.Seed{Pid: a.PID, Agent: a.Agent, Role: a.Role, Uid: a.UID, Flags: uint32(a.Flags)})
	if err != nil {
		return 0, fmt.Errorf("adopting process %d: %w", a.PID, err)
	}
	if answer.Made == 0 {
		return 0, fmt.Errorf("adopting process %d: %w", a.PID, ErrNoSession)
	}
	return answer.Slot, nil
}

// SeedAgents makes a session of every running agent of the catalogue, and returns how many.
func (k *Kernel) SeedAgents(ctx context.Context) (int, error) {
	answer, err := k.seed(ctx, bpf.Seed{})
	if err != nil {
		return 0, fmt.Errorf("finding running agents: %w", err)
	}
	return int(answer.Made), nil
}

// seed runs the iterator until a pass marks nothing. What forks meanwhile inherits; what was passed over before its
// parent was marked is found in the next pass. Every pass but the last marks something, so it ends.
func (k *Kernel) seed(ctx context.Context, ask bpf.Seed) (bpf.Seed, error) {
	k.seeding.Lock()
	defer k.seeding.Unlock()
	for ctx.Err() == nil {
		ask.Marked = 0
		if err := k.Objects.Seeds.Put(uint32(0), ask); err != nil {
			return ask, fmt.Errorf("asking: %w", err)
		}
		if err := drain(k.Objects.SeedTasks); err != nil {
			return ask, err
		}
		if err := k.Objects.Seeds.Lookup(uint32(0), &ask); err != nil {
			return ask, fmt.Errorf("reading the answer: %w", err)
		}
		if ask.Marked == 0 {
			return ask, nil
		}
	}
	return ask, ctx.Err()
}

// drain runs an iterator over everything once.
func drain(program *ebpf.Program) error {
	it, err := link.AttachIter(link.IterOptions{Program: program})
	if err != nil {
		return fmt.Errorf("attaching the task iterator: %w", err)
	}
	defer it.Close()
	r, err := it.Open()
	if err != nil {
		return fmt.Errorf("opening the task iterator: %w", err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("running the task iterator: %w", err)
	}
	return nil
}
