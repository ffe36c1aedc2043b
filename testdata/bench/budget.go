// SPDX-License-Identifier: Apache-2.0

// The verifier's budget: instructions that it walks for each program on each kernel, in testdata/budget.txt. A program
// that grows past it today is refused by some kernel tomorrow.

package bench

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// budgetSlack is how far a program may be from its budget, as a part of it.
const budgetSlack = 0.10

// Budget is verified instructions by kernel series and program.
type Budget map[string]map[string]uint32

// budgetHead is what the file says of itself.
const budgetHead = `# Instructions that the verifier walks for each program, by series of kernels; held within 10 %.
# Written by: go run ./testdata/bench/cmd/bench -budget
`

// ParseBudget reads the file: series, program and number on each line.
func ParseBudget(text string) (Budget, error) {
	b := make(Budget)
	for number, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 3 {
			return nil, fmt.Errorf("budget, line %d: not series, program and number", number+1)
		}
		n, err := strconv.ParseUint(words[2], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("budget, line %d: %w", number+1, err)
		}
		b.set(words[0], words[1], uint32(n))
	}
	return b, nil
}

func (b Budget) set(series, program string, n uint32) {
	if b[series] == nil {
		b[series] = make(map[string]uint32)
	}
	b[series][program] = n
}

// Check compares what a kernel measured. The problems name program, kernel, golden and measured.
func (b Budget) Check(series string, measured map[string]uint32) []error {
	var problems []error
	for _, program := range slices.Sorted(maps.Keys(measured)) {
		got, want := measured[program], b[series][program]
		switch {
		case want == 0:
			problems = append(problems, fmt.Errorf("%s on %s: %d instructions verified, no budget yet", program, series, got))
		case math.Abs(float64(got)-float64(want)) > budgetSlack*float64(want):
			problems = append(problems, fmt.Errorf("%s on %s: %d instructions verified, the budget is %d: %+.0f %%, at most 10",
				program, series, got, want, 100*(float64(got)/float64(want)-1)))
		}
	}
	for _, program := range slices.Sorted(maps.Keys(b[series])) {
		if _, ok := measured[program]; !ok {
			problems = append(problems, fmt.Errorf("%s on %s: in the budget, not among the programs", program, series))
		}
	}
	return problems
}

// String is the file.
func (b Budget) String() string {
	var out strings.Builder
	out.WriteString(budgetHead)
	for _, series := range slices.SortedFunc(maps.Keys(b), bySeries) {
		for _, program := range slices.Sorted(maps.Keys(b[series])) {
			fmt.Fprintf(&out, "%-5s %-20s %7d\n", series, program, b[series][program])
		}
	}
	return out.String()
}

// bySeries orders 6.1 before 6.12.
func bySeries(a, b string) int {
	return slices.Compare(numbers(a), numbers(b))
}

func numbers(series string) []int {
	var ns []int
	for part := range strings.SplitSeq(series, ".") {
		n, _ := strconv.Atoi(part)
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
