// SPDX-License-Identifier: Apache-2.0

// What each program has of an operation, by the kernel's own accounting. It adds a little to every run and the same on every
// boot, so these are the figures in which a few instructions show; what the kernel does for a program outside of it is in none.

package bench

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// accounted is how often it runs with the kernel's accounting on. One interrupt in a round of exec is thousands of
// instructions for each run of the program that it fell into.
const accounted = 4

// asked runs where the figures are asked for, with bpf(2), and no operation calls that.
const asked = "enforce_bpf"

// parts runs more rounds with the kernel's accounting on: how often each program runs, and what a run costs in the
// round in which it costs least.
func (g *guest) parts(p *process, config, op string, programs map[string]*ebpf.Program) error {
	if len(programs) == 0 {
		return nil
	}
	accounting, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		return fmt.Errorf("accounting of programs: %w", err)
	}
	defer accounting.Close()
	least := make(map[string]Part)
	for range accounted {
		if err := g.drain(config); err != nil {
			return err
		}
		parts, err := round(p, config, op, programs)
		if err != nil {
			return err
		}
		for _, part := range parts {
			if old, ok := least[part.Program]; !ok || part.Cost < old.Cost {
				least[part.Program] = part
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(least)) {
		g.report.Parts = append(g.report.Parts, least[name])
	}
	return nil
}

// round is what each program had of one round.
func round(p *process, config, op string, programs map[string]*ebpf.Program) ([]Part, error) {
	before, err := stats(programs)
	if err != nil {
		return nil, err
	}
	_, count, err := p.round(op)
	if err != nil {
		return nil, err
	}
	after, err := stats(programs)
	if err != nil {
		return nil, err
	}
	var parts []Part
	for name := range programs {
		runs := after[name].RunCount - before[name].RunCount
		if name == asked || runs < uint64(count)/2 {
			continue // of somebody else
		}
		parts = append(parts, Part{config, op, name, float64(runs) / float64(count),
			float64(after[name].Runtime-before[name].Runtime) / float64(runs)})
	}
	return parts, nil
}

func stats(programs map[string]*ebpf.Program) (map[string]ebpf.ProgramStats, error) {
	all := make(map[string]ebpf.ProgramStats)
	for name, p := range programs {
		s, err := p.Stats()
		if err != nil {
			return nil, fmt.Errorf("accounting of %s: %w", name, err)
		}
		all[name] = *s
	}
	return all, nil
}
