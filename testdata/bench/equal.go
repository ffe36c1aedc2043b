// SPDX-License-Identifier: Apache-2.0

// Whether ten thousand rules cost what ten do. Two processes are farther apart than that, by where their memory lies, and so are
// two moments of a machine; so one process has both tables in turn, and of what the second adds to the first the median counts.

package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/reeve-sensor/reeve/sensor"
)

// turns is how often each operation is done with the one table, twice with the other, and with the one again, after a turn that warms up.
const turns = 5

// equally is the configuration's name, of which no table is printed.
const equally = "agent, 10 rules and 10,000 in turn"

// Pair is what an operation costs with few rules, and what many add to it: medians, in instructions.
type Pair struct {
	Op  string  `json:"op"`
	Few float64 `json:"few"`
	Add float64 `json:"add"`
}

func newPair(op string, few, add []float64) Pair { return Pair{op, median(few), median(add)} }

// median is the middle one, of an odd number.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// Apart is how far the cost with many rules is from that with few, in percent; not a number where it was not measured, and no
// goal is met by that.
func (r *Report) Apart(op string) float64 {
	for _, p := range r.Pairs {
		if p.Op == op {
			return 100 * math.Abs(p.Add) / p.Few
		}
	}
	return math.NaN()
}

// equal does the operations in one process of a session, with either table in turn.
func (g *guest) equal() error {
	fmt.Println("bench:", equally)
	p, err := startOps()
	if err != nil {
		return err
	}
	if err := g.begin(p, true); err != nil {
		return errors.Join(err, p.Close())
	}
	for _, op := range g.ops(equally) {
		pair, err := g.pair(p, op)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", equally, err), p.Close())
		}
		g.report.Pairs = append(g.report.Pairs, pair)
	}
	return p.Close()
}

// pair measures one operation. In a turn each table is first and second once, and the turns begin with either: so what the
// second costs for being second, and what a machine drifts by, evens out.
func (g *guest) pair(p *process, op string) (Pair, error) {
	order := []string{Agent10, Agent10k, Agent10k, Agent10}
	var few, add []float64
	for i := range turns + 1 {
		cost := make(map[string]float64)
		for _, name := range order {
			if err := g.apply(Tables[name], 1); err != nil {
				return Pair{}, err
			}
			average, err := g.round(p, equally, op)
			if err != nil {
				return Pair{}, err
			}
			cost[name] += average / 2
		}
		order = []string{order[1], order[0], order[3], order[2]}
		if i > 0 {
			few = append(few, cost[Agent10])
			add = append(add, cost[Agent10k]-cost[Agent10])
		}
	}
	return newPair(op, few, add), nil
}

// begin does what a process needs before it is measured: its exec is over then, and it can be adopted.
func (g *guest) begin(p *process, agent bool) error {
	if _, _, err := p.round("open"); err != nil || !agent {
		return err
	}
	_, err := g.kernel.Adopt(context.Background(), sensor.Adoption{PID: p.pid()})
	return err
}
