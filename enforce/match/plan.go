// SPDX-License-Identifier: Apache-2.0

// From rules to what each automaton must find: every pattern gets a home and an outcome. Excepts are settled here, inside
// one automaton where rule and excepts live together, by an atom of the register where they do not.

package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// outcome is what a matched pattern means.
type outcome struct {
	kind meaning
	id   int32 // the group, or the index of the atom or of the local
}

type meaning uint8

const (
	isGroup   meaning = iota
	isAtom            // bit P of the register
	isAtomBut         // bit N
	isLocal           // like an atom, but settled within the automaton's own accept sets
	isLocalBut
)

// goal is one pattern that an automaton looks for.
type goal struct {
	pattern pattern
	outcome outcome
	rule    int
}

// plan holds the goals of the three automata.
type plan struct {
	syntax Syntax
	rules  []Rule
	goals  [automata][]goal
	locals [automata][]int // group of each local
	atoms  []int           // group of each atom
	seen   map[exception]outcome
	owners []int // first rule of each atom
	tokens int   // of all patterns
}

// exception identifies an atom or a local: what has the same group and the same excepts is one. home is automata for atoms.
type exception struct {
	home, group int
	excepts     string
}

// newPlan parses the rules and distributes them. All problems are reported together.
func newPlan(s Syntax, rules []Rule) (*plan, error) {
	p := &plan{syntax: s, rules: rules, seen: map[exception]outcome{}}
	var problems []error
	for i, rule := range rules {
		match, errs := p.patterns(rule, rule.Match)
		problems = append(problems, errs...)
		excepts, errs := p.patterns(rule, rule.Except)
		problems = append(problems, errs...)
		if limit := s.Words() * 64; rule.Group < 0 || rule.Group >= limit {
			problems = append(problems, &LimitError{
				Rules: []string{rule.ID}, What: "groups", Limit: limit,
				Hint: fmt.Sprintf("group %d: give rules the same action on the same operations", rule.Group),
			})
			continue
		}
		if p.tokens > maxTokens {
			limit := &LimitError{Rules: []string{rule.ID}, What: "characters in all globs", Limit: maxTokens, Hint: "braces multiply"}
			return nil, errors.Join(append(problems, limit)...)
		}
		p.place(i, match, excepts)
	}
	problems = append(problems, p.check()...)
	return p, errors.Join(problems...)
}

// patterns parses the globs of one rule, sorted and without repetition.
func (p *plan) patterns(rule Rule, globs []string) (all []pattern, problems []error) {
	for _, glob := range globs {
		some, err := parse(p.syntax, glob)
		if err != nil {
			err.Rule = rule.ID
			problems = append(problems, err)
		}
		for _, m := range some {
			p.tokens += len(m.tokens)
		}
		all = append(all, some...)
	}
	byKey := func(a, b pattern) int { return strings.Compare(a.key, b.key) }
	slices.SortFunc(all, byKey)
	return slices.CompactFunc(all, func(a, b pattern) bool { return a.key == b.key }), problems
}

// place gives each pattern of a rule its outcome. Excepts that no text shares with the pattern do not concern it.
func (p *plan) place(rule int, match, excepts []pattern) {
	group := p.rules[rule].Group
	for _, m := range match {
		var concern []pattern
		for _, e := range excepts {
			if overlap(p.syntax, m, e) {
				concern = append(concern, e)
			}
		}
		switch {
		case len(concern) == 0:
			p.goal(rule, m, outcome{isGroup, int32(group)})
		case atHome(m, concern):
			p.goal(rule, m, p.except(rule, exception{m.home, group, spellAll(concern)}, concern))
		default:
			p.goal(rule, m, p.except(rule, exception{automata, group, spellAll(excepts)}, excepts))
		}
	}
}

// atHome reports whether a pattern and its excepts can be settled within one automaton.
func atHome(m pattern, excepts []pattern) bool {
	return !m.emits() && !slices.ContainsFunc(excepts, func(e pattern) bool { return e.home != m.home || e.emits() })
}

// except returns the atom or local for a match with these excepts, and makes it the first time.
func (p *plan) except(rule int, key exception, excepts []pattern) outcome {
	if o, made := p.seen[key]; made {
		return o
	}
	o, but := outcome{isAtom, int32(len(p.atoms))}, isAtomBut
	if key.home == automata {
		p.atoms = append(p.atoms, key.group)
		p.owners = append(p.owners, rule)
	} else {
		o, but = outcome{isLocal, int32(len(p.locals[key.home]))}, isLocalBut
		p.locals[key.home] = append(p.locals[key.home], key.group)
	}
	for _, e := range excepts {
		p.goal(rule, e, outcome{but, o.id})
	}
	p.seen[key] = o
	return o
}

func (p *plan) goal(rule int, m pattern, o outcome) {
	p.goals[m.home] = append(p.goals[m.home], goal{m, o, rule})
}

func spellAll(patterns []pattern) string {
	var b strings.Builder
	for _, p := range patterns {
		fmt.Fprintf(&b, "%d:%s", len(p.key), p.key)
	}
	return b.String()
}

// check counts what is limited before a single state is built.
func (p *plan) check() (problems []error) {
	if len(p.atoms) > maxAtoms {
		problems = append(problems, &LimitError{
			Rules: p.names(p.owners[maxAtoms:]), What: "rules with excepts of another shape than their matches", Limit: maxAtoms,
			Hint: "let excepts begin like what they except, or give rules of a group the same excepts",
		})
	}
	if p.syntax == Line { // anchored ones only meet those of their own program, and are left to the limit on states
		open := func(m pattern) bool { return m.open }
		return append(problems, p.count(maxAwkward, "globs that begin with * and have another inside", open)...)
	}
	all := func(pattern) bool { return true }
	problems = append(problems, p.count(maxAwkward, "globs below ** with a further wildcard before a name, or a second **", all)...)
	sinks := func(m pattern) bool { return m.sinks > 1 }
	problems = append(problems, p.count(maxSinks, "globs with a second ** inside", sinks)...)
	twins := func(m pattern) bool { return m.twin }
	return append(problems, p.count(maxTwins, "globs with two stars in a component below **, like **/*a*b", twins)...)
}

// count complains where more than limit different patterns of automaton C are of a kind.
func (p *plan) count(limit int, what string, is func(pattern) bool) []error {
	kinds := map[string]bool{}
	var owners []int
	for _, g := range p.goals[awkward] {
		if is(g.pattern) {
			kinds[g.pattern.key] = true
			owners = append(owners, g.rule)
		}
	}
	if len(kinds) <= limit {
		return nil
	}
	return []error{&LimitError{Rules: p.names(owners), What: what, Limit: limit, Hint: "let some begin at a folder or a program"}}
}

// names returns the IDs of rules in their order, each once.
func (p *plan) names(rules []int) []string {
	rules = slices.Clone(rules)
	slices.Sort(rules)
	var ids []string
	for _, i := range slices.Compact(rules) {
		ids = append(ids, p.rules[i].ID)
	}
	return ids
}
