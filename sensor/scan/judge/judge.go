// SPDX-License-Identifier: Apache-2.0

// Package judge makes one verdict of findings. The model is a sum that anybody can add up: each rule has a weight, once for a
// unit whatever the number of its findings; where a finding stands changes its weight; combinations add; talk about threats
// takes away. All numbers are in model.toml, one a line. The weights come from the rules' severities and were corrected by the
// development corpus (testdata/scanbench fits them); they never make a finding count for the unit.
package judge

import (
	"cmp"
	_ "embed"
	"fmt"
	"math"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/rule"
)

//go:embed model.toml
var builtin string

// Verdict is what to do with a unit.
type Verdict uint8

// Verdicts, mildest first.
const (
	Pass   Verdict = iota
	Review         // a person should read the findings before it is loaded
	Block          // it should not be loaded
)

var verdicts = [...]string{"pass", "review", "block"}

func (v Verdict) String() string { return verdicts[min(int(v), len(verdicts)-1)] }

// MarshalText writes a verdict's name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// ParseVerdict reads a verdict's name.
func ParseVerdict(s string) (Verdict, error) {
	i := slices.Index(verdicts[:], s)
	if i < 0 {
		return Pass, fmt.Errorf("verdict %q: pass, review or block expected", s)
	}
	return Verdict(i), nil
}

// Model is the numbers.
type Model struct {
	Review   float64            `toml:"review"` // scores from which on the verdicts hold
	Block    float64            `toml:"block"`
	Severity map[string]float64 `toml:"severity"` // weights of rules that have none of their own
	Place    map[string]float64 `toml:"place"`    // factors by where a finding stands
	Rule     map[string]float64 `toml:"rule"`     // weights of rules
	Combine  []Combination      `toml:"combine"`
	Security float64            `toml:"security"` // factor for what a unit shows, where the unit is about security
	Family   float64            `toml:"family"`   // factor for further rules of one family
	Shown    float64            `toml:"shown"`    // most that documents and tests may add together
	Small    float64            `toml:"small"`    // most that rules of medium severity and milder may add together
}

// Combination is rules whose weights together are more than their sum.
type Combination struct {
	Name  string   `toml:"name"`
	All   []string `toml:"all"` // rules or families, of which all are there
	Add   float64  `toml:"add"`
	Least string   `toml:"least"` // severity that a finding has to have, to count for its family
}

// Context is what is known of a unit beside its findings.
type Context struct {
	Security bool // it says that it is about attacks and defence
}

// Reason is one line of the sum.
type Reason struct {
	Rule   string // id, or the name of a combination
	Adds   float64
	Detail string
}

// Judgment is the verdict, and the sum that it comes from, heaviest first.
type Judgment struct {
	Verdict Verdict
	Score   float64
	Reasons []Reason
}

// Builtin is the model in the binary.
func Builtin() (*Model, error) { return Parse(builtin) }

// Text is the model in the binary, as it is written.
func Text() string { return builtin }

// Parse reads a model.
func Parse(text string) (*Model, error) {
	var m Model
	meta, err := toml.Decode(text, &m)
	if err != nil {
		return nil, err
	}
	if u := meta.Undecoded(); len(u) > 0 {
		return nil, fmt.Errorf("unknown key %s", u[0])
	}
	return &m, nil
}

// Weight is what a rule weighs where people see it said.
func (m *Model) Weight(r *rule.Rule) float64 {
	if w, ok := m.Rule[r.ID]; ok {
		return w
	}
	return m.Severity[r.Severity.String()]
}

// Factor is by what a finding's place changes its weight.
func (m *Model) Factor(p finding.Place, c Context) float64 {
	f, ok := m.Place[string(p)]
	if !ok {
		f = 1
	}
	if c.Security && (p == finding.Snippet || p == finding.Document || p == finding.Test || p == finding.Instruction) {
		f *= m.Security
	}
	return f
}

// Judge adds up. The order of findings does not matter.
func (m *Model) Judge(rules *rule.Set, list []finding.Finding, c Context) Judgment {
	strongest := m.strongest(rules, list, c)
	var j Judgment
	families := map[string]int{}
	shown, small := 0.0, 0.0
	for _, s := range strongest {
		adds := s.adds * math.Pow(m.Family, float64(families[s.rule.Family]))
		families[s.rule.Family]++
		if s.place == finding.Document || s.place == finding.Test {
			adds = min(adds, m.Shown-shown)
			shown += adds
		}
		if s.rule.Severity <= finding.Medium {
			adds = min(adds, m.Small-small)
			small += adds
		}
		if adds > 0 {
			j.Reasons = append(j.Reasons, Reason{s.rule.ID, adds, s.rule.Title})
			j.Score += adds
		}
	}
	for _, k := range m.Combine {
		if least := k.holds(strongest); least > 0 {
			j.Reasons = append(j.Reasons, Reason{"together", k.Add * least, k.Name})
			j.Score += k.Add * least
		}
	}
	slices.SortStableFunc(j.Reasons, func(a, b Reason) int { return cmp.Compare(b.Adds, a.Adds) })
	switch {
	case j.Score >= m.Block:
		j.Verdict = Block
	case j.Score >= m.Review:
		j.Verdict = Review
	}
	return j
}

// strong is a rule's heaviest finding.
type strong struct {
	rule   *rule.Rule
	adds   float64
	factor float64
	place  finding.Place
}

func (m *Model) strongest(rules *rule.Set, list []finding.Finding, c Context) []strong {
	best := map[string]strong{}
	for _, f := range list {
		r := rules.Rule(f.Rule)
		if r == nil {
			continue
		}
		factor := m.Factor(f.Place, c)
		if adds := m.Weight(r) * factor; best[f.Rule].rule == nil || adds > best[f.Rule].adds {
			best[f.Rule] = strong{r, adds, factor, f.Place}
		}
	}
	all := make([]strong, 0, len(best))
	for _, s := range best {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b strong) int {
		return cmp.Or(cmp.Compare(b.adds, a.adds), cmp.Compare(a.rule.ID, b.rule.ID))
	})
	return all
}

// holds is the factor of the weakest part, 0 where one is not there.
func (k *Combination) holds(list []strong) float64 {
	var least finding.Severity
	_ = least.UnmarshalText([]byte(cmp.Or(k.Least, "low")))
	factor := math.Inf(1)
	for _, want := range k.All {
		part := 0.0
		for _, s := range list {
			if s.rule.ID == want || s.rule.Family == want && s.rule.Severity >= least {
				part = max(part, s.factor)
			}
		}
		factor = min(factor, part)
	}
	return min(factor, 1)
}
