// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

// A budget in which each kind has something on its own.
func example() Budget {
	return Budget{
		{Verified, "6.1", "enforce_open"}:          100,
		{Executed, "6.1", "open, bystander"}:       10_000,
		{Executed, "6.12", "open, bystander"}:      8_000,
		{Executed, "6.12-other", "exec, agent"}:    9_000,
		{Programs, "6.1", "exec, agent, 10 rules"}: 2_000,
		{Size, "amd64", "reeved"}:                  1_000_000,
		{Memory, "6.12", "VmRSS"}:                  50_000,
	}
}

func TestBudgetIsReadAsWritten(t *testing.T) {
	text := example().String()
	b, err := ParseBudget(text)
	must(t, err)
	if b.String() != text {
		t.Errorf("written again:\n%s", b)
	}
	rest := text
	for _, next := range []string{"[verified]", "[executed]\n6.1 ", "6.12 ", "6.12-other ", "[programs]", "[size]", "[memory]"} {
		_, after, ok := strings.Cut(rest, "\n"+next)
		if !ok {
			t.Fatalf("%q is missing or out of order:\n%s", next, text)
		}
		rest = after
	}
}

func TestBudgetOfNoSense(t *testing.T) {
	for name, text := range map[string]string{
		"no-section":  "6.1 enforce_open 100\n",
		"new-section": "[unheard]\n",
		"no-number":   "[verified]\n6.1 enforce_open\n",
		"no-name":     "[verified]\n6.1 100\n",
		"not-whole":   "[verified]\n6.1 enforce_open 1.5\n",
		"twice":       "[verified]\n6.1 enforce_open 100\n6.1 enforce_open 100\n",
	} {
		if b, err := ParseBudget(text); err == nil {
			t.Errorf("%s: read as %v", name, b)
		}
	}
}

func TestWhatDisturbsIsMeasuredOnceMore(t *testing.T) {
	open, program := Entry{Executed, "6.1", "open, bystander"}, Entry{Verified, "6.1", "enforce_open"}
	b, measured := example(), Budget{open: 10_800, program: 200}
	if got := b.Disturbed(measured); !slices.Equal(got, []string{"6.1"}) {
		t.Errorf("disturbed: %v", got)
	}
	measured.Lesser(Budget{open: 10_100, program: 100, {Executed, "6.12", "open, bystander"}: 1})
	if measured[open] != 10_100 || measured[program] != 200 || len(measured) != 2 {
		t.Errorf("after a second time: %v", measured)
	}
	if got := b.Disturbed(measured); got != nil {
		t.Errorf("still disturbed: %v", got)
	}
}

func TestBudgetIsHeld(t *testing.T) {
	open := Entry{Executed, "6.1", "open, bystander"}
	size := Entry{Size, "amd64", "reeved"}
	program := Entry{Verified, "6.1", "enforce_open"}
	const ifWanted = "; if that is wanted: go run ./testdata/bench/cmd/bench -budget"
	for name, c := range map[string]struct {
		measured Budget
		want     []string // the problems
	}{
		"same":        {Budget{open: 10_000}, nil},
		"within":      {Budget{open: 10_300}, nil},
		"cheap":       {Budget{open: 9_700}, nil},
		"four-more":   {Budget{open: 10_400}, []string{"open, bystander on 6.1: 10400 instructions executed, the golden is 10000: +4.0 %, held from -9 to +3 %"}},
		"four-less":   {Budget{open: 9_600}, nil},
		"ten-less":    {Budget{open: 9_000}, []string{"open, bystander on 6.1: 9000 instructions executed, the golden is 10000: -10.0 %, held from -9 to +3 %"}},
		"verified":    {Budget{program: 110}, nil},
		"walks-more":  {Budget{program: 111}, []string{"enforce_open on 6.1: 111 instructions verified, the golden is 100: +11.0 %, held from -30 to +10 %"}},
		"small":       {Budget{size: 1}, nil},
		"at-bound":    {Budget{size: 1_000_000}, nil},
		"above-bound": {Budget{size: 1_000_001}, []string{"reeved on amd64: 1000001 bytes, the golden is 1000000: +0.0 %, at most that"}},
		"missing": {Budget{open: 10_000, {Executed, "6.1", "mmap, bystander"}: 5},
			[]string{"mmap, bystander on 6.1: 5 instructions executed, no golden"}},
		"superfluous": {Budget{{Executed, "6.1", "mmap, bystander"}: 5}, []string{
			"mmap, bystander on 6.1: 5 instructions executed, no golden", "open, bystander on 6.1: in the budget as executed, not measured"}},
		"other-kernel": {Budget{{Executed, "7.3", "open, bystander"}: 10_000}, []string{"open, bystander on 7.3: 10000 instructions executed, no golden"}},
		"nothing":      {Budget{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var problems []string
			for _, err := range example().Check(c.measured) {
				problem, ok := strings.CutSuffix(err.Error(), ifWanted)
				if !ok {
					t.Errorf("no word of how to change the golden: %v", err)
				}
				problems = append(problems, problem)
			}
			if !slices.Equal(problems, c.want) {
				t.Errorf("problems %q, want %q", problems, c.want)
			}
		})
	}
}

