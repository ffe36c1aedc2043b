// SPDX-License-Identifier: Apache-2.0

// Patterns as one nondeterministic automaton: a trie of tokens, so that what patterns have in common at their beginnings
// (above all the loop of `**/`) exists once, and few nodes are entered together.

package match

import "slices"

// loop is how a node treats bytes that none of its edges takes.
type loop uint8

const (
	leave  loop = iota // it is left
	run                // it stays; on paths within the component
	sink               // at the start of a component, below any number of others
	pass               // inside a component that a sink lets pass
	hold               // it stays until it is certain that no character was cut in two
	absorb             // it stays for good
)

// node is a state of the trie.
type node struct {
	loop   loop
	twin   int32   // a sink's pass, a pass's sink
	free   []int32 // entered whenever this node is
	edges  []edge
	accept []outcome // when the text ends here
	emit   []outcome // when the text goes on here: with '/' on paths, with any byte on command lines
	reach  Label     // groups that may still be found from here
	open   bool      // more than groups may be found from here
	rule   int32     // whose node it is; shared when several rules' patterns run through it
}

// edge leads to another node on a byte of a class or on a character.
type edge struct {
	token int32 // index into nfa.tokens
	to    int32
}

const (
	root   = 0
	shared = -1
)

// nfa is one of the three automata before it is made deterministic.
type nfa struct {
	syntax  Syntax
	nodes   []node
	tokens  []token // the distinct ones of all edges
	number  map[token]int32
	child   map[step]int32
	absorbs map[outcome]int32
	locals  []int    // group of each local outcome
	opening int32    // the sink of `**/`, which is in every state in which a component begins; none where no glob has it
	ahead   []future // by node; nil where no moves are judged
}

const none = -1

// step is a node and a token that leads on from it.
type step struct{ from, token int32 }

// newNFA builds the trie of the goals. bound: it stops where the trie alone would be too large.
func newNFA(s Syntax, goals []goal, locals []int) (*nfa, *LimitError) {
	a := &nfa{
		syntax: s, number: map[token]int32{}, child: map[step]int32{}, absorbs: map[outcome]int32{}, locals: locals, opening: none,
	}
	a.node(leave, shared)
	for _, g := range goals {
		if len(a.nodes) > maxNodes {
			return nil, &LimitError{What: "places in the texts", Limit: maxNodes}
		}
		a.add(g)
	}
	a.look()
	return a, nil
}

// add runs a pattern through the trie and leaves its outcome at the end.
func (a *nfa) add(g goal) {
	at := int32(root)
	for _, t := range g.pattern.tokens {
		at = a.follow(at, t, int32(g.rule))
	}
	n := &a.nodes[at]
	if at != root || !g.pattern.sticky || a.syntax == Line { // no path is empty, not even for **
		n.accept = with(n.accept, g.outcome)
	}
	switch {
	case g.pattern.emits() && a.syntax == Line && slices.ContainsFunc(g.pattern.tokens, token.multibyte):
		to := a.hold(at)
		a.nodes[to].accept = with(a.nodes[to].accept, g.outcome)
		a.nodes[to].emit = with(a.nodes[to].emit, g.outcome)
	case g.pattern.emits():
		n.emit = with(n.emit, g.outcome)
	case g.pattern.absorbs() && a.syntax == Line:
		to := a.absorb(g.outcome)
		a.nodes[at].free = with(a.nodes[at].free, to)
	case g.pattern.absorbs():
		below := edge{a.intern(token{kind: one, set: setOf('/')}), a.absorb(g.outcome)}
		a.nodes[at].edges = with(a.nodes[at].edges, below)
	}
}

// follow returns the node that a token leads to, and makes it the first time.
func (a *nfa) follow(from int32, t token, rule int32) int32 {
	number := a.intern(t)
	to, made := a.child[step{from, number}]
	if made {
		if a.nodes[to].rule != rule {
			a.nodes[to].rule = shared
		}
		return to
	}
	switch t.kind {
	case star:
		to = a.node(run, rule)
		a.nodes[from].free = append(a.nodes[from].free, to)
	case deep:
		to = a.node(sink, rule)
		beside := a.node(pass, rule)
		if a.opens(from) {
			a.opening = to
		}
		a.nodes[to].twin, a.nodes[beside].twin = beside, to
		a.nodes[from].free = append(a.nodes[from].free, to)
	default:
		to = a.node(leave, rule)
		a.nodes[from].edges = append(a.nodes[from].edges, edge{number, to})
	}
	a.child[step{from, number}] = to
	return to
}

// opens reports whether a node stands behind the first '/' of all texts.
func (a *nfa) opens(node int32) bool {
	to, made := a.child[step{root, a.intern(token{kind: one, set: setOf('/')})}]
	return made && to == node
}

// hold returns the node beside another that emits when a character is over. Paths need none: '/' always ends a character.
func (a *nfa) hold(beside int32) int32 {
	for _, f := range a.nodes[beside].free {
		if a.nodes[f].loop == hold {
			return f
		}
	}
	to := a.node(hold, shared)
	a.nodes[beside].free = append(a.nodes[beside].free, to)
	return to
}

// absorb returns the one node that stays with an outcome.
func (a *nfa) absorb(o outcome) int32 {
	to, made := a.absorbs[o]
	if !made {
		to = a.node(absorb, shared)
		a.nodes[to].accept = []outcome{o}
		a.absorbs[o] = to
	}
	return to
}

func (a *nfa) node(l loop, rule int32) int32 {
	a.nodes = append(a.nodes, node{loop: l, rule: rule})
	return int32(len(a.nodes) - 1)
}

// intern numbers a token, wherever in a glob it stood.
func (a *nfa) intern(t token) int32 {
	t.at = 0
	number, known := a.number[t]
	if !known {
		number = int32(len(a.tokens))
		a.tokens = append(a.tokens, t)
		a.number[t] = number
	}
	return number
}

// look fills in what can be found from each node. Edges lead to later nodes, but for those to absorbing ones.
func (a *nfa) look() {
	for _, i := range a.absorbs {
		a.nodes[i].find(a.nodes[i].accept)
	}
	for i := len(a.nodes) - 1; i >= 0; i-- {
		n := &a.nodes[i]
		n.find(n.accept)
		n.find(n.emit)
		for _, to := range n.free {
			n.findAs(&a.nodes[to])
		}
		for _, e := range n.edges {
			n.findAs(&a.nodes[e.to])
		}
		if n.loop == sink {
			a.nodes[n.twin].findAs(n)
		}
	}
}

func (n *node) find(outcomes []outcome) {
	for _, o := range outcomes {
		if o.kind == isGroup {
			n.reach = n.reach.with(int(o.id))
		} else {
			n.open = true
		}
	}
}

func (n *node) findAs(other *node) {
	n.reach = n.reach.Or(other.reach)
	n.open = n.open || other.open
}

// sets returns the byte sets that the automaton's transitions depend on.
func (a *nfa) sets() []byteSet {
	var sets []byteSet
	characters := false
	for _, t := range a.tokens {
		if t.kind == one || t.kind == char {
			sets = append(sets, t.set)
		}
		characters = characters || t.kind == char
	}
	if characters {
		sets = append(sets, utf8Sets()...)
	}
	return sets
}

// with appends what is not there yet.
func with[T comparable](list []T, item T) []T {
	if slices.Contains(list, item) {
		return list
	}
	return append(list, item)
}
