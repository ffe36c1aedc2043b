// SPDX-License-Identifier: Apache-2.0

// Which figures of a report are held by the budget, and why these.
//
// Spread of the same figure between three boots of each kernel (6.1, 6.12, 7.3), of the worst operation:
//
//	                      a bystander      an agent
//	minimum of rounds     2.8 % (mmap)     1.7 % (exec)
//	lower quartile        1.2 % (exec)     0.8 % (exec)
//	programs' share       0.0 %            1.1 % (mmap)
//
// A rare round is cheaper than all others, and more are dearer, so the whole is held at its quartile. It shows what the kernel
// does on behalf of a program: storage, frees, one more hook. But of a bystander's open 30 instructions in 7,700 are ours, and
// the difference to the floor is as much off as it is large; so the programs' share is held too, and in it three show.
//
// Renaming and unlinking are reported and not held: between two boots the file system's journal makes 12 % of the whole, and what
// is kept of names that were never seen 5 % of the programs' share.

package bench

import (
	"fmt"
	"math"

	"github.com/reeve-sensor/reeve/bpf"
)

// held are the configurations of the budget: everybody else, who must pay next to nothing, and an agent. That more rules
// cost the same is a goal of the tables (Goals), so ten do.
var held = []string{Bystander, Agent10}

// heldOps are the operations whose figures repeat.
var heldOps = []string{"open", "mmap", "mprotect", "exec", "again"}

// SeriesOf is the name of a kernel in a budget, with the form that it takes where lsm= lacks bpf, or without.
func SeriesOf(kernel string, fallback bool) string {
	if fallback {
		return kernel + "-nobpf"
	}
	return kernel
}

// Budget is what a report has to hold against a budget, under the name of a series, and of the form that kernels without bpf in lsm= have.
func (r *Report) Budget(series string) (Budget, error) {
	series = SeriesOf(series, r.Form != bpf.FormLSM.String())
	b := ofPrograms(series, r.Verified)
	for _, config := range held {
		for _, op := range heldOps {
			whole, programs := r.figure(config, op), r.Programs(config, op)
			if whole == nil || programs == 0 {
				return nil, fmt.Errorf("%s, %s on %s: not measured", op, config, series)
			}
			b[Entry{Executed, series, op + ", " + config}] = uint64(math.Round(whole.Low))
			b[Entry{Programs, series, op + ", " + config}] = uint64(math.Round(programs))
		}
	}
	for name, kB := range r.Memory {
		b[Entry{Memory, series, name}] = kB
	}
	return b, nil
}

func ofPrograms(series string, verified map[string]uint32) Budget {
	b := make(Budget)
	for program, n := range verified {
		b[Entry{Verified, series, program}] = uint64(n)
	}
	return b
}

// Programs is what programs of ours take of an operation, with the kernel's accounting of them.
func (r *Report) Programs(config, op string) (sum float64) {
	for _, p := range r.Parts {
		if p.Config == config && p.Op == op {
			sum += p.Runs * p.Cost
		}
	}
	return sum
}
