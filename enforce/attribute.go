// SPDX-License-Identifier: Apache-2.0

// This file names the rule behind a verdict that the kernel reported. The kernel knows groups only: a table that kept
// rules would be many times as large.

package enforce

import (
	"slices"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// Attribute names the rule behind an action that the kernel reported: the first in the policy's order that matches and
// has it. Nil means a default, or that the policy has changed since.
func (p *Policy) Attribute(q Query, a Action) *Rule {
	q = q.named(p)
	for _, h := range p.hits(q) {
		if h.rule.Action == a {
			return h.rule
		}
	}
	return nil
}

// Attribute is Policy.Attribute by the kernel's numbers. It asks only the rules of the groups in the object's label, so
// a large policy costs little more than a small one.
func (im *Image) Attribute(s Subject, op Op, v View, text []byte, a Action) *Rule {
	t := im.Oracle()
	syntax, layout, groups := match.Path, t.paths, im.Paths
	if op == OpExecArgv {
		syntax, layout, groups = match.Line, t.lines, im.Lines
	}
	if op.ofNet() {
		layout, groups = t.nets, im.Nets
	}
	object, ok := TableText(op, text)
	if op.ofName() {
		return im.first(im.Names, match.Label{im.nameLabel(op, string(text))}, s, op, a, func(r *Rule) bool {
			return im.policy.matches(r, string(text), nil) != ""
		})
	}
	if v != ViewHost || !op.walked() || !ok {
		return im.policy.Attribute(im.query(s, op, v, text), a)
	}
	return im.first(groups, match.Walk(im.Table, layout, syntax, object), s, op, a, func(r *Rule) bool {
		return im.policy.matches(r, string(text), im.homes) != ""
	})
}

// AttributeReached is Attribute for net.addr where a name had led to the address: what all addresses are refused, and what they
// are allowed, does not count (Table.Reached). object is the address as policies spell it.
func (im *Image) AttributeReached(s Subject, object string, a Action) *Rule {
	text, ok := addrText(object, byName)
	if !ok {
		return nil
	}
	label := match.Walk(im.Table, im.Oracle().nets, match.Path, []byte(text))
	return im.first(im.Nets, label, s, OpNetAddr, a, func(r *Rule) bool {
		return im.policy.spelt(r, r.Match, false, text, im.homes) != "" && im.policy.spelt(r, r.Except, true, text, im.homes) == ""
	})
}

// first is the first rule in the policy's order that belongs to a group of the label, has the action on the operation for
// the subject, and passes.
func (im *Image) first(groups []Group, label match.Label, s Subject, op Op, a Action, passes func(*Rule) bool) *Rule {
	candidates := map[string]bool{}
	for i := range groups {
		if label.Has(i) && groups[i].Action == a && groups[i].holds(s, op) {
			for _, id := range groups[i].Rules {
				candidates[id] = true
			}
		}
	}
	for i := range im.policy.Rules {
		if r := &im.policy.Rules[i]; candidates[r.ID] && passes(r) {
			return r
		}
	}
	return nil
}

// AttributeMove names the rule for which a move was refused, and the operation that it refuses: the strictest, and of those
// alike one on reading, then one on writing. Lost is that of Moved. Nil means a default that refuses at the old place. For
// what is brought, or led to, give Moved.Brought and the names the other way round.
func (im *Image) AttributeMove(s Subject, lost uint64, from, to []byte, folder bool) (*Rule, Op) {
	for _, passes := range []func(*Rule) bool{
		func(r *Rule) bool {
			return im.policy.matches(r, string(from), im.homes) != "" || folder && im.reaches(r, r.Match, string(from))
		},
		func(r *Rule) bool { return im.reaches(r, r.Except, string(to)) }, // holds at the old place as anywhere, not at the new one
		func(*Rule) bool { return true },
	} {
		for a := range Audit {
			for _, op := range moveOrder() {
				if r := im.first(im.Paths, match.Label{lost}, s, op, a, passes); r != nil {
					return r, op
				}
			}
		}
	}
	return nil, 0
}

// moveOrder lists the operations on paths as a refused move names them.
func moveOrder() []Op {
	order := []Op{OpFileRead, OpFileWrite}
	for _, op := range Ops() {
		if op < pathOps && !slices.Contains(order, op) {
			order = append(order, op)
		}
	}
	return order
}

// reaches reports whether some of a rule's globs may match below a folder by what the folder's path is.
func (im *Image) reaches(r *Rule, globs []string, folder string) bool {
	return slices.ContainsFunc(im.policy.expand(r, globs, im.homes), func(glob string) bool { return match.Reaches(glob, folder) })
}

// holds reports whether a group's rules speak of the subject and the operation.
func (g *Group) holds(s Subject, op Op) bool {
	number, unpinned := PrincipalNumber(s.Principal)
	return slices.Contains(g.Ops, op) && slices.Contains(g.Roles, int(s.Role)) &&
		(g.Principal == 0 || g.Principal == int(number) || unpinned && g.Principal == principalAgent) &&
		(len(g.Taints) == 0 || slices.ContainsFunc(g.Taints, func(t int) bool { return s.Taints>>t&1 == 1 }))
}

// query spells a subject's numbers out.
func (im *Image) query(s Subject, op Op, v View, text []byte) Query {
	q := Query{Op: op, View: v, Object: string(text)}
	if int(s.Role) < len(im.Roles) {
		q.Role = im.Roles[s.Role]
	}
	if number, unpinned := PrincipalNumber(s.Principal); int(number) < len(im.Principals) {
		q.Principal, q.Unpinned = im.Principals[number], unpinned
	}
	for i, name := range im.Taints {
		if s.Taints>>i&1 == 1 {
			q.Taints = append(q.Taints, name)
		}
	}
	return q
}
