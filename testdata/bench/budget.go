// SPDX-License-Identifier: Apache-2.0

// The budget: what Reeve may cost, as testdata/budget.txt has it, and how far off a measured figure may be.

package bench

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// kind is a section of the budget.
type kind struct {
	name  string
	about string  // for a reader of the file
	unit  string  // of a figure, in a problem
	slack float64 // how far a figure may be from its golden, as a part of it
	noise float64 // a golden that is no farther off is not rewritten: a diff shows what changed
	bound bool    // the golden is the most that a figure may be, written with room above what was measured
	room  float64 // as a part of that; a bound with half of it to twice of it is not rewritten
	round uint64  // to which a bound is rounded up
}

// Names of the kinds.
const (
	Verified = "verified"
	Executed = "executed"
	Programs = "programs"
	Size     = "size"
	Memory   = "memory"
)

// kinds are the sections in the order of the file.
var kinds = []kind{
	{name: Verified, slack: 0.10, unit: "instructions verified",
		about: "instructions that the verifier walks for each program: one that grows past it today is refused by some kernel tomorrow"},
	{name: Executed, slack: 0.03, noise: 0.01, unit: "instructions executed",
		about: "instructions of one operation as a whole, the kernel's own among them"},
	{name: Programs, slack: 0.03, noise: 0.005, unit: "instructions in programs",
		about: "of these in programs of ours, accounting included: what a bystander pays is too little to show in the whole"},
	{name: Size, bound: true, room: 0.05, round: 100_000, unit: "bytes",
		about: "bytes of a binary as `make build` makes it"},
	// Where its garbage collector is by then makes a tenth.
	{name: Memory, bound: true, room: 0.20, round: 1000, unit: "kB",
		about: "kB of reeved when it is ready, with the preset balanced (/proc/PID/status)"},
}

// Entry names a figure. The series is a kernel's, or whatever else figures are told apart by; nobody takes it apart.
type Entry struct{ Kind, Series, Name string }

// Budget has a golden, or a measured figure, for each entry.
type Budget map[Entry]uint64

const budgetHead = `# What Reeve may cost: a series, what is counted, and its golden on each line. make budget measures and compares.
# A change that is wanted is written by: ` + rewrite + `
`

const rewrite = "go run ./testdata/bench/cmd/bench -budget"

// ParseBudget reads the file.
func ParseBudget(text string) (Budget, error) {
	b := make(Budget)
	section := ""
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
			if kindOf(section) == nil {
				return nil, fmt.Errorf("budget, line %d: unknown section %q", i+1, section)
			}
			continue
		}
		if err := b.read(section, strings.Fields(line)); err != nil {
			return nil, fmt.Errorf("budget, line %d: %w", i+1, err)
		}
	}
	return b, nil
}

func (b Budget) read(section string, words []string) error {
	last := len(words) - 1
	if section == "" || last < 2 {
		return fmt.Errorf("not a series, a name and a number in a section")
	}
	n, err := strconv.ParseUint(words[last], 10, 64)
	if err != nil {
		return err
	}
	e := Entry{section, words[0], strings.Join(words[1:last], " ")}
	if _, ok := b[e]; ok {
		return fmt.Errorf("%s on %s is there twice", e.Name, e.Series)
	}
	b[e] = n
	return nil
}

func kindOf(name string) *kind {
	for i := range kinds {
		if kinds[i].name == name {
			return &kinds[i]
		}
	}
	return nil
}

// String is the file.
func (b Budget) String() string {
	var out strings.Builder
	out.WriteString(budgetHead)
	section := ""
	for _, e := range b.entries() {
		if e.Kind != section {
			section = e.Kind
			k := kindOf(section)
			fmt.Fprintf(&out, "\n# %s; %s\n[%s]\n", k.about, k.held(), k.name)
		}
		fmt.Fprintf(&out, "%-13s  %-26s %9d\n", e.Series, e.Name, b[e])
	}
	return out.String()
}

// entries are in the order of the file.
func (b Budget) entries() []Entry {
	return slices.SortedFunc(maps.Keys(b), func(x, y Entry) int {
		return cmp.Or(cmp.Compare(place(x.Kind), place(y.Kind)), bySeries(x.Series, y.Series), cmp.Compare(x.Name, y.Name))
	})
}

func place(name string) int {
	return slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
}

