// SPDX-License-Identifier: Apache-2.0

// What may be found below a folder, by the state in which its name ends. Whoever moves a folder moves all that is in it,
// which nobody can walk through while the kernel waits; so the states tell beforehand what could change there.
//
// Below every folder `**/…` begins anew, and what that finds goes along with any move. A future leaves it out: it tells of
// patterns that have matched a part of the folder's own path. Excepts need more care. One that is half matched at the new
// place takes its rule back there, whichever way the rule is found, so it counts even where the rule begins anew, unless
// no text below can be both. Within one automaton that is known; rules and excepts that meet in the register always count.

package match

import (
	"encoding/binary"
	"slices"
)

// future is what a state finds below a folder beyond what is found below every folder. Reach and buts are upper bounds.
type future struct {
	reach uint64 // groups that may be found, or are held for good
	buts  uint64 // groups of rules that an except may take back
	holds uint64 // groups that all has below, whatever it is
}

// anything is the future of which nothing is known.
var anything = future{reach: ^uint64(0), buts: ^uint64(0)}

func (f future) or(other future) future {
	return future{reach: f.reach | other.reach, buts: f.buts | other.buts}
}

func (f future) and(other future) future {
	return future{reach: f.reach & other.reach, buts: f.buts & other.buts}
}

// futureSet numbers the futures of all three automata. Future 0 is empty. The nil set takes none.
type futureSet struct {
	all    []future
	number map[future]uint32
}

func newFutureSet() *futureSet {
	return &futureSet{all: []future{{}}, number: map[future]uint32{{}: 0}}
}

// add gives the states of a minimal automaton the numbers of their futures.
func (s *futureSet) add(a *automaton, masks []mask) {
	if s == nil {
		return
	}
	holds := a.holds(masks)
	a.ahead = make([]uint32, a.states)
	for i, f := range a.future {
		if f != anything {
			f.holds = holds[i]
		}
		a.ahead[i] = s.intern(f)
	}
}

// holds returns, by state, the groups that are in every accept set from there on. Few states have any, and most of these
// lead to themselves, so that a pass or two settles them.
func (a *automaton) holds(masks []mask) []uint64 {
	holds, classes := make([]uint64, a.states), len(a.next)/a.states
	for s := range holds {
		holds[s] = masks[a.accept[s]].groups[0]
	}
	for changed := true; changed; {
		changed = false
		for s := a.states - 1; s >= 0; s-- {
			was := holds[s]
			for c := 0; c < classes && holds[s] != 0; c++ {
				holds[s] &= holds[a.next[s*classes+c]]
			}
			changed = changed || holds[s] != was
		}
	}
	return holds
}

// intern returns the number of a future. bound: states past maxAhead share one that may find and lose everything.
func (s *futureSet) intern(f future) uint32 {
	if number, known := s.number[f]; known {
		return number
	}
	if len(s.all) >= maxAhead {
		f = anything
		if number, known := s.number[f]; known {
			return number
		}
	}
	number := uint32(len(s.all))
	s.all = append(s.all, f)
	s.number[f] = number
	return number
}

func (s *futureSet) append(out []byte) []byte {
	for _, f := range s.all {
		out = binary.LittleEndian.AppendUint64(out, f.reach)
		out = binary.LittleEndian.AppendUint64(out, f.buts)
		out = binary.LittleEndian.AppendUint64(out, f.holds)
	}
	return out
}

// lookAhead fills in the futures of the nodes, like look; but the opening, which each state holds by itself, passes on none.
func (a *nfa) lookAhead(goals []goal, atoms []int) {
	a.ahead = make([]future, len(a.nodes))
	for _, i := range a.absorbs {
		a.ahead[i] = a.futureOf(a.nodes[i].accept, atoms)
	}
	for i := int32(len(a.nodes) - 1); i >= 0; i-- {
		n, f := &a.nodes[i], a.ahead[i]
		f = f.or(a.futureOf(n.accept, atoms)).or(a.futureOf(n.emit, atoms))
		for _, to := range n.free {
			if to != a.opening {
				f = f.or(a.ahead[to])
			}
		}
		for _, e := range n.edges {
			f = f.or(a.ahead[e.to])
		}
		a.ahead[i] = f
		if n.loop == sink {
			a.ahead[n.twin] = f
		}
	}
	a.lookForLocals(goals)
}