func TestGoldensAreTaken(t *testing.T) {
	near, far := Entry{Executed, "6.1", "open, bystander"}, Entry{Programs, "6.1", "exec, agent, 10 rules"}
	size, elsewhere := Entry{Size, "amd64", "reeved"}, Entry{Executed, "6.12", "open, bystander"}
	gone, fresh := Entry{Verified, "6.1", "enforce_open"}, Entry{Verified, "6.1", "enforce_shut"}
	b := example()
	measured := Budget{near: 10_090, far: 2_100, fresh: 7, size: 1_234_567}
	b.Take(measured)
	for e, want := range map[Entry]uint64{near: 10_000, far: 2_100, fresh: 7, size: 1_300_000, elsewhere: 8_000, gone: 0} {
		if b[e] != want {
			t.Errorf("%v is %d, want %d", e, b[e], want)
		}
	}
	if err := errors.Join(b.Check(measured)...); err != nil {
		t.Error(err)
	}
	// A bound that leaves neither too little room nor too much stays.
	b.Take(Budget{size: 1_240_000})
	if b[size] != 1_300_000 {
		t.Errorf("the bound became %d", b[size])
	}
}

func TestReportIsHeldWhole(t *testing.T) {
	for form, series := range map[bpf.Form]string{bpf.FormLSM: "6.1", bpf.FormModify: "6.1-nobpf", bpf.FormTwice: "6.1-nobpf"} {
		r := &Report{Form: form.String(), Verified: map[string]uint32{"enforce_open": 5}, Memory: map[string]uint64{"VmRSS": 9}}
		for _, config := range held {
			for _, op := range heldOps {
				if _, err := r.Budget("6.1"); err == nil {
					t.Errorf("%s: a report without %s, %s was taken", form, config, op)
				}
				r.Figures = append(r.Figures, Figure{Config: config, Op: op, Low: 99.6})
				r.Parts = append(r.Parts, Part{config, op, "one", 1, 20}, Part{config, op, "two", 3, 10.2})
			}
		}
		b, err := r.Budget("6.1")
		must(t, err)
		for e, want := range map[Entry]uint64{
			{Executed, series, "open, bystander"}: 100, {Programs, series, "exec, agent, 10 rules"}: 51,
			{Verified, series, "enforce_open"}: 5, {Memory, series, "VmRSS"}: 9,
		} {
			if b[e] != want {
				t.Errorf("%s: %v is %d, want %d", form, e, b[e], want)
			}
		}
		if len(b) != 2*len(held)*len(heldOps)+2 {
			t.Errorf("%s: %d figures: %v", form, len(b), b)
		}
	}
}

func TestSeriesInOrder(t *testing.T) {
	want := []string{"6.1", "6.1-nobpf", "6.12", "6.12-nobpf", "7.3", "amd64"}
	got := []string{"amd64", "6.12-nobpf", "7.3", "6.12", "6.1-nobpf", "6.1"}
	slices.SortFunc(got, bySeries)
	if !slices.Equal(got, want) {
		t.Errorf("order %q", got)
	}
}
