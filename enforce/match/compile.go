// SPDX-License-Identifier: Apache-2.0

// The way from rules to an engine: plan, tries, one alphabet, three automata.

package match

import "errors"

// Engine is a compiled set of rules: three minimal automata over one alphabet, and the masks that their states name.
type Engine struct {
	syntax Syntax
	bytes  alphabet
	parts  [automata]automaton
	masks  []mask
	ahead  *futureSet // nil where no moves are judged
	atoms  []int      // group of each
	stats  Stats
}

// Stats says how large an engine is. The arrays are by automaton: anchored, unanchored, awkward.
type Stats struct {
	Patterns, Raw, Minimal, AcceptSets [automata]int

	EmissionSets, Masks, Futures, Atoms, Classes, Bytes int
}

// Compile builds the engine of a set of rules. It is a function of its arguments: equal rules in equal order give equal
// bytes. All problems are reported at once, as *GlobError and *LimitError; globs that cannot be read hide the limits that
// only the automata would show.
func Compile(s Syntax, rules []Rule) (*Engine, error) {
	return compile(s, rules, false)
}

// CompileMoves is Compile for paths of objects that are moved: its tables can answer Lost.
func CompileMoves(rules []Rule) (*Engine, error) {
	return compile(Path, rules, true)
}

func compile(s Syntax, rules []Rule, moves bool) (*Engine, error) {
	plan, err := newPlan(s, rules)
	if err != nil {
		return nil, err
	}
	var tries [automata]*nfa
	var sets []byteSet
	var problems []error
	for i, goals := range plan.goals {
		trie, broken := newNFA(s, goals, plan.locals[i])
		if broken != nil {
			problems = append(problems, plan.tooLarge(broken, i, nil))
			continue
		}
		if moves {
			trie.lookAhead(goals, plan.atoms)
		}
		tries[i], sets = trie, append(sets, trie.sets()...)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if s == Path {
		sets = append(sets, setOf('/'))
	}
	e := &Engine{syntax: s, bytes: newAlphabet(sets), atoms: plan.atoms}
	if moves {
		e.ahead = newFutureSet()
	}
	if err := e.build(plan, tries); err != nil {
		return nil, err
	}
	return e, nil
}

// build makes the automata and takes their measure.
func (e *Engine) build(plan *plan, tries [automata]*nfa) error {
	var problems []error
	masks, largest, blame := newMaskSet(), 0, []int(nil)
	for i, trie := range tries {
		raw, suspects, broken := determine(trie, &e.bytes, masks)
		if broken != nil {
			problems = append(problems, plan.tooLarge(broken, i, suspects))
			continue
		}
		e.parts[i] = minimise(raw, e.bytes.size())
		e.ahead.add(&e.parts[i], masks.all)
		e.stats.Patterns[i], e.stats.Raw[i] = plan.patternCount(i), raw.states
		if e.parts[i].states > largest {
			largest, blame = e.parts[i].states, suspects
		}
	}
	e.masks = masks.all
	e.measure()
	if masks.full {
		problems = append(problems, &LimitError{Rules: plan.names(blame), What: "accept and emission sets", Limit: maxMasks})
	}
	if e.stats.Bytes > maxBytes {
		problems = append(problems, &LimitError{Rules: plan.names(blame), What: "bytes of table", Limit: maxBytes})
	}
	return errors.Join(problems...)
}

// tooLarge completes the error for an automaton that passed a limit while it was being built.
func (p *plan) tooLarge(broken *LimitError, automaton int, suspects []int) error {
	if len(suspects) == 0 {
		for _, g := range p.goals[automaton] {
			suspects = append(suspects, g.rule)
		}
	}
	kind := [automata]string{"anchored globs", "globs with an open beginning", "globs of awkward shapes"}[automaton]
	broken.What += " for " + kind
	broken.Rules = p.names(suspects)
	broken.Hint = "their wildcards multiply each other: use fewer in one glob, or longer texts before them"
	return broken
}

// patternCount returns how many different patterns an automaton looks for.
func (p *plan) patternCount(automaton int) int {
	keys := map[string]bool{}
	for _, g := range p.goals[automaton] {
		keys[g.pattern.key] = true
	}
	return len(keys)
}

// measure fills in the statistics.
func (e *Engine) measure() {
	emissions := map[uint16]bool{}
	for i, part := range e.parts {
		e.stats.Minimal[i] = part.states
		accepts := map[uint16]bool{}
		for s := range part.states {
			accepts[part.accept[s]] = true
			if part.emit[s] != 0 {
				emissions[part.emit[s]] = true
			}
		}
		e.stats.AcceptSets[i] = len(accepts)
	}
	e.stats.EmissionSets, e.stats.Masks = len(emissions), len(e.masks)
	if e.ahead != nil {
		e.stats.Futures = len(e.ahead.all)
	}
	e.stats.Atoms, e.stats.Classes = len(e.atoms), e.bytes.size()
	e.stats.Bytes = e.size()
}

// Stats returns the engine's measures.
func (e *Engine) Stats() Stats {
	return e.stats
}
