// SPDX-License-Identifier: Apache-2.0

// This file fits the model's weights: logistic regression on the model's own sum, drawn towards the weights that the rules'
// severities give, so that a rule which the corpus does not know keeps what its author thought.

package scanbench

import (
	"hash/fnv"
	"math"

	"github.com/reeve-sensor/reeve/sensor/scan/judge"
	"github.com/reeve-sensor/reeve/sensor/scan/rule"
)

// Fitting's constants: how hard weights are drawn to their priors, how far they may go, how long it takes.
const (
	pull   = 1.0
	most   = 8.0
	rounds = 300
	step   = 0.05
)

// Fit gives a model with fitted weights. Samples of the kinds "vulnerable" and "policy" take no part: they owe a review alone.
// Rules of the family "vulnerability" keep their priors: nearly every server of the corpus was written to be bad, and a fit
// would learn from it that servers are.
func Fit(base *judge.Model, rules *rule.Set, list []*Sample) *judge.Model {
	m := *base
	m.Rule = map[string]float64{}
	prior := map[string]float64{}
	for _, r := range rules.Rules {
		prior[r.ID] = base.Severity[r.Severity.String()] // and not what an earlier fit has seen
		m.Rule[r.ID] = max(prior[r.ID], 0.02)
	}
	bad, good := count(list)
	middle := (m.Review + m.Block) / 2
	for range rounds {
		grad := map[string]float64{}
		for _, s := range list {
			if s.Malicious() && s.Kind != "malicious" {
				continue
			}
			y, share := 0.0, 1/float64(good)
			if s.Malicious() {
				y, share = 1, 1/float64(bad)
			}
			j := m.Judge(rules, s.Findings, s.Context)
			p := 1 / (1 + math.Exp(middle-j.Score))
			for _, r := range j.Reasons {
				if w := m.Rule[r.Rule]; w > 0 {
					grad[r.Rule] += (p - y) * share * r.Adds / w * float64(bad)
				}
			}
		}
		for id, w := range m.Rule {
			if r := rules.Rule(id); r != nil && r.Family == "vulnerability" {
				continue
			}
			g := grad[id] + pull*(w-prior[id])
			m.Rule[id] = math.Min(most, math.Max(0.02, w-step*g))
		}
	}
	for id, w := range m.Rule {
		m.Rule[id] = math.Round(w*100) / 100
	}
	return &m
}

func count(list []*Sample) (bad, good int) {
	for _, s := range list {
		switch {
		case s.Malicious() && s.Kind == "malicious":
			bad++
		case !s.Malicious():
			good++
		}
	}
	return max(bad, 1), max(good, 1)
}

// Fold is the part that a group belongs to, of n.
func Fold(group string, n int) int {
	h := fnv.New32a()
	h.Write([]byte(group))
	return int(h.Sum32() % uint32(n))
}

// OfGroup is what a sample is a near copy of.
func OfGroup(s *Sample) string { return s.Group }

// OfSource is who a sample is from.
func OfSource(s *Sample) string { return s.Source }

// CrossValidate judges every sample by a model that has seen nothing of what the sample is of.
func CrossValidate(base *judge.Model, rules *rule.Set, list []*Sample, of func(*Sample) string, folds int) map[*Sample]judge.Judgment {
	out := map[*Sample]judge.Judgment{}
	for k := range folds {
		var train, test []*Sample
		for _, s := range list {
			if Fold(of(s), folds) == k {
				test = append(test, s)
			} else {
				train = append(train, s)
			}
		}
		m := Fit(base, rules, train)
		for _, s := range test {
			out[s] = m.Judge(rules, s.Findings, s.Context)
		}
	}
	return out
}

// Wilson is the interval of 95 % around a share (Wilson 1927).
func Wilson(hits, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.96
	p, N := float64(hits)/float64(n), float64(n)
	middle := (p + z*z/(2*N)) / (1 + z*z/N)
	half := z / (1 + z*z/N) * math.Sqrt(p*(1-p)/N+z*z/(4*N*N))
	return math.Max(0, middle-half), math.Min(1, middle+half)
}
