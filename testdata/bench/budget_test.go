// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// budgetFile is where the harness puts the budget in a test machine.
const budgetFile = "budget.txt"

func TestVerifierBudget(t *testing.T) {
	k := load(t, 0)
	measured, err := k.Verified()
	must(t, err)
	var name unix.Utsname
	must(t, unix.Uname(&name))
	series := Series(unix.ByteSliceToString(name.Release[:]))
	if os.Getenv("UPDATE") != "" {
		r := Report{Kernel: series, Verified: measured}
		must(t, r.Print(os.Stdout))
		return
	}
	text, err := os.ReadFile(budgetFile)
	must(t, err)
	budget, err := ParseBudget(string(text))
	must(t, err)
	for _, problem := range budget.Check(series, measured) {
		t.Error(problem)
	}
}

func TestBudgetFile(t *testing.T) {
	text := budgetHead + "6.1   enforce_open             100\n6.12  enforce_open             200\n"
	b, err := ParseBudget(text)
	must(t, err)
	if b.String() != text {
		t.Errorf("written again:\n%s", b)
	}
	for name, c := range map[string]struct {
		measured map[string]uint32
		want     string // of the problem, or "" for none
	}{
		"same":       {map[string]uint32{"enforce_open": 100}, ""},
		"in-slack":   {map[string]uint32{"enforce_open": 110}, ""},
		"grown":      {map[string]uint32{"enforce_open": 111}, "enforce_open on 6.1: 111 instructions verified, the budget is 100: +11 %"},
		"shrunk":     {map[string]uint32{"enforce_open": 89}, "the budget is 100: -11 %"},
		"new":        {map[string]uint32{"enforce_open": 100, "enforce_new": 1}, "no budget yet"},
		"taken-away": {nil, "not among the programs"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := b.Check("6.1", c.measured)
			if c.want == "" && len(problems) > 0 || c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want)) {
				t.Errorf("problems %v, want %q", problems, c.want)
			}
		})
	}
	if _, err := ParseBudget("6.1 enforce_open\n"); err == nil {
		t.Error("a line without a number was read")
	}
}
