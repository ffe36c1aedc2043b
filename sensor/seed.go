// SPDX-License-Identifier: Apache-2.0

// Sessions of processes that run already: agents older than the sensor, and what run and adopt name.

package sensor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// Adoption says whose session a running process becomes.
type Adoption struct {
	PID   uint32
	Agent uint32 // of the catalogue; 0 where it is not known
	Role  uint32
	UID   uint32
	Flags bpf.SessionFlag

	only uint32 // of bpf.Session
}

// ErrNoSession says that an adoption made no session: the process has ended, or belongs to one.
var ErrNoSession = errors.New("no session was made: the process has ended or is in a session already")

// Adopt makes a process, all its threads and all that descends from it a session, and returns its slot. What these hold
// open is recorded.
func (k *Kernel) Adopt(ctx context.Context, a Adoption) (uint32, error) {
	answer, err := k.seed(ctx, bpf.Seed{Pid: a.PID, Agent: a.Agent, Role: a.Role, Uid: a.UID, Flags: uint32(a.Flags), Only: a.only})
	if err != nil {
		return 0, fmt.Errorf("adopting process %d: %w", a.PID, err)
	}
	if answer.Made == 0 {
		return 0, fmt.Errorf("adopting process %d: %w", a.PID, ErrNoSession)
	}
	return answer.Slot, nil
}

// SeedAgents makes a session of every running agent of the catalogue, and returns how many. What these hold open is
// recorded. bound: an agent that is a script runs as its interpreter, and is not found.
func (k *Kernel) SeedAgents(ctx context.Context) (int, error) {
	answer, err := k.seed(ctx, bpf.Seed{})
	if err != nil {
		return 0, fmt.Errorf("finding running agents: %w", err)
	}
	return int(answer.Made), nil
}

// settling is how long execs may take from their check to their commit that began before the programs sat.
const settling = 60 * time.Second

// Unsettle makes execs whose check was not seen look for agents at their commit, for a while. Called before Attach, it
// lets no agent slip through that is amid its exec then.
func (k *Kernel) Unsettle() error {
	if err := k.Maps.Settled.Put(uint32(0), procfs.SinceBoot()+uint64(settling)); err != nil {
		return fmt.Errorf("telling the programs that they are new: %w", err)
	}
	return nil
}

// seed makes sessions of what runs, and then notes their processes and the files that these hold open.
func (k *Kernel) seed(ctx context.Context, ask bpf.Seed) (bpf.Seed, error) {
	k.seeding.Lock()
	defer k.seeding.Unlock()
	last, err := k.lastSession()
	if err != nil {
		return ask, err
	}
	answer, err := k.passes(ctx, ask)
	if err != nil || answer.Made == 0 || ask.Agent == bpf.AgentCanary {
		return answer, err
	}
	if err := k.ask(bpf.SeedTasks, &bpf.Seed{Mode: bpf.SeedPresent, After: last}); err != nil {
		return answer, err
	}
	return answer, k.ask(bpf.SeedFiles, &bpf.Seed{After: last})
}

// MarkSockets marks what the processes of sessions with a number above after have open of networks and did not open in them: what
// an agent inherited, what programs of another ABI had marked. It is judged from then on. race: until then it is nobody's.
func (k *Kernel) MarkSockets(after uint64) error {
	k.seeding.Lock()
	defer k.seeding.Unlock()
	return k.ask(bpf.SeedFiles, &bpf.Seed{Mode: bpf.SeedSockets, After: after})
}

// passes runs the iterator until a pass marks nothing. What forks meanwhile inherits; what was passed over before its
// parent was marked is found in the next pass. Every pass but the last marks something, so it ends. bound: what descends
// from an agent through a process that ends before its turn is not found: nothing tells whose it was.
func (k *Kernel) passes(ctx context.Context, ask bpf.Seed) (bpf.Seed, error) {
	for ctx.Err() == nil {
		ask.Marked = 0
		if err := k.ask(bpf.SeedTasks, &ask); err != nil || ask.Marked == 0 {
			return ask, err
		}
	}
	return ask, ctx.Err()
}

// ask runs one of the seeding iterators over everything once.
func (k *Kernel) ask(program string, seed *bpf.Seed) error {
	if err := k.Maps.Seeds.Put(uint32(0), seed); err != nil {
		return fmt.Errorf("asking %s: %w", program, err)
	}
	if err := drain(k.Program(program)); err != nil {
		return fmt.Errorf("running %s: %w", program, err)
	}
	if err := k.Maps.Seeds.Lookup(uint32(0), seed); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", program, err)
	}
	return nil
}

// lastSession is the number of the session that began last.
func (k *Kernel) lastSession() (uint64, error) {
	var c bpf.Control
	if err := k.Maps.Controls.Lookup(uint32(0), &c); err != nil {
		return 0, fmt.Errorf("reading the last session's number: %w", err)
	}
	return c.NextSession, nil
}

func drain(program *ebpf.Program) error {
	it, err := link.AttachIter(link.IterOptions{Program: program})
	if err != nil {
		return err
	}
	defer it.Close()
	r, err := it.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}
