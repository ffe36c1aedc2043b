// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"math"
	"strings"
	"testing"
)

// figures makes a report in which an operation costs 1,000 on the floor, and so much more elsewhere; one that was done before,
// a tenth of that, and one on networks, a hundredth.
func figures(kernel string, bystander, agent10, agent10k float64) *Report {
	r := &Report{Kernel: kernel}
	for _, op := range opNames {
		part := map[string]float64{"again": 10, "connect": 100, "datagram": 100}[op]
		for config, above := range map[string]float64{None: 0, Floor: 0, Bystander: bystander, Agent10: agent10, Agent10k: agent10k} {
			r.Figures = append(r.Figures, Figure{Config: config, Op: op, Min: 1000 + above/max(part, 1)})
		}
		r.Pairs = append(r.Pairs, Pair{Op: op, Few: 1000 + agent10/max(part, 1), Add: (agent10k - agent10) / max(part, 1)})
		r.Parts = append(r.Parts, Part{Config: Bystander, Op: op, Program: "enforce_open", Runs: 2, Cost: bystander / 2})
	}
	return r
}

func TestGoals(t *testing.T) {
	for name, c := range map[string]struct {
		report *Report
		missed string // words that the names of missed goals share; "" where all are met
		count  int
	}{
		"all-met":         {figures("6.1", 240, 5000, 5000), "", 0},
		"bystander-dear":  {figures("6.1", 242, 5000, 5000), "bystander", len(opNames) - 1},
		"rules-show":      {figures("6.1", 0, 5000, 5200), "against 10", 6},
		"open-dear":       {figures("6.1", 0, 6001, 6001), "open+close", 1},
		"cheaper-is-odd":  {figures("6.1", 0, 5200, 5000), "against 10", 6},
		"exec-dear-too":   {figures("6.1", 0, 25001, 25001), "agent", 4},
		"nothing-counted": {&Report{Kernel: "6.1"}, "", len(new(Report).Goals())},
	} {
		t.Run(name, func(t *testing.T) {
			missed := 0
			for _, g := range c.report.Goals() {
				if !g.Met() {
					missed++
					if !strings.Contains(g.Name, c.missed) {
						t.Errorf("missed: %s", g)
					}
				}
			}
			if missed != c.count {
				t.Errorf("%d goals missed, want %d", missed, c.count)
			}
		})
	}
}

func TestWorstIsTheFarthest(t *testing.T) {
	worst := Worst([]*Report{figures("6.1", 0, 5000, 5000), figures("6.12", 300, 5000, 5000), figures("7.3", 100, 7000, 7000)})
	for _, g := range worst {
		want := "6.12"
		if strings.HasPrefix(g.Name, "agent") {
			want = "7.3"
		}
		if strings.Contains(g.Name, "against") {
			want = "6.1"
		}
		if g.Kernel != want {
			t.Errorf("worst of %s is %s, want %s", g.Name, g.Kernel, want)
		}
	}
}

// Rounds that were disturbed do not count, of either table, nor does a round that was cheaper than there is a reason for.
func TestPairsAreOfTheCheaperRounds(t *testing.T) {
	p := newPair("open", []float64{101, 900, 61, 100, 105, 880, 104, 103, 102}, []float64{800, 104, 103, 108, 107, 106, 105, 109, 102})
	if r := (&Report{Pairs: []Pair{p}}); p.Few != 101 || p.Add != 3 || math.Round(r.Apart("open")) != 3 {
		t.Errorf("pair %+v, apart %v %%", p, r.Apart("open"))
	}
}

func TestPoliciesMeetNothingMeasured(t *testing.T) {
	for _, n := range []int{10, 100, 1000} {
		im, err := Compile(PolicyText(n))
		must(t, err)
		if err := Unmet(im); err != nil {
			t.Errorf("%d rules: %v", n, err)
		}
	}
	im, err := Compile(PolicyText(10) + "\n[[rule]]\nid = \"all\"\non = [\"exec.argv\"]\nmatch = [\"ops *\"]\naction = \"deny\"\nreason = \"x\"\n")
	must(t, err)
	if Unmet(im) == nil {
		t.Error("a rule that the operations meet was not noticed")
	}
}

func TestReportIsRead(t *testing.T) {
	var b strings.Builder
	must(t, figures("6.1", 1, 2, 3).Print(&b))
	r, err := Read("[ 0.1] kernel talks\n" + b.String() + "more\n")
	must(t, err)
	if r.Above(Agent10k, "exec") != 3 || r.Hooks(Bystander, "open") != 2 {
		t.Errorf("read %+v", r)
	}
	if _, err := Read("nothing\n"); err == nil {
		t.Error("a console without a report was read")
	}
}
