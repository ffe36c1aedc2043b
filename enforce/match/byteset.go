// SPDX-License-Identifier: Apache-2.0

// Sets of bytes, and the partition of all bytes into classes: bytes that no glob tells apart share a column of the table.

package match

import "math/bits"

// byteSet holds one bit for each byte value.
type byteSet [4]uint64

func setOf(b byte) byteSet {
	var s byteSet
	s[b>>6] = 1 << (b & 63)
	return s
}

func setRange(low, high byte) byteSet {
	var s byteSet
	for b := int(low); b <= int(high); b++ {
		s[b>>6] |= 1 << (b & 63)
	}
	return s
}

func (s byteSet) has(b byte) bool {
	return s[b>>6]>>(b&63)&1 != 0
}

func (s byteSet) or(t byteSet) byteSet {
	return byteSet{s[0] | t[0], s[1] | t[1], s[2] | t[2], s[3] | t[3]}
}

func (s byteSet) minus(t byteSet) byteSet {
	return byteSet{s[0] &^ t[0], s[1] &^ t[1], s[2] &^ t[2], s[3] &^ t[3]}
}

func (s byteSet) meets(t byteSet) bool {
	return s[0]&t[0]|s[1]&t[1]|s[2]&t[2]|s[3]&t[3] != 0
}

func (s byteSet) size() int {
	return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2]) + bits.OnesCount64(s[3])
}

// single returns the only member of a set that has just one.
func (s byteSet) single() (byte, bool) {
	if s.size() != 1 {
		return 0, false
	}
	for i, word := range s {
		if word != 0 {
			return byte(i*64 + bits.TrailingZeros64(word)), true
		}
	}
	return 0, false
}

// alphabet is a partition of the bytes. Classes are numbered by their least byte, which stands for them.
type alphabet struct {
	of    [256]uint8 // class of each byte
	first []byte     // least byte of each class
}

// newAlphabet returns the coarsest partition in which each set is a union of classes.
func newAlphabet(sets []byteSet) alphabet {
	var a alphabet
	class := [256]int{}
	for _, set := range sets {
		type part struct {
			class int
			in    bool
		}
		parts := map[part]int{}
		for b := range class {
			p := part{class[b], set.has(byte(b))}
			if _, seen := parts[p]; !seen {
				parts[p] = len(parts)
			}
			class[b] = parts[p]
		}
	}
	number := map[int]uint8{}
	for b, c := range class {
		if _, seen := number[c]; !seen {
			number[c] = uint8(len(a.first))
			a.first = append(a.first, byte(b))
		}
		a.of[b] = number[c]
	}
	return a
}

func (a *alphabet) size() int {
	return len(a.first)
}

// without returns the classes of all bytes but one; that one's own too, where it has others in it.
func (a *alphabet) without(but byte) []uint8 {
	seen := make([]bool, a.size())
	var classes []uint8
	for b, class := range a.of {
		if byte(b) != but && !seen[class] {
			seen[class] = true
			classes = append(classes, class)
		}
	}
	return classes
}
