// SPDX-License-Identifier: Apache-2.0

// The subset construction: from the trie to a deterministic automaton whose states carry an accept set and an emission set.
// It gives up at a fixed size, long before the host's memory would, and can then say whose patterns were at fault.

package match

import (
	"cmp"
	"slices"
)

// automaton is deterministic: next[state*classes+class] is the next state. It begins in state 0.
type automaton struct {
	states       int
	next         []uint32
	accept, emit []uint16 // indices of mask sets
	future       []future // nil where no moves are judged
	ahead        []uint32 // numbers of the futures
}

// mask is what a state contributes to a label.
type mask struct {
	groups       Label
	matched, but uint64 // bits P and N of atoms
}

// maskSet numbers the masks of all three automata. Mask 0 is empty.
type maskSet struct {
	all    []mask
	number map[mask]uint16
	full   bool // bound: masks past maxMasks were dropped, the table must not be used
}

func newMaskSet() *maskSet {
	return &maskSet{all: []mask{{}}, number: map[mask]uint16{{}: 0}}
}

func (s *maskSet) intern(m mask) uint16 {
	number, known := s.number[m]
	if !known {
		if len(s.all) > maxMasks {
			s.full = true
			return 0
		}
		number = uint16(len(s.all))
		s.all = append(s.all, m)
		s.number[m] = number
	}
	return number
}

// position is a node and a mode, packed.
type position int32

func at(node int32, m mode) position { return position(node<<modeBits | int32(m)) }
func (p position) node() int32       { return int32(p >> modeBits) }
func (p position) mode() mode        { return mode(p & (1<<modeBits - 1)) }

// move is where a token leads on the bytes of one class.
type move struct {
	class uint8
	mode  mode
}

// subsets is the construction in progress.
type subsets struct {
	nfa     *nfa
	bytes   *alphabet
	masks   *maskSet
	moves   [][]move // of each token
	slash   int      // class of '/', which no run crosses; -1 on command lines
	known   table
	out     automaton
	common  []position   // targets on every class but slash
	own     [][]position // targets on one class only
	scratch []position
	work    int
}

// determine builds the automaton of a trie, or says which limit that would break. Either way the suspects are the rules
// whose own loops are in most states, worst first.
func determine(a *nfa, bytes *alphabet, masks *maskSet) (out automaton, suspects []int, broken *LimitError) {
	d := newSubsets(a, bytes, masks)
	broken = d.build()
	d.out.states = d.known.size()
	if a.ahead != nil && broken == nil {
		d.out.future = d.futures()
	}
	return d.out, d.suspects(), broken
}

func newSubsets(a *nfa, bytes *alphabet, masks *maskSet) *subsets {
	d := &subsets{nfa: a, bytes: bytes, masks: masks, slash: -1, own: make([][]position, bytes.size())}
	if a.syntax == Path {
		d.slash = int(bytes.of['/'])
	}
	for _, t := range a.tokens {
		d.moves = append(d.moves, movesOf(t, bytes))
	}
	return d
}

// build finds all states, from the one before the text on.
func (d *subsets) build() (broken *LimitError) {
	d.enter(&d.common, root, plain)
	d.intern(d.common, nil)
	for s := 0; s < d.known.size() && broken == nil; s++ {
		d.expand(s)
		broken = d.broken()
	}
	return broken
}

// broken returns the limit that the construction has passed, if any.
func (d *subsets) broken() *LimitError {
	switch {
	case d.known.size() > maxRaw:
		return &LimitError{What: "states", Limit: maxRaw}
	case len(d.out.next) > maxCells:
		return &LimitError{What: "transitions", Limit: maxCells}
	case d.work > maxWork:
		return &LimitError{What: "steps to build the states", Limit: maxWork}
	}
	return nil
}

// movesOf lists where a token leads, class by class.
func movesOf(t token, bytes *alphabet) (moves []move) {
	for class, b := range bytes.first {
		c := uint8(class)
		switch {
		case t.kind == one && t.set.has(b), t.kind == char && !t.set.has(b):
			moves = append(moves, move{c, plain})
		default:
			continue
		}
		if rest := lead(b); t.kind == char && rest != plain {
			moves[len(moves)-1].mode = rest
			moves = append(moves, move{c, rest + tails})
		}
	}
	return moves
}

// expand fills in the row of a state.
func (d *subsets) expand(state int) {
	d.common = d.common[:0]
	for class := range d.own {
		d.own[class] = d.own[class][:0]
	}
	subset := d.known.subset(state)
	for _, p := range subset {
		if p.mode() == plain {
			d.leave(p.node())
		} else {
			d.linger(p.node(), p.mode())
		}
	}
	usual := int32(-1)
	for class, own := range d.own {
		switch {
		case class == d.slash:
			d.out.next = append(d.out.next, uint32(d.intern(own, nil)))
		case len(own) > 0:
			d.out.next = append(d.out.next, uint32(d.intern(d.common, own)))
		default:
			if usual < 0 {
				usual = d.intern(d.common, nil)
			}
			d.out.next = append(d.out.next, uint32(usual))
		}
	}
}

