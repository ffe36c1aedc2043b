// SPDX-License-Identifier: Apache-2.0

// What policy says to a plan: the oracle, asked for each name in the kernel's order.

package model

import (
	"slices"

	"github.com/reeve-sensor/reeve/enforce"
)

// Judge is a session and the policy that holds for it.
type Judge struct {
	Table   enforce.Table
	Taints  uint16
	Aliases bool // objects are judged by all of their names
}

// verdict is what a plan comes to. marked are the taints that it sets, the last of them by a call that is let.
type verdict struct {
	refused int // index of the check that refuses; -1 where none does
	marked  uint16
	always  uint16 // of those, what is set in every order
	unsure  bool   // it depends on an order that is the kernel's own: of an object's names
}

// verdict asks the oracle, in every order that may be the kernel's. Each check sees the taints that those before it set.
func (j *Judge) verdict(w *World, p plan) verdict {
	v := j.ordered(w, p.checks, 0)
	v.always = v.marked
	for turn := range j.turns(w, p.checks) {
		other := j.ordered(w, p.checks, turn)
		v.unsure = v.unsure || (v.refused < 0) != (other.refused < 0)
		v.refused = max(v.refused, other.refused)
		v.marked |= other.marked
		v.always &= other.marked
	}
	return v
}

func (j *Judge) ordered(w *World, checks []check, turn int) verdict {
	taints := j.Taints
	for i, c := range checks {
		for _, n := range j.names(w, c, turn) {
			if j.refuses(&taints, c, n) {
				return verdict{refused: i, marked: taints}
			}
		}
	}
	return verdict{refused: -1, marked: taints}
}

// turns is how many orders there are, of which each begins with another one of an object's other names.
func (j *Judge) turns(w *World, checks []check) int {
	most := 1
	for _, c := range checks {
		most = max(most, len(j.names(w, c, 0))-1)
	}
	return most
}

// names are those by which a check judges: the one that was used is always the first.
func (j *Judge) names(w *World, c check, turn int) []*name {
	names := []*name{c.on}
	if n := c.on.node; c.all && j.Aliases && n != nil && n.kind != folder && len(n.names) > 1 {
		if others := w.heldNames(n, c.on); len(others) > 0 {
			turn %= len(others)
			names = slices.Concat(names, others[turn:], others[:turn])
		}
	}
	return names
}

// refuses answers one check, and sets the taints that the act sets.
func (j *Judge) refuses(taints *uint16, c check, n *name) bool {
	who := enforce.Subject{Principal: principalAgent, Taints: *taints}
	refused, marks := j.decide(who, c, n)
	if refused && j.Table.Enforces(who.Role) {
		return true
	}
	*taints |= marks
	return false
}

// principalAgent is who acts when nothing else was found out about a task.
const principalAgent = 1

func (j *Judge) decide(who enforce.Subject, c check, n *name) (refused bool, marks uint16) {
	text, view := n.hostName()
	if c.to != nil {
		return j.moves(who, n, c.to)
	}
	if c.leads {
		return view == enforce.ViewHost && j.Table.Lead(who, []byte(text)) != 0, 0
	}
	for _, op := range c.ops {
		v := j.Table.Decide(who, op, view, []byte(text))
		refused = refused || v.Action.Refuses()
		marks |= v.Taints
	}
	return refused, marks
}

// moves answers whether something may go from a name to another. What has no host name has no rules to lose; below a symbolic
// link may be what is below a folder.
func (j *Judge) moves(who enforce.Subject, from, to *name) (refused bool, marks uint16) {
	was, view := from.hostName()
	is, _ := to.hostName()
	if view != enforce.ViewHost {
		return false, 0
	}
	m := j.Table.Move(who, []byte(was), []byte(is), from.node.kind == folder)
	if from.node.kind == link {
		m.Brought = j.Table.Move(who, []byte(was), []byte(is), true).Brought
	}
	return m.Refused || m.Brought != 0, m.Taints
}
