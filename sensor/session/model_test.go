// SPDX-License-Identifier: Apache-2.0

package session

import (
	"math/rand/v2"
	"testing"

	"github.com/reeve-sensor/reeve/sensor/event"
)

// model is the table without limits or cleverness: one entry for each process that ever was.
type model struct {
	process map[Key]*modelProcess
	started uint64
}

type modelProcess struct {
	session uint64
	parent  Key
	alive   bool
	execs   int
	denied  uint64
}

func (m *model) alive(rng *rand.Rand, session uint64) (Key, bool) {
	var all []Key
	for k, p := range m.process {
		if p.alive && p.session == session {
			all = append(all, k)
		}
	}
	if len(all) == 0 {
		return Key{}, false
	}
	best := all[0]
	for _, k := range all { // maps have no order; a seed must repeat
		if k.Started < best.Started {
			best = k
		}
	}
	if rng.IntN(2) == 0 {
		return best, true
	}
	for _, k := range all {
		if k.Started > best.Started {
			best = k
		}
	}
	return best, true
}

// pid is free or was used before: reuse is what goes wrong.
func (m *model) pid(rng *rand.Rand) uint32 {
	for {
		pid := uint32(1 + rng.IntN(150)) // more than a run makes
		free := true
		for k, p := range m.process {
			free = free && (k.PID != pid || !p.alive)
		}
		if free {
			return pid
		}
	}
}

func (m *model) step(rng *rand.Rand, table *Table, n int, session uint64) {
	k, ok := m.alive(rng, session)
	m.started++
	fresh := Key{m.pid(rng), m.started}
	switch op := rng.IntN(10); {
	case !ok:
		table.Apply(ev(event.SessionStart, n, session, fresh.PID, fresh.Started))
		m.process[fresh] = &modelProcess{session: session, alive: true}
	case op < 4:
		table.Apply(forkOf(n, session, fresh.PID, fresh.Started, k))
		m.process[fresh] = &modelProcess{session: session, parent: k, alive: true}
	case op < 6:
		table.Apply(ev(event.Exec, n, session, k.PID, k.Started))
		m.process[k].execs++
	case op < 8:
		e := ev(event.Access, n, session, k.PID, k.Started)
		e.Head.Action = event.Deny
		table.Apply(e)
		m.process[k].denied++
	default:
		table.Apply(ev(event.Exit, n, session, k.PID, k.Started))
		m.process[k].alive = false
	}
}

func (m *model) compare(t *testing.T, table *Table) {
	t.Helper()
	living := map[uint64]int{}
	for k, p := range m.process {
		got := table.Session(p.session).Process(k)
		if got == nil {
			t.Fatalf("process %v is missing", k)
		}
		if got.Parent != p.parent || got.Execs != p.execs || got.Counts[event.Deny] != p.denied || got.Ended.IsZero() != p.alive {
			t.Fatalf("process %v: %+v, want %+v", k, got, p)
		}
		if p.alive {
			living[p.session]++
			if s := table.Of(k.PID); s == nil || s.ID != p.session {
				t.Fatalf("pid %d belongs to %v, want %d", k.PID, s, p.session)
			}
		}
	}
	for id, n := range living {
		if got := table.Session(id).Living(); got != n {
			t.Fatalf("session %d: %d living, want %d", id, got, n)
		}
	}
}

func TestTableAgreesWithModel(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 2))
		m := &model{process: map[Key]*modelProcess{}}
		table := New(Limits{Sessions: 100, Processes: 10000})
		for n := range 300 {
			m.step(rng, table, n, uint64(1+rng.IntN(3)))
			if n%20 == 0 {
				m.compare(t, table)
			}
		}
		m.compare(t, table)
	}
}