// leave adds the targets of a node for every class.
func (d *subsets) leave(i int32) {
	n := &d.nfa.nodes[i]
	switch n.loop {
	case run:
		d.enter(&d.common, i, plain)
	case sink:
		d.enter(&d.common, n.twin, plain)
		d.enter(&d.own[d.slash], i, plain)
	case pass:
		d.enter(&d.common, i, plain)
		d.enter(&d.own[d.slash], n.twin, plain)
	case absorb:
		d.enter(&d.common, i, plain)
		if d.slash >= 0 {
			d.enter(&d.own[d.slash], i, plain)
		}
	}
	for _, e := range n.edges {
		for _, m := range d.moves[e.token] {
			d.enter(&d.own[m.class], e.to, m.mode)
		}
	}
}

// linger adds the targets of a position inside a character, or just after half of one.
func (d *subsets) linger(i int32, m mode) {
	for class, b := range d.bytes.first {
		next, taken, alive := m.after(b)
		switch {
		case !alive:
		case taken:
			d.enter(&d.own[class], i, next)
		default:
			d.leaveOn(i, uint8(class), next)
		}
	}
}

// leaveOn adds the targets of a node for one class. They keep the mode, which then only concerns bytes that begin nothing.
func (d *subsets) leaveOn(i int32, class uint8, m mode) {
	n := &d.nfa.nodes[i]
	switch on := &d.own[class]; {
	case n.loop == absorb, n.loop == hold, n.loop == run && int(class) != d.slash, n.loop == pass && int(class) != d.slash:
		d.enter(on, i, m)
	case n.loop == sink && int(class) == d.slash:
		d.enter(on, i, m)
	case n.loop == sink, n.loop == pass:
		d.enter(on, n.twin, m)
	}
	for _, e := range n.edges {
		for _, t := range d.moves[e.token] {
			if t.class == class {
				d.enter(&d.own[class], e.to, max(t.mode, m))
			}
		}
	}
}

// enter adds a node and, unless it is still inside a character, all nodes entered with it.
func (d *subsets) enter(to *[]position, i int32, m mode) {
	*to = append(*to, at(i, m))
	if m == plain || m > tails {
		for _, f := range d.nfa.nodes[i].free {
			d.enter(to, f, m)
		}
	}
}

// intern returns the state of the union of two lists of positions, and makes it the first time.
func (d *subsets) intern(a, b []position) int32 {
	s := append(append(d.scratch[:0], a...), b...)
	d.scratch = s
	d.work += len(s)
	slices.Sort(s)
	s = d.prune(slices.Compact(s))
	state, made := d.known.find(s)
	if made {
		accept, emit := d.findings(s)
		d.out.accept = append(d.out.accept, d.masks.intern(accept))
		d.out.emit = append(d.out.emit, d.masks.intern(emit))
	}
	return state
}

// prune drops positions from which nothing can be found that an absorbing node does not already hold.
func (d *subsets) prune(s []position) []position {
	var held Label
	for _, p := range s {
		if n := &d.nfa.nodes[p.node()]; n.loop == absorb && p.mode() == plain && !n.open {
			held = held.Or(n.reach)
		}
	}
	if held.Empty() {
		return s
	}
	return slices.DeleteFunc(s, func(p position) bool {
		n := &d.nfa.nodes[p.node()]
		return !n.open && n.reach.within(held) && (n.loop != absorb || p.mode() != plain)
	})
}

// findings returns what holds if the text ends in a subset, and what if it goes on.
func (d *subsets) findings(s []position) (accept, emit mask) {
	var locals, buts []int32
	for _, p := range s {
		if m := p.mode(); m != plain && m <= tails {
			continue
		}
		n := &d.nfa.nodes[p.node()]
		if p.mode() == plain || d.slash >= 0 {
			emit = emit.withAll(n.emit)
		}
		for _, o := range n.accept {
			switch o.kind {
			case isLocal:
				locals = append(locals, o.id)
			case isLocalBut:
				buts = append(buts, o.id)
			default:
				accept = accept.with(o)
			}
		}
	}
	for _, l := range locals {
		if !slices.Contains(buts, l) {
			accept.groups = accept.groups.with(d.nfa.locals[l])
		}
	}
	return accept, emit
}

func (m mask) withAll(outcomes []outcome) mask {
	for _, o := range outcomes {
		m = m.with(o)
	}
	return m
}

func (m mask) with(o outcome) mask {
	switch o.kind {
	case isGroup:
		m.groups = m.groups.with(int(o.id))
	case isAtom:
		m.matched |= 1 << o.id
	case isAtomBut:
		m.but |= 1 << o.id
	}
	return m
}

// suspects returns the rules whose unshared loops are in most states, worst first.
func (d *subsets) suspects() []int {
	states := map[int32]int{}
	for _, p := range d.known.all {
		if n := &d.nfa.nodes[p.node()]; n.rule != shared && (n.loop == run || n.loop == pass) {
			states[n.rule]++
		}
	}
	var rules []int
	for rule := range states {
		rules = append(rules, int(rule))
	}
	slices.SortFunc(rules, func(a, b int) int {
		return cmp.Or(cmp.Compare(states[int32(b)], states[int32(a)]), cmp.Compare(a, b))
	})
	return rules[:min(len(rules), maxSuspects)]
}
