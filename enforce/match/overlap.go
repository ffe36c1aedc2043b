// SPDX-License-Identifier: Apache-2.0

// Whether a rule's glob and one of its excepts can meet in any text. Most cannot (`**/.env` and `~/.ssh/*.pub`), and each
// pair that cannot is an atom saved.

package match

import (
	"slices"
	"strings"
)

// overlap reports whether some text may match both patterns. It may say yes in vain, never no: a character counts as any
// run of bytes, and what `**` skips as any bytes at all.
func overlap(s Syntax, a, b pattern) bool {
	rows, columns := len(a.tokens)+1, len(b.tokens)+1
	if rows*columns > maxOverlap {
		return true
	}
	reached := make([]bool, rows*columns)
	reached[0] = true
	for i := range rows {
		for j := range columns {
			if !reached[i*columns+j] {
				continue
			}
			x, y := a.span(s, i), b.span(s, j)
			forward := func(di, dj int) {
				if i+di < rows && j+dj < columns {
					reached[(i+di)*columns+j+dj] = true
				}
			}
			if x.loop {
				forward(1, 0)
			}
			if y.loop {
				forward(0, 1)
			}
			switch {
			case !x.set.meets(y.set):
			case !x.loop && !y.loop:
				forward(1, 1)
			case !x.loop:
				forward(1, 0)
			case !y.loop:
				forward(0, 1)
			}
		}
	}
	return reached[rows*columns-1]
}

// span is a token seen coarsely: one byte of a set, or any number of them.
type span struct {
	set  byteSet
	loop bool
}

// span returns the i-th token, or what may follow the last.
func (p *pattern) span(s Syntax, i int) span {
	all := setRange(0, 0xFF)
	switch {
	case i == len(p.tokens) && p.sticky:
		return span{all, true}
	case i == len(p.tokens):
		return span{byteSet{}, true}
	case p.tokens[i].kind == one:
		return span{p.tokens[i].set, false}
	case p.tokens[i].kind == deep || s == Line:
		return span{all, true}
	}
	return span{all.minus(setOf('/')), true}
}

// Reaches reports whether a glob over paths may match something below a folder by what the folder's own path is. `**/x`
// reaches no folder, though it matches below all of them. It may say yes in vain, never no.
func Reaches(glob, folder string) bool {
	patterns, err := parse(Path, glob)
	return err == nil && slices.ContainsFunc(patterns, func(p pattern) bool { return p.reaches(folder) })
}

func (p *pattern) reaches(folder string) bool {
	if !p.open {
		return overlap(Path, *p, below(folder))
	}
	if len(p.tokens) == 0 {
		return false
	}
	closed := pattern{tokens: slices.Delete(slices.Clone(p.tokens), 1, 2), sticky: p.sticky}
	for i := range len(folder) {
		if folder[i] == '/' && overlap(Path, closed, below(folder[i:])) {
			return true
		}
	}
	return false
}

// below is the pattern of all that a folder holds.
func below(folder string) pattern {
	p := pattern{sticky: true}
	for _, b := range []byte(strings.TrimSuffix(folder, "/") + "/") {
		p.tokens = append(p.tokens, token{kind: one, set: setOf(b)})
	}
	return p
}