// futureOf returns what outcomes mean for the future. Excepts of locals are left to lookForLocals.
func (a *nfa) futureOf(outcomes []outcome, atoms []int) (f future) {
	for _, o := range outcomes {
		switch o.kind {
		case isGroup:
			f.reach |= 1 << o.id
		case isAtom:
			f.reach |= 1 << atoms[o.id]
		case isLocal:
			f.reach |= 1 << a.locals[o.id]
		case isAtomBut:
			f.buts |= 1 << atoms[o.id]
		}
	}
	return f
}

// lookForLocals adds the excepts that are settled in the automaton: where a component begins, and where the rest of the
// except may meet a pattern of its rule that begins anew. A pattern that has begun already is in the reach.
func (a *nfa) lookForLocals(goals []goal) {
	rules := map[int32][]pattern{}
	for _, g := range goals {
		if g.outcome.kind == isLocal && g.pattern.open {
			rules[g.outcome.id] = append(rules[g.outcome.id], g.pattern)
		}
	}
	for _, g := range goals {
		if open := rules[g.outcome.id]; g.outcome.kind == isLocalBut && len(open) > 0 {
			a.lookForLocal(g, open)
		}
	}
}

func (a *nfa) lookForLocal(g goal, open []pattern) {
	at := int32(root)
	for i, t := range g.pattern.tokens {
		at = a.child[step{at, a.intern(t)}]
		begins := i > 0 && (t.is('/') || t.kind == deep) && at != a.opening
		if !begins {
			continue
		}
		rest := pattern{tokens: restFrom(g.pattern.tokens, i), sticky: g.pattern.sticky}
		if slices.ContainsFunc(open, func(m pattern) bool { return overlap(a.syntax, rest, m) }) {
			a.ahead[at].buts |= 1 << a.locals[g.outcome.id]
		}
	}
}

// restFrom returns what is left of a pattern behind the '/', or within the deep, at i: tokens of a path again.
func restFrom(tokens []token, i int) []token {
	if tokens[i].kind == deep {
		return tokens[i-1:]
	}
	return tokens[i:]
}

// futures returns the futures of the states that a '/' leads to: a folder's name ends nowhere else.
func (d *subsets) futures() []future {
	out, openings := slices.Repeat([]future{anything}, d.known.size()), d.nfa.openings()
	for s := range out {
		to := d.out.next[s*d.bytes.size()+d.slash]
		if out[to] == anything {
			out[to] = d.future(int(to), openings)
		}
	}
	return out
}

// future joins those of a state's positions. What prune dropped from it, an absorbing position finds as well. A state
// without the openings is that of texts which are no paths.
func (d *subsets) future(state int, openings []position) (f future) {
	if len(openings) > 0 && len(d.known.subset(state)) == 0 {
		return anything
	}
	for _, p := range d.known.subset(state) {
		if !slices.Contains(openings, p) {
			f = f.or(d.nfa.ahead[p.node()])
		}
	}
	return f
}

// openings are the positions that are in every state in which a component begins: the sink of `**/`, and the stars that are
// entered with it.
func (a *nfa) openings() (all []position) {
	if a.opening == none {
		return nil
	}
	for next := []int32{a.opening}; len(next) > 0; next = next[1:] {
		all = append(all, at(next[0], plain))
		next = append(next, a.nodes[next[0]].free...)
	}
	return all
}

// futureID returns the number of a state's future, 0 where no moves are judged.
func (a *automaton) futureID(state int) uint32 {
	if a.ahead == nil {
		return 0
	}
	return a.ahead[state]
}