// Check compares what was measured with the goldens of the same kinds and series. Each problem is one line.
func (b Budget) Check(measured Budget) []error {
	var problems []error
	for _, e := range measured.entries() {
		if err := kindOf(e.Kind).check(e, b[e], measured[e]); err != nil {
			problems = append(problems, err)
		}
	}
	for _, e := range b.superfluous(measured) {
		problems = append(problems, e.problem("in the budget as "+e.Kind+", not measured"))
	}
	return problems
}

// Disturbed are the series of which something that a machine's own work adds to is not within its bounds.
func (b Budget) Disturbed(measured Budget) []string {
	var series []string
	for _, e := range measured.entries() {
		k := kindOf(e.Kind)
		if k.noise > 0 && k.check(e, b[e], measured[e]) != nil && !slices.Contains(series, e.Series) {
			series = append(series, e.Series)
		}
	}
	return series
}

// Lesser takes what cost less when it was measured once more.
func (b Budget) Lesser(again Budget) {
	for e, got := range again {
		if old, ok := b[e]; ok && kindOf(e.Kind).noise > 0 {
			b[e] = min(old, got)
		}
	}
}

// superfluous are the entries that were not measured, though others of their kind and series were.
func (b Budget) superfluous(measured Budget) []Entry {
	group := func(e Entry) Entry { return Entry{e.Kind, e.Series, ""} }
	groups := make(map[Entry]bool)
	for e := range measured {
		groups[group(e)] = true
	}
	return slices.DeleteFunc(b.entries(), func(e Entry) bool {
		_, ok := measured[e]
		return ok || !groups[group(e)]
	})
}

// Take makes goldens of what was measured. Kinds and series of which nothing was measured keep theirs.
func (b Budget) Take(measured Budget) {
	for _, e := range b.superfluous(measured) {
		delete(b, e)
	}
	for e, got := range measured {
		b[e] = kindOf(e.Kind).golden(b[e], got)
	}
}

// golden is what is written for a measured figure in the place of an old golden, or of none.
func (k *kind) golden(old, got uint64) uint64 {
	was, is := float64(old), float64(got)
	switch {
	case k.bound && was >= is*(1+k.room/2) && was <= is*(1+2*k.room), !k.bound && math.Abs(is-was) <= k.noise*was:
		return old
	case k.bound:
		return (uint64(is*(1+k.room)) + k.round - 1) / k.round * k.round
	}
	return got
}

func (k *kind) check(e Entry, golden, got uint64) error {
	off := float64(got) - float64(golden)
	switch {
	case golden == 0:
		return e.problem(fmt.Sprintf("%d %s, no golden", got, k.unit))
	case k.bound && off <= 0, !k.bound && off <= k.slack*float64(golden) && -off <= saved*k.slack*float64(golden):
		return nil
	}
	return e.problem(fmt.Sprintf("%d %s, the golden is %d: %+.1f %%, %s", got, k.unit, golden, 100*off/float64(golden), k.held()))
}

// saved is how many times as far a figure may fall: what costs less is no regression, and what a bystander's exec costs varies by
// where its memory lies; but a golden that is far off would hide one.
const saved = 3

// held says how far a figure may be off.
func (k *kind) held() string {
	if k.bound {
		return "at most that"
	}
	return fmt.Sprintf("held from -%.0f to +%.0f %%", saved*100*k.slack, 100*k.slack)
}

func (e Entry) problem(what string) error {
	return fmt.Errorf("%s on %s: %s; if that is wanted: %s", e.Name, e.Series, what, rewrite)
}

// bySeries orders 6.1 before 6.12, and that before 6.12 with anything behind it.
func bySeries(a, b string) int {
	return cmp.Or(slices.Compare(numbers(a), numbers(b)), cmp.Compare(a, b))
}

func numbers(series string) []int {
	var ns []int
	for _, word := range strings.FieldsFunc(series, func(r rune) bool { return r < '0' || r > '9' }) {
		n, err := strconv.Atoi(word)
		if err != nil {
			n = math.MaxInt
		}
		ns = append(ns, n)
	}
	return ns
}

// Series is the series of a kernel's release: 6.12 of 6.12.117+deb12-cloud-amd64.
func Series(release string) string {
	parts := strings.SplitN(release, ".", 3)
	if len(parts) < 3 {
		return release
	}
	return parts[0] + "." + parts[1]
}
