// SPDX-License-Identifier: Apache-2.0

// The walk over a text, on the encoded table alone. The kernel's walker is written from this file: the same steps in the
// same order. KEEP-SYNC walk v1 (bpf/include/walk.h).

package match

import "encoding/binary"

// State is where a walk stands: a row in each automaton, and the register that emissions are OR-ed into. Equal states go
// on equally, whatever text follows.
type State struct {
	At  [automata]uint32
	Reg [6]uint64 // groups[words], then P and N of the atoms
}

// Walk returns the label of a whole text.
func Walk(table []byte, l Layout, s Syntax, text []byte) Label {
	st := Begin(l)
	Step(table, l, s, &st, text)
	return End(table, l, &st)
}

// Begin returns the state before the first byte.
func Begin(l Layout) State {
	return State{At: l.Start}
}

// Step walks on over the next piece of the text. How a text is cut into pieces makes no difference. The kernel skips the
// bytes of a component in which all three states are idle; here each is walked, so that a wrong mark is seen.
func Step(table []byte, l Layout, s Syntax, st *State, piece []byte) {
	for _, b := range piece {
		column := uint32(l.Column[b])
		emits := s == Line || b == '/'
		for i, row := range st.At {
			if emits {
				st.join(table, &l, word(table, row)>>16)
			}
			st.At[i] = word(table, row+column) &^ stateIdle
		}
	}
}

// End returns the label of the text walked so far. The state is left as it was and may walk on.
func End(table []byte, l Layout, st *State) Label {
	last := *st
	for _, row := range last.At {
		last.join(table, &l, word(table, row)&0xFFFF)
	}
	var label Label
	copy(label[:l.Words], last.Reg[:l.Words])
	live := last.Reg[l.Words] &^ last.Reg[l.Words+1]
	if live != 0 {
		fold(table, &l, live, &label)
	}
	return label
}

// join ORs a mask into the register. Mask 0 is empty.
func (st *State) join(table []byte, l *Layout, id uint32) {
	if id == 0 {
		return
	}
	at := l.Masks + id*(l.Words+2)*8
	for i := range l.Words + 2 {
		st.Reg[i] |= binary.LittleEndian.Uint64(table[at+8*i:])
	}
}

// fold adds the groups of the atoms that matched and were not excepted, a byte of them at a time.
func fold(table []byte, l *Layout, live uint64, label *Label) {
	for i := range uint32(8) {
		value := uint32(live >> (8 * i) & 0xFF)
		at := l.Folds + (i*256+value)*l.Words*8
		for w := range l.Words {
			label[w] |= binary.LittleEndian.Uint64(table[at+8*w:])
		}
	}
}

func word(table []byte, at uint32) uint32 {
	return binary.LittleEndian.Uint32(table[at:])
}
