// SPDX-License-Identifier: Apache-2.0

// The engine as bytes: what struct table_engine of the kernel's policy header describes, and nothing of Go.

package match

import (
	"encoding/binary"
	"slices"
)

const (
	rowHeader   = 8  // accept and emission id, future id
	wordBytes   = 4  // of a transition
	stateIdle   = 1  // in a transition: no byte but '/' leads out of the state that it leads to
	futureBytes = 24 // reach, buts, holds
)

// Layout says where in a table the parts of one engine lie. It means what struct table_engine means; offsets count from
// the table's first byte.
type Layout struct {
	Column  [256]uint16 // by byte: where in a row the next state is
	Start   [automata]uint32
	Masks   uint32
	Folds   uint32 // 0 where there is no atom
	Words   uint32 // of a label
	Futures uint32 // 0 where no moves are judged
}

// Encode returns the engine as it lies at offset base of a table, which must be a multiple of 8, and where to find what.
// It panics on another base.
func (e *Engine) Encode(base uint32) (Layout, []byte) {
	if base%8 != 0 {
		panic("match: base of a table's engine is not a multiple of 8")
	}
	l := Layout{Words: uint32(e.syntax.Words())}
	for b, class := range e.bytes.of {
		l.Column[b] = rowHeader + wordBytes*uint16(class)
	}
	out := make([]byte, 0, e.size())
	for i := range e.parts {
		l.Start[i] = base + uint32(len(out))
		out = e.appendRows(out, &e.parts[i], l.Start[i])
	}
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	l.Masks = base + uint32(len(out))
	out = e.appendMasks(out)
	if len(e.atoms) > 0 {
		l.Folds = base + uint32(len(out))
		out = e.appendFolds(out)
	}
	if e.ahead != nil {
		l.Futures = base + uint32(len(out))
		out = e.ahead.append(out)
	}
	return l, out
}

// rowBytes returns the length of a row.
func (e *Engine) rowBytes() int {
	return rowHeader + wordBytes*e.bytes.size()
}

// size returns the length of the encoded engine.
func (e *Engine) size() int {
	rows := 0
	for _, part := range e.parts {
		rows += part.states * e.rowBytes()
	}
	words := e.syntax.Words()
	size := (rows+7)&^7 + len(e.masks)*(words+2)*8
	if len(e.atoms) > 0 {
		size += 8 * 256 * words * 8
	}
	if e.ahead != nil {
		size += len(e.ahead.all) * futureBytes
	}
	return size
}

// appendRows writes an automaton whose first row lies at start.
func (e *Engine) appendRows(out []byte, a *automaton, start uint32) []byte {
	little, classes, row := binary.LittleEndian, e.bytes.size(), uint32(e.rowBytes())
	idle := e.idle(a)
	for s := range a.states {
		out = little.AppendUint32(out, uint32(a.accept[s])|uint32(a.emit[s])<<16)
		out = little.AppendUint32(out, a.futureID(s))
		for _, q := range a.next[s*classes : (s+1)*classes] {
			out = little.AppendUint32(out, (start+q*row)|idle[q])
		}
	}
	return out
}

// idle returns stateIdle for each state that a component's further bytes do not change, else 0.
func (e *Engine) idle(a *automaton) []uint32 {
	inside, classes := e.bytes.without('/'), e.bytes.size()
	idle := make([]uint32, a.states)
	for s := range idle {
		leads := func(class uint8) bool { return a.next[s*classes+int(class)] != uint32(s) }
		if !slices.ContainsFunc(inside, leads) {
			idle[s] = stateIdle
		}
	}
	return idle
}

// appendMasks writes the groups of each mask, then its P and N.
func (e *Engine) appendMasks(out []byte) []byte {
	little := binary.LittleEndian
	for _, m := range e.masks {
		for _, word := range m.groups[:e.syntax.Words()] {
			out = little.AppendUint64(out, word)
		}
		out = little.AppendUint64(out, m.matched)
		out = little.AppendUint64(out, m.but)
	}
	return out
}

// appendFolds writes, for each byte of P & ~N and each of its values, the groups of the atoms that are set.
func (e *Engine) appendFolds(out []byte) []byte {
	for i := range 8 {
		for value := range 256 {
			var groups Label
			for bit := range 8 {
				if atom := i*8 + bit; value>>bit&1 != 0 && atom < len(e.atoms) {
					groups = groups.with(e.atoms[atom])
				}
			}
			for _, word := range groups[:e.syntax.Words()] {
				out = binary.LittleEndian.AppendUint64(out, word)
			}
		}
	}
	return out
}
