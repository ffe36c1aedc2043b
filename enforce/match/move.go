// SPDX-License-Identifier: Apache-2.0

// What a move changes below a folder, on the encoded table alone. The kernel's check is written from this file: the same
// steps in the same order. KEEP-SYNC move v1 (bpf/include/move.h)

package match

import "encoding/binary"

// Lost returns the groups that any object below a folder may lose when the folder moves from one state to the other. Both
// have walked the '/' behind the folder's name. It may name groups in vain, and never leaves one out. The table must be
// one of CompileMoves.
func Lost(table []byte, l Layout, from, to *State) uint64 {
	lost, kept := Label{from.Reg[0]}, to.Reg[0] // kept is what everything below the new place has
	for i := range from.At {
		was, is := ahead(table, &l, from.At[i]), ahead(table, &l, to.At[i])
		if from.At[i] != to.At[i] {
			lost[0] |= was.reach | is.buts
		}
		kept |= is.holds
	}
	// An atom that both hold alike goes on alike. Held by the old one alone, it is lost; excepted by the new one alone, it
	// is lost wherever its rule may yet match.
	atoms := from.live()&^to.live() | to.Reg[2]&^from.Reg[2]
	if atoms != 0 {
		fold(table, &l, atoms, &lost)
	}
	return lost[0] &^ kept
}

// live are the atoms of a path's state that have matched and are not excepted.
func (st *State) live() uint64 { return st.Reg[1] &^ st.Reg[2] }

// ahead reads the future of a state.
func ahead(table []byte, l *Layout, row uint32) future {
	at := table[l.Futures+futureBytes*word(table, row+4):]
	return future{binary.LittleEndian.Uint64(at), binary.LittleEndian.Uint64(at[8:]), binary.LittleEndian.Uint64(at[16:])}
}
