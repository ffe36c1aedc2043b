// SPDX-License-Identifier: Apache-2.0

// This file composes the rows of decisions: for each role, principal and taint, one mask of groups per action and
// operation; and each role's defaults.

package enforce

import "slices"

// row mirrors struct table_row.
type row struct {
	paths [pathOps][actionCount]uint64
	lines [actionCount][lineWords]uint64
	nets  [netOps][actionCount]uint64
	names [nameOps][actionCount]uint64

	// Path groups by what they do to any operation, and to writing and making names, for moves.
	refusing, allowing, barring, writable uint64
}

// add enters a group. closed are the operations that the row's role refuses where no rule matches.
func (r *row) add(g *Group, bit int, closed opSet) {
	for _, op := range g.Ops {
		if op == OpExecArgv {
			r.lines[g.Action][bit/64] |= 1 << (bit % 64)
			continue
		}
		if op.ofNet() {
			r.nets[op-OpNetDomain][g.Action] |= 1 << bit
			continue
		}
		if op.ofName() {
			r.names[op-OpConnectorStart][g.Action] |= 1 << bit
			continue
		}
		r.paths[op][g.Action] |= 1 << bit
		switch {
		case g.Action.Refuses():
			r.refusing |= 1 << bit
			r.barring |= writing.mask(op) << bit
		case closed.has(op):
			r.allowing |= 1 << bit
			r.writable |= writing.mask(op) << bit
		}
	}
}

// rowSet is the row index and the rows, equal ones kept once. Row 0 is empty.
type rowSet struct {
	principals, taints int
	index              []uint16 // [role][principal][taints + 1]
	rows               []row
}

// at is the place in the index of a role's row for a principal; slot 0 holds without taints, slot 1+t where taint t is.
func (s *rowSet) at(role, principal, slot int) int {
	return (role*s.principals+principal)*(s.taints+1) + slot
}

// composeRows fills one row for each role, principal and taint that a group speaks of.
func composeRows(roles []roleRow, principals, taints int, sorts ...[]Group) *rowSet {
	s := &rowSet{principals: principals, taints: taints}
	s.index = make([]uint16, len(roles)*principals*(taints+1))
	open := map[int]*row{}
	for _, groups := range sorts {
		for bit := range groups {
			g := &groups[bit]
			for _, role := range g.Roles {
				for _, slot := range g.slots() {
					at := s.at(role, g.Principal, slot)
					if open[at] == nil {
						open[at] = &row{}
					}
					open[at].add(g, bit, roles[role].closed)
				}
			}
		}
	}
	s.share(open)
	return s
}

// slots are the places of the index that a group's rows go to.
func (g *Group) slots() []int {
	if len(g.Taints) == 0 {
		return []int{0}
	}
	slots := make([]int, len(g.Taints))
	for i, t := range g.Taints {
		slots[i] = 1 + t
	}
	return slots
}

// share numbers the rows in the order of the index and keeps equal ones once.
func (s *rowSet) share(open map[int]*row) {
	s.rows = []row{{}}
	known := map[row]uint16{{}: 0}
	for at := range s.index {
		r := open[at]
		if r == nil {
			continue
		}
		id, ok := known[*r]
		if !ok {
			id = uint16(len(s.rows)) // at most 64 roles x 64 principals x 17 slots, but equal rows are one: bounded by groups
			known[*r] = id
			s.rows = append(s.rows, *r)
		}
		s.index[at] = id
	}
}

// roleRow mirrors struct table_role.
type roleRow struct {
	enforce                     bool
	fallback, foreign, nameless [opCount]Action
	closed                      opSet // not sockets: what is moved is hardly ever one, and a default on them would hold ordinary files
}

// opSet is a set of operations on paths.
type opSet uint16

func (s opSet) has(op Op) bool { return s.mask(op) == 1 }

// mask is 1 for a member, else 0.
func (s opSet) mask(op Op) uint64 { return uint64(s >> op & 1) }

// writing is what making a name is judged as.
const writing opSet = 1<<OpFileWrite | 1<<OpFileCreate

// roleRowOf is what a role decides where no rule matches, by operation.
func (p *Policy) roleRowOf(role string) roleRow {
	r := roleRow{enforce: p.Mode(role) == Enforce}
	for op := range r.fallback {
		r.fallback[op], r.foreign[op], r.nameless[op] = Allow, Allow, Allow
	}
	for _, op := range Ops() {
		r.fallback[op] = p.viewDefault(role, op, ViewHost)
		r.foreign[op] = p.nameDecides(role, op, ViewForeign)
		r.nameless[op] = p.nameDecides(role, op, ViewNameless)
		if op < pathOps && op != OpUnixConnect && r.fallback[op].Refuses() && !p.coversAll(role, op) {
			r.closed |= 1 << op
		}
	}
	return r
}

// coversAll reports whether some rule speaks of every object with a host name, so that the default never holds.
func (p *Policy) coversAll(role string, op Op) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool {
		return r.overAll() && p.binds(&r, role) && slices.Contains(r.effectiveOps(), op)
	})
}

// viewDefault is what holds for an operation on an object that no rule mentions.
func (p *Policy) viewDefault(role string, op Op, v View) Action {
	info := op.info()
	switch {
	case v == ViewHost, v < ViewRefused && op == OpUnixConnect:
		return p.Default(role, info.class)
	case v == ViewForeign && info.foreign:
		return p.Default(role, ClassForeign)
	case v == ViewNameless && info.nameless:
		return p.Default(role, ClassNameless)
	case v == ViewRefused:
		return Deny
	}
	return Allow
}

// nameDecides is the decision on objects without a host name. No glob matches them, but a rule over everything means
// them too: the strictest such rule holds, else the default.
func (p *Policy) nameDecides(role string, op Op, v View) Action {
	best := actionUnset
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.overAll() && p.binds(r, role) && slices.Contains(r.effectiveOps(), op) {
			best = min(best, r.Action)
		}
	}
	if best == actionUnset {
		return p.viewDefault(role, op, v)
	}
	return best
}

// overAll reports whether a rule means every path, whoever asks. Rules with a principal or a taint do not count: the
// table has no room for them on objects without names.
func (r *Rule) overAll() bool {
	return (r.text() == textPath || r.text() == textSocket) && len(r.Except) == 0 && r.Principal == "" && len(r.When) == 0 &&
		(slices.Contains(r.Match, "**") || slices.Contains(r.Match, "/**"))
}
