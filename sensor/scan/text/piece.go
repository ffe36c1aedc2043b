// SPDX-License-Identifier: Apache-2.0

// This file says what a piece of text is.

package text

import (
	"strings"

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

// at is how many lines end before an offset.
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
