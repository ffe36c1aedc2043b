// SPDX-License-Identifier: Apache-2.0

// This file divides long texts, so that what reads them is bounded in memory and can be stopped.

package text

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// bound: automata and patterns see this much of a text at once, so that their memory does not grow with it and the context is
// asked between. Parts overlap: what is longer than that and stands on a border is not seen whole.
const (
	maxPart = 1 << 20
	overlap = 8 << 10
)

// Parts divides a text, at lines where it has them. The keys are offsets.
func Parts(s string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for from := 0; ; {
			to := partEnd(s, from)
			if !yield(from, s[from:to]) || to == len(s) {
				return
			}
			from = partBegin(s, to)
		}
	}
}

func partEnd(s string, from int) int {
	to := from + maxPart
	if to >= len(s) {
		return len(s)
	}
	if line := strings.LastIndexByte(s[to-overlap:to], '\n'); line >= 0 {
		return to - overlap + line + 1
	}
	return runeStart(s, to)
}

// partBegin is at a line's beginning, where one begins in the overlap.
func partBegin(s string, end int) int {
	if line := strings.IndexByte(s[end-overlap:end-1], '\n'); line >= 0 {
		return end - overlap + line + 1
	}
	return runeStart(s, end-overlap)
}

func runeStart(s string, at int) int {
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	return at
}
