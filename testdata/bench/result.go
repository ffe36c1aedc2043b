// SPDX-License-Identifier: Apache-2.0

// What a test machine reports: one line of JSON a figure, found on its console by a mark.

package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Names of operations, in the order of the tables: a file that was not opened before, one that was, and so on.
var opNames = []string{"open", "mmap", "mprotect", "exec", "again", "rename", "unlink", "connect", "datagram", find}

// find looks at each of 100,000 files in 1,000 folders: a round takes so long that few configurations have it, a few times.
const find = "find"

// Names of configurations, in the order in which they are measured.
const (
	None      = "none"
	Floor     = "floor"
	NoPolicy  = "bystander, no catalogue"
	Bystander = "bystander"
	Agent10   = "agent, 10 rules"
	Agent1k   = "agent, 1,000 rules"
	Agent10k  = "agent, 10,000 rules"
	Balanced  = "agent, balanced"
	WithRead  = "the same, reader at work"
	Again     = "none again"
)

// Configurations is the order of the table.
var Configurations = []string{None, Floor, NoPolicy, Bystander, Agent10, Agent1k, Agent10k, Balanced, WithRead, Again}

// Figure is the cost of one operation in one configuration, in instructions.
type Figure struct {
	Config string  `json:"config"`
	Op     string  `json:"op"`
	Min    float64 `json:"min"`  // of the averages of rounds
	Low    float64 `json:"low"`  // of the averages, such that a quarter is less
	Mean   float64 `json:"mean"` // of all
}

func newFigure(config, op string, averages []float64) Figure {
	slices.Sort(averages)
	f := Figure{Config: config, Op: op, Min: averages[0], Low: averages[len(averages)/4]}
	for _, a := range averages {
		f.Mean += a / float64(len(averages))
	}
	return f
}

// Part is one program's share of an operation, by the kernel's own accounting.
type Part struct {
	Config  string  `json:"config"`
	Op      string  `json:"op"`
	Program string  `json:"program"`
	Runs    float64 `json:"runs"` // for each operation
	Cost    float64 `json:"cost"` // of one run, accounting included
}

// Report is what one machine said.
type Report struct {
	Kernel   string            `json:"kernel"` // its release, and the form of the programs where it is the fallback
	Form     string            `json:"form"`
	Label    float64           `json:"label"` // bytes of memory for each label that is kept
	Figures  []Figure          `json:"figures"`
	Parts    []Part            `json:"parts"`
	Pairs    []Pair            `json:"pairs"`
	Records  map[string]uint64 `json:"records"` // read from the rings, by configuration
	Verified map[string]uint32 `json:"verified"`
	Memory   map[string]uint64 `json:"memory"` // of reeved, in kB
}

const mark = "bench-result: "

// Print writes a report for Read to find.
func (r *Report) Print(w io.Writer) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", mark, raw)
	return err
}

// Read finds the report on a machine's console.
func Read(console string) (*Report, error) {
	for line := range strings.Lines(console) {
		if _, raw, ok := strings.Cut(line, mark); ok {
			r := new(Report)
			if err := json.Unmarshal([]byte(raw), r); err != nil {
				return nil, fmt.Errorf("reading the machine's report: %w", err)
			}
			return r, nil
		}
	}
	return nil, fmt.Errorf("reading the machine's report: there is none")
}

// Figure is the cheapest round's; it is not a number where there is none, and no goal is met by that.
func (r *Report) Figure(config, op string) float64 {
	if f := r.figure(config, op); f != nil {
		return f.Min
	}
	return math.NaN()
}

func (r *Report) figure(config, op string) *Figure {
	for i := range r.Figures {
		if f := &r.Figures[i]; f.Config == config && f.Op == op {
			return f
		}
	}
	return nil
}

// Above is what a configuration costs above the floor.
func (r *Report) Above(config, op string) float64 { return r.Figure(config, op) - r.Figure(Floor, op) }

// Hooks is how often programs of ours run in an operation.
func (r *Report) Hooks(config, op string) float64 {
	var runs float64
	for _, p := range r.Parts {
		if p.Config == config && p.Op == op {
			runs += p.Runs
		}
	}
	return runs
}
