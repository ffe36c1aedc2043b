// SPDX-License-Identifier: Apache-2.0

// Whether an object may get another name: by a rename, or by a link beside the old one. Part of the oracle, on the same
// bytes as the kernel. KEEP-SYNC move v1 (bpf/include/move.h)

package enforce

import (
	"bytes"
	"slices"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// Moved is the answer to a move. It says nothing of the operations that a move consists of, which are judged by
// themselves.
type Moved struct {
	// Refused: for what is lost or for what is brought.
	Refused bool
	// Lost are the groups for which it is refused: they refuse at the old place alone. Where there is none of them, a
	// default refuses there, and these allow at the new place alone.
	Lost uint64
	// Brought, of folders alone, are the groups that refuse to make or write at the new place alone something that the folder
	// may bring along. Where there is none of them, a default refuses that, and these let it at the old place alone.
	Brought uint64
	// Taints are those that reading sets at the old place alone, so that who moves gets them, where it is not refused.
	Taints uint16
}

// Move answers as the kernel does. Of a folder it judges all that may lie below, without looking, so it may refuse in
// vain; never does it let anything go that it should not.
func (t Table) Move(s Subject, from, to []byte, folder bool) Moved {
	a, b := t.arrive(from), t.arrive(to)
	was, is := match.End(t.blob, t.paths, &a)[0], match.End(t.blob, t.paths, &b)[0]
	lost, gained := was&^is, is&^was
	if folder {
		t.enter(&a, from)
		t.enter(&b, to)
		lost |= match.Lost(t.blob, t.paths, &a, &b)
		gained |= match.Lost(t.blob, t.paths, &b, &a)
	}
	at := t.stakes(s)
	m := Moved{Lost: lost & at.refusing}
	if m.Lost == 0 && t.closed(s.Role) != 0 {
		m.Lost = gained & at.allowing
	}
	if folder {
		m.Brought = t.brings(s, &a, &b)
	}
	m.Refused = m.Lost|m.Brought != 0
	_, _, met := t.strictest(s, OpFileRead, match.Label{lost})
	m.Taints = t.marks(met)
	return m
}

// arrive walks a name.
func (t Table) arrive(name []byte) match.State {
	st := match.Begin(t.paths)
	match.Step(t.blob, t.paths, match.Path, &st, name)
	return st
}

// enter walks the '/' behind a folder's name. The root has it already.
func (t Table) enter(st *match.State, name []byte) {
	if string(name) != "/" {
		match.Step(t.blob, t.paths, match.Path, st, []byte{'/'})
	}
}

// beside is what a link's name ends in for the name next to it: no rule speaks of it in particular.
const beside = "\x01"

// Lead answers whether a symbolic link may be made: 0, or the groups for which not, as in Moved.Brought. Names below the link's
// are those of what it leads to, so it is as if a folder came there. KEEP-SYNC lead v1 (bpf/hooks/names.h)
func (t Table) Lead(s Subject, name []byte) uint64 {
	next := append(slices.Clone(name[:bytes.LastIndexByte(name, '/')+1]), beside...)
	a, b := t.arrive(next), t.arrive(name)
	t.enter(&a, next)
	t.enter(&b, name)
	return t.brings(s, &a, &b)
}

// brings answers for what may come to lie below a name; both have walked the '/'.
func (t Table) brings(s Subject, from, to *match.State) uint64 {
	at := t.stakes(s)
	groups := match.Lost(t.blob, t.paths, to, from) & at.barring
	if groups == 0 && t.closed(s.Role)&closedWriting != 0 {
		groups = match.Lost(t.blob, t.paths, from, to) & at.writable
	}
	return groups
}

// stakes are the groups that moves of a subject turn on: the last fields of its rows, OR-ed.
type stakes struct{ refusing, allowing, barring, writable uint64 }

func (t Table) stakes(s Subject) (at stakes) {
	t.eachRow(s, func(row uint32) {
		for i, groups := range []*uint64{&at.refusing, &at.allowing, &at.barring, &at.writable} {
			*groups |= le.Uint64(t.blob[row+uint32(stakesAt+8*i):])
		}
	})
	return at
}

// closed is what a role refuses on files that no rule names, as enum closed has it.
func (t Table) closed(role uint32) uint32 { return le.Uint32(t.blob[t.roleAt(role)+4:]) }
