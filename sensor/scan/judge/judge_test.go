// SPDX-License-Identifier: Apache-2.0

package judge

import (
	"math"
	"testing"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/rule"
)

func both(t *testing.T) (*Model, *rule.Set) {
	t.Helper()
	m, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	s, err := rule.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

func at(p finding.Place, ids ...string) []finding.Finding {
	var list []finding.Finding
	for _, id := range ids {
		list = append(list, finding.Finding{Rule: id, File: "x", Line: 1, Place: p})
	}
	return list
}

func TestModelNamesWhatIsThere(t *testing.T) {
	m, s := both(t)
	if m.Review <= 0 || m.Block <= m.Review {
		t.Errorf("verdicts at %v and %v", m.Review, m.Block)
	}
	for id := range m.Rule {
		if s.Rule(id) == nil {
			t.Errorf("a weight for %s, which is no rule", id)
		}
	}
	for _, c := range m.Combine {
		for _, part := range c.All {
			if s.Rule(part) == nil && s.Families[part] == nil {
				t.Errorf("%s: %s is neither rule nor family", c.Name, part)
			}
		}
	}
	for _, p := range []finding.Place{finding.Instruction, finding.Tool, finding.Hidden, finding.Code, finding.Snippet, finding.Document, finding.Test} {
		if m.Place[string(p)] <= 0 {
			t.Errorf("no factor for %s", p)
		}
	}
}

func TestVerdicts(t *testing.T) {
	m, s := both(t)
	for name, tc := range map[string]struct {
		list     []finding.Finding
		security bool
		want     Verdict
	}{
		"nothing":                       {nil, false, Pass},
		"one critical thing":            {at(finding.Instruction, "INS-TAKEOVER"), false, Block},
		"one high thing":                {at(finding.Code, "COD-SECRET-READ"), false, Block},
		"one high thing, shown":         {at(finding.Snippet, "COD-SECRET-READ"), false, Review},
		"one high thing, explained":     {at(finding.Document, "COD-SECRET-READ"), false, Review},
		"medium things":                 {at(finding.Code, "COD-HOG", "COD-ENV-ALL", "COD-SYSTEM-READ", "BIN-PROGRAM", "ARC-UNREAD", "COD-PORTSCAN"), false, Review},
		"one medium thing":              {at(finding.Instruction, "INS-MAIL"), false, Review},
		"low things":                    {at(finding.Code, "DEP-UNPINNED-RUN", "COD-KEY-SENT"), false, Pass},
		"explained":                     {at(finding.Document, "INS-TAKEOVER", "COD-SECRET-SENT", "SH-REVERSE", "SH-DESTROY"), false, Review},
		"explained by a security skill": {at(finding.Document, "INS-TAKEOVER"), true, Pass},
		"done by a security skill":      {at(finding.Code, "COD-SECRET-SENT"), true, Block},
		"in tests":                      {at(finding.Test, "COD-SECRET-SENT"), false, Pass},
		"hidden":                        {at(finding.Hidden, "INS-SECRET-USE", "TXT-HIDDEN-ORDER"), false, Block},
	} {
		t.Run(name, func(t *testing.T) {
			if j := m.Judge(s, tc.list, Context{Security: tc.security}); j.Verdict != tc.want {
				t.Errorf("%v with %.2f, want %v: %+v", j.Verdict, j.Score, tc.want, j.Reasons)
			}
		})
	}
}

// What is added up is what is shown, and a further finding never makes a unit better.
func TestSumAndOrder(t *testing.T) {
	m, s := both(t)
	var list []finding.Finding
	last := 0.0
	for _, r := range s.Rules {
		list = append(list, at(finding.Code, r.ID)...)
		j := m.Judge(s, list, Context{})
		sum := 0.0
		for _, r := range j.Reasons {
			sum += r.Adds
		}
		if math.Abs(sum-j.Score) > 1e-9 {
			t.Fatalf("reasons give %v, the score is %v", sum, j.Score)
		}
		if j.Score < last-1e-9 {
			t.Fatalf("%s made the unit better: %v after %v", r.ID, j.Score, last)
		}
		last = j.Score
	}
}
