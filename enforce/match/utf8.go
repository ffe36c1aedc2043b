// SPDX-License-Identifier: Apache-2.0

// `?` on bytes. A character is a well-formed UTF-8 sequence or, where there is none, one byte: exactly what
// utf8.DecodeRune takes. A lead byte does not yet tell which, so the automaton follows both: one position wants the rest of
// the sequence, the other has taken the byte alone and dies when the rest does follow.

package match

// mode is what a position of the automaton still expects of the next bytes.
type mode uint8

const (
	plain mode = 0
	// 1 to tails: the rest of a character must follow.
	tails mode = 7
	// tails+1 to 2*tails: that same rest must not follow.
	modeBits = 4
)

// tail is the rest of a character after its lead byte: bytes low to high, then the next tail.
type tail struct {
	low, high byte
	next      mode
}

// tailOf is indexed by mode; the odd ranges keep out overlong forms, surrogates and what lies past U+10FFFF.
var tailOf = [tails + 1]tail{
	1: {0x80, 0xBF, plain},
	2: {0x80, 0xBF, 1},
	3: {0x80, 0xBF, 2},
	4: {0xA0, 0xBF, 1}, // after E0
	5: {0x80, 0x9F, 1}, // after ED
	6: {0x90, 0xBF, 2}, // after F0
	7: {0x80, 0x8F, 2}, // after F4
}

// leads are the first bytes of characters longer than one byte; all other bytes are characters by themselves.
var leads = []struct {
	low, high byte
	rest      mode
}{
	{0xC2, 0xDF, 1},
	{0xE0, 0xE0, 4}, {0xE1, 0xEC, 2}, {0xED, 0xED, 5}, {0xEE, 0xEF, 2},
	{0xF0, 0xF0, 6}, {0xF1, 0xF3, 3}, {0xF4, 0xF4, 7},
}

// lead returns the tail that a first byte calls for, or plain.
func lead(b byte) mode {
	for _, l := range leads {
		if l.low <= b && b <= l.high {
			return l.rest
		}
	}
	return plain
}

// utf8Sets returns the sets of bytes that telling characters apart depends on.
func utf8Sets() []byteSet {
	sets := []byteSet{setRange(0x80, 0x8F), setRange(0x90, 0x9F), setRange(0xA0, 0xBF)}
	for _, l := range leads {
		sets = append(sets, setRange(l.low, l.high))
	}
	return sets
}

// after returns what becomes of a mode at a byte: the mode to go on with, whether the byte belongs to a wanted rest (and so
// moves nothing else), and whether the position lives.
func (m mode) after(b byte) (next mode, taken, alive bool) {
	if m == plain {
		return plain, false, true
	}
	wanted := m <= tails
	t := tailOf[(m-1)%tails+1]
	if b < t.low || b > t.high {
		return plain, false, !wanted
	}
	switch {
	case wanted:
		return t.next, true, true
	case t.next == plain:
		return plain, false, false
	}
	return t.next + tails, false, true
}
