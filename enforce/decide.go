// SPDX-License-Identifier: Apache-2.0

// This file is the oracle: the kernel's decision in plain Go, read from the same bytes. A differential test holds the two
// together. KEEP-SYNC rule v2 (bpf/include/rule.h)

package enforce

import (
	"errors"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// View is how an object could be named. The numbers are those of enum view.
type View uint8

// The views.
const (
	ViewHost     View = iota // by a path in the host's view
	ViewForeign              // it lies on a file system that the host has not mounted
	ViewNameless             // memfd and the like
	ViewRefused              // it could not be named
)

var viewNames = [...]string{"host", "foreign", "nameless", "refused"}

func (v View) String() string { return viewNames[v] }

// ErrTable is that of bytes which are no table of this build.
var ErrTable = errors.New("not a policy table of this build")

// Subject is who acts, by the kernel's numbers.
type Subject struct {
	Role      uint32
	Principal uint32 // and Unpinned
	Taints    uint16 // bit t is taint t
}

// Verdict is the kernel's answer, before the role's mode is asked whether it is applied.
type Verdict struct {
	Action Action
	Label  match.Label
	Taints uint16 // that the act sets where it is not refused
}

// Table reads an Image's bytes.
type Table struct {
	blob                      []byte
	Generation                uint64
	tainting                  uint64
	paths, lines, agents      match.Layout
	nets                      match.Layout
	roles, principals, taints uint32
	agentCount                uint32
	roleTable, rowIndex       uint32
	rowTable, agentTable      uint32
	principalTable            uint32
}

// OpenTable reads the header of a table.
func OpenTable(blob []byte) (Table, error) {
	if len(blob) < headerSize || le.Uint32(blob) != tableMagic || int(le.Uint32(blob[4:])) > len(blob) {
		return Table{}, ErrTable
	}
	t := Table{blob: blob, Generation: le.Uint64(blob[8:]), tainting: le.Uint64(blob[16:])}
	at := 24
	for _, l := range []*match.Layout{&t.paths, &t.lines, &t.agents, &t.nets} {
		for i := range l.Column {
			l.Column[i] = le.Uint16(blob[at:])
			at += 2
		}
		for _, n := range []*uint32{&l.Start[0], &l.Start[1], &l.Start[2], &l.Masks, &l.Folds, &l.Words, &l.Futures} {
			*n = le.Uint32(blob[at:])
			at += 4
		}
		at += 4 // reserved
	}
	for _, n := range []*uint32{&t.roles, &t.principals, &t.taints, &t.agentCount, &t.roleTable, &t.rowIndex, &t.rowTable, &t.agentTable} {
		*n = le.Uint32(blob[at:])
		at += 4
	}
	t.principalTable = le.Uint32(blob[namesAt+8:])
	return t, nil
}

// Oracle opens the image's own table.
func (im *Image) Oracle() Table {
	t, err := OpenTable(im.Table)
	if err != nil {
		panic(err) // Compile made it
	}
	return t
}

// Enforces reports whether a role's verdicts are applied.
func (t Table) Enforces(role uint32) bool { return le.Uint32(t.blob[t.roleAt(role):]) == 1 }

// roleAt is the offset of a role. One that the table does not have is the default role, as for users not yet resolved.
func (t Table) roleAt(role uint32) uint32 { return t.roleTable + t.known(role)*roleSize }

func (t Table) known(role uint32) uint32 {
	if role >= t.roles {
		return 0
	}
	return role
}

// Decide answers as the kernel does. What could not be named is denied.
func (t Table) Decide(s Subject, op Op, v View, text []byte) Verdict {
	text, ok := TableText(op, text)
	if op.ofName() && v == ViewHost {
		return t.Named(s, op, t.numberOf(op, string(text)), 0)
	}
	if op >= opCount || v >= ViewRefused || !ok {
		return Verdict{Action: Deny}
	}
	role := t.roleAt(s.Role) + 8
	switch v {
	case ViewForeign:
		return Verdict{Action: Action(t.blob[role+opCount+uint32(op)])}
	case ViewNameless:
		return Verdict{Action: Action(t.blob[role+2*opCount+uint32(op)])}
	}
	fallback := t.fallback(s, op)
	var label match.Label
	switch {
	case op < pathOps:
		label = match.Walk(t.blob, t.paths, match.Path, text)
	case op.ofNet():
		label = match.Walk(t.blob, t.nets, match.Path, text)
	case op == OpExecArgv:
		label = match.Walk(t.blob, t.lines, match.Line, text)
	default:
		return Verdict{Action: fallback}
	}
	if op == OpNetFamily && OrdinaryFamily(string(text[1:])) {
		fallback = Allow
	}
	action, met := t.decide(s, op, label, fallback)
	verdict := Verdict{Action: action, Label: label}
	if op == OpFileRead {
		verdict.Taints = t.marks(met)
	}
	return verdict
}

// fallback is what holds where no rule speaks.
func (t Table) fallback(s Subject, op Op) Action {
	return Action(t.blob[t.roleAt(s.Role)+8+uint32(op)])
}

// decide is the answer by the rows of who acts; who is not known by content gets the stricter one of its own and the agent's.
// met are the groups of the label's first word that speak of either.
func (t Table) decide(s Subject, op Op, label match.Label, fallback Action) (action Action, met uint64) {
	number, unpinned := PrincipalNumber(s.Principal)
	whose := []uint32{number}
	if unpinned {
		whose = append(whose, principalAgent)
	}
	action = actionCount
	for _, s.Principal = range whose {
		own, ok, speak := t.strictest(s, op, label)
		if !ok {
			own = fallback
		}
		action, met = min(action, own), met|speak
	}
	return action, met
}

// Reached is what net.addr says of an address that a name led to: only what refuses it by its number, its port or its network
// stands against it. text is the address as the table has it.
func (t Table) Reached(s Subject, object string) (text []byte, v Verdict) {
	spelt, ok := addrText(object, byName)
	if !ok {
		return nil, Verdict{Action: Deny}
	}
	v.Label = match.Walk(t.blob, t.nets, match.Path, []byte(spelt))
	v.Action, _ = t.decide(s, OpNetAddr, v.Label, Allow)
	return []byte(spelt), v
}

// marks are the taints that reading sets: those of the groups that met the object.
func (t Table) marks(met uint64) (taints uint16) {
	if t.tainting&met == 0 {
		return 0
	}
	for taint := range maxTaints {
		if le.Uint64(t.blob[marksAt+8*taint:])&met != 0 {
			taints |= 1 << taint
		}
	}
	return taints
}

// strictest OR-s the subject's rows, action by action, and takes the first whose mask meets the label. met are the groups
// of the label's first word that speak of the subject and the operation.
func (t Table) strictest(s Subject, op Op, label match.Label) (action Action, ok bool, met uint64) {
	var masks [actionCount][lineWords]uint64
	t.eachRow(s, func(row uint32) { t.or(&masks, row, op) })
	for a := actionCount; a > 0; a-- {
		for w, mask := range masks[a-1] {
			if mask&label[w] != 0 {
				action, ok = a-1, true
			}
		}
		met |= masks[a-1][0] & label[0]
	}
	return action, ok, met
}

// rowAt is the offset of a row; 0 where nothing is said. A principal that the table does not have has no row of its own.
func (t Table) rowAt(role, principal, slot uint32) uint32 {
	if principal >= t.principals {
		return 0
	}
	at := t.rowIndex + 2*((role*t.principals+principal)*(t.taints+1)+slot)
	id := uint32(le.Uint16(t.blob[at:]))
	if id == 0 {
		return 0
	}
	return t.rowTable + id*uint32(rowSize)
}

// eachRow visits the rows that speak of a subject: those of any principal and of its own, and of the agent where it is not known by
// content, without taints and with each
// that it has.
func (t Table) eachRow(s Subject, visit func(row uint32)) {
	number, unpinned := PrincipalNumber(s.Principal)
	whose := []uint32{0, number}
	if unpinned {
		whose = append(whose, principalAgent)
	}
	for _, principal := range whose {
		for slot := range 1 + t.taints {
			if slot > 0 && s.Taints>>(slot-1)&1 == 0 {
				continue
			}
			if row := t.rowAt(t.known(s.Role), principal, slot); row != 0 {
				visit(row)
			}
		}
	}
}

// or adds one row's masks of an operation.
func (t Table) or(masks *[actionCount][lineWords]uint64, row uint32, op Op) {
	if op == OpExecArgv {
		row += 8 * pathOps * uint32(actionCount)
		for a := range masks {
			for w := range masks[a] {
				masks[a][w] |= le.Uint64(t.blob[row+8*(uint32(a)*lineWords+uint32(w)):])
			}
		}
		return
	}
	at := row + 8*uint32(op)*uint32(actionCount)
	switch {
	case op.ofNet():
		at = row + 8*uint32(actionCount)*(pathOps+lineWords+uint32(op-OpNetDomain))
	case op.ofName():
		at = row + 8*uint32(actionCount)*(pathOps+lineWords+netOps+uint32(op-OpConnectorStart))
	}
	for a := range masks {
		masks[a][0] |= le.Uint64(t.blob[at+8*uint32(a):])
	}
}
