// SPDX-License-Identifier: Apache-2.0

// Tables and goals, of one kernel and of the worst.

package bench

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/reeve-sensor/reeve/bpf"
)

// Goal is one promise and what was measured.
type Goal struct {
	Name   string
	Kernel string
	Got    float64
	Limit  float64
	Unit   string
}

// Met reports whether the promise is kept.
func (g Goal) Met() bool { return g.Got <= g.Limit }

func (g Goal) String() string {
	word := "goal met"
	if !g.Met() {
		word = "goal missed"
	}
	return fmt.Sprintf("%-52s %+10.1f%s  at most %+.0f%s  %s  (%s)", g.Name, g.Got, g.Unit, g.Limit, g.Unit, word, g.Kernel)
}

// Limits, in instructions above the floor.
const (
	limitHook  = 120
	limitOpen  = 6000
	limitAgain = 900
	limitExec  = 25000
	limitEqual = 2 // percent

	limitBeside  = 2 // percent
	limitConnect = 15
)

// quiet is how far the first and the last measurement without programs may be apart, as a part.
const quiet = 0.03

// recogniser is the program that asks the catalogue about every exec of the host.
const recogniser = "enforce_exec"

// hook is what a run of a program costs a bystander above the floor's.
func (r *Report) hook(p Part) float64 { return p.Cost - r.floorOf(p) }

// Catalogue is what a bystander's exec pays to be recognised as no agent: all that the other programs do not account for,
// so that memory which is freed later counts too.
func (r *Report) Catalogue() float64 {
	left := r.Above(Bystander, "exec")
	for _, p := range r.Parts {
		if p.Config == Bystander && p.Op == "exec" && p.Program != recogniser {
			left -= p.Runs * r.hook(p)
		}
	}
	return left
}

// dearest is the hook of an operation, but for the recogniser, that costs a bystander most: by the kernel's account of its program,
// for between two processes an mmap as a whole is more than that apart.
func (r *Report) dearest(op string) (name string, cost float64) {
	cost = math.NaN()
	for _, p := range r.Parts {
		if p.Config == Bystander && p.Op == op && p.Program != recogniser && !(r.hook(p) <= cost) {
			name, cost = p.Program, r.hook(p)
		}
	}
	return name, cost
}

// Goals are the promises about one kernel.
func (r *Report) Goals() []Goal {
	var goals []Goal
	for _, op := range opNames[:len(opNames)-1] {
		name, cost := r.dearest(op)
		goals = append(goals, Goal{"bystander, " + op + ", dearest hook: " + name, r.Kernel, cost, limitHook, ""})
	}
	for _, op := range opNames[:len(opNames)-1] {
		goals = append(goals, Goal{"agent, " + op + ", 10,000 rules against 10", r.Kernel, r.Apart(op), limitEqual, " %"})
	}
	for _, op := range []string{"connect", "datagram"} {
		goals = append(goals, Goal{"bystander, " + op + ", beside the floor", r.Kernel, 100 * (r.Figure(Bystander, op)/r.Figure(Floor, op) - 1), limitBeside, " %"})
	}
	return append(goals,
		Goal{"agent, connect+close, beside nothing", r.Kernel, 100 * (r.Figure(Agent10k, "connect")/r.Figure(None, "connect") - 1), limitConnect, " %"},
		Goal{"agent, open+close of a file seen before", r.Kernel, r.Above(Agent10k, "again"), limitAgain, ""},
		Goal{"agent, open+close the first time, 10,000 rules", r.Kernel, r.Above(Agent10k, "open"), limitOpen, ""},
		Goal{"agent, fork+exec, 10,000 rules", r.Kernel, r.Above(Agent10k, "exec"), limitExec, ""})
}

// Of keeps the reports of one kind: with the fallback's form, or with that of security modules.
func Of(reports []*Report, fallback bool) []*Report {
	return slices.DeleteFunc(slices.Clone(reports), func(r *Report) bool { return (r.Form != bpf.FormLSM.String()) != fallback })
}

// Worst keeps of each goal the kernel that is farthest from it.
func Worst(reports []*Report) []Goal {
	var worst []Goal
	for _, r := range reports {
		for i, g := range r.Goals() {
			if i == len(worst) {
				worst = append(worst, g)
			} else if g.Got > worst[i].Got {
				worst[i] = g
			}
		}
	}
	return worst
}

// WriteTable prints operation by configuration, the difference to the floor in brackets.
func (r *Report) WriteTable(w io.Writer) {
	fmt.Fprintf(w, "\n%s: instructions for one operation (above the floor)\n", r.Kernel)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\t"+strings.Join(opNames, "\t")+"\t")
	for _, c := range Configurations {
		fmt.Fprint(t, c)
		for _, op := range opNames {
			fmt.Fprint(t, "\t"+r.cell(c, op))
		}
		fmt.Fprintln(t, "\t")
	}
	fmt.Fprint(t, "programs run, bystander")
	for _, op := range opNames {
		fmt.Fprintf(t, "\t%.2f", r.Hooks(Bystander, op))
	}
	fmt.Fprintln(t, "\t")
	t.Flush()
	fmt.Fprintf(w, "catalogue walk of a bystander's exec, with what it allocates: %+.0f\n", r.Catalogue())
	fmt.Fprintf(w, "memory of a label that is kept: %.0f bytes\n", r.Label)
	for _, op := range opNames {
		if drift := r.Figure(None, op)/r.Figure(Again, op) - 1; math.Abs(drift) > quiet {
			fmt.Fprintf(w, "%s: the machine was not quiet: %+.0f %% between \"%s\" and \"%s\"\n", op, 100*drift, Again, None)
		}
	}
}

func (r *Report) cell(config, op string) string {
	if r.figure(config, op) == nil {
		return "·"
	}
	return fmt.Sprintf("%.0f (%+.0f)", r.Figure(config, op), r.Above(config, op))
}

// WriteParts prints what each program costs in each operation, above the floor's program of that name.
func (r *Report) WriteParts(w io.Writer, configs ...string) {
	fmt.Fprintf(w, "\n%s: instructions of one run of a program above the floor's (runs an operation), by the kernel's accounting\n", r.Kernel)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	parts := slices.Clone(r.Parts)
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(a.Program, b.Program) })
	for _, c := range configs {
		for _, op := range opNames {
			for _, p := range parts {
				if p.Config == c && p.Op == op {
					fmt.Fprintf(t, "%s\t%s\t%s\t%+.0f\t(%.2f)\n", c, op, p.Program, r.hook(p), p.Runs)
				}
			}
		}
	}
	t.Flush()
}

func (r *Report) floorOf(p Part) float64 {
	for _, f := range r.Parts {
		if f.Config == Floor && f.Op == p.Op && f.Program == p.Program {
			return f.Cost
		}
	}
	return 0
}
