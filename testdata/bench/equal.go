// SPDX-License-Identifier: Apache-2.0

// Whether ten thousand rules cost what ten do. Two processes are farther apart than that, by where their memory lies, and so are
// two moments of a machine; so one process has both tables in turn, and of each the cheaper rounds count: what disturbs adds.

package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/reeve-sensor/reeve/sensor"
)

// pairs is how often each operation is done with either table, after a pair that warms up.
const pairs = 9

// rest is for what the kernel does late, after a grace period: it frees a table, and what an earlier round unmapped. The
// processor that is measured does it.
const rest = 200 * time.Millisecond

// equally is the configuration's name, of which no table is printed.
const equally = "agent, 10 rules and 10,000 in turn"

// Pair is what an operation costs with few rules, and what many add to it, in instructions.
type Pair struct {
	Op  string  `json:"op"`
	Few float64 `json:"few"`
	Add float64 `json:"add"`
}

// newPair takes the cheaper quartile of each: what disturbs adds, but for a round here and there that ends before the kernel has
// freed what the round let go of.
func newPair(op string, few, many []float64) Pair {
	quartile := func(rounds []float64) float64 { return slices.Sorted(slices.Values(rounds))[len(rounds)/4] }
	return Pair{op, quartile(few), quartile(many) - quartile(few)}
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

// pair measures one operation. Which table comes first changes each time, so that what a machine drifts by evens out.
func (g *guest) pair(p *process, op string) (Pair, error) {
	order := []string{Agent10, Agent10k}
	costs := make(map[string][]float64)
	for i := range pairs + 1 {
		for _, name := range order {
			if err := g.apply(Tables[name], 1); err != nil {
				return Pair{}, err
			}
			time.Sleep(rest)
			average, err := g.round(p, equally, op)
			if err != nil {
				return Pair{}, err
			}
			if i > 0 {
				costs[name] = append(costs[name], average)
			}
		}
		slices.Reverse(order)
	}
	return newPair(op, costs[Agent10], costs[Agent10k]), nil
}

// begin does what a process needs before it is measured: its exec is over then, and it can be adopted.
func (g *guest) begin(p *process, agent bool) error {
	if _, _, err := p.round("open"); err != nil || !agent {
		return err
	}
	_, err := g.kernel.Adopt(context.Background(), sensor.Adoption{PID: p.pid()})
	return err
}
