// SPDX-License-Identifier: Apache-2.0

// This file says what a piece of text is.

package text

import (
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
)

// Piece is a stretch of text with one origin.
type Piece struct {
	File  string
	Text  string // UTF-8 without what cannot be seen
	Line  int    // of its first line in the file, from 1
	Lang  string // of code, as fences name it: "sh", "python", "javascript" ...; empty for prose
	Place finding.Place
	How   string // how it was hidden or encoded, in words; empty for what everybody sees
	Depth int    // decodings that it took
	Fixed bool   // every character of it comes from one line of the file: what was decoded has no lines of its own

	lines lines
}

// lines counts the lines of a text from where it counted last: findings come in order, and each of a hostile text's million would
// cost the whole text again.
type lines struct{ offset, before int }

// before is how many lines end before an offset.
func (l *lines) at(s string, offset int) int {
	offset = min(max(offset, 0), len(s))
	if offset >= l.offset {
		l.before += strings.Count(s[l.offset:offset], "\n")
	} else {
		l.before -= strings.Count(s[offset:l.offset], "\n")
	}
	l.offset = offset
	return l.before
}

// LineAt is the line of the file for an offset into the piece.
func (p *Piece) LineAt(offset int) int {
	if p.Fixed {
		return p.Line
	}
	return p.Line + p.lines.at(p.Text, offset)
}

// Finding begins a finding about the piece at an offset.
func (p *Piece) Finding(rule string, offset int, seen, detail string) finding.Finding {
	if p.How != "" {
		detail = strings.TrimSuffix(p.How+"; "+detail, "; ")
	}
	return finding.Finding{Rule: rule, File: p.File, Line: p.LineAt(offset), Place: p.Place, Text: seen, Detail: detail}
}

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
