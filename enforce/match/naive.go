// SPDX-License-Identifier: Apache-2.0

// Matching one glob without automata: what a glob means, written down as plainly as can be. Explanations use it, and the
// automata are tested against it.

package match

import (
	"strings"
	"unicode/utf8"
)

// Match reports whether one glob matches a text. A glob that Check refuses matches nothing.
func Match(s Syntax, glob, text string) bool {
	patterns, err := parse(s, glob)
	if err != nil {
		return false
	}
	for _, p := range patterns {
		m := matcher{s, p, text, map[[2]int]bool{}}
		if m.from(0, 0) {
			return true
		}
	}
	return false
}

// matcher tries the tokens of a pattern on a text and remembers what did not match.
type matcher struct {
	syntax  Syntax
	pattern pattern
	text    string
	failed  map[[2]int]bool
}

// from reports whether the tokens from t on match the text from i on.
func (m *matcher) from(t, i int) bool {
	if t == len(m.pattern.tokens) {
		return m.ends(i)
	}
	if m.failed[[2]int{t, i}] {
		return false
	}
	matched := m.token(m.pattern.tokens[t], t, i)
	if !matched {
		m.failed[[2]int{t, i}] = true
	}
	return matched
}

func (m *matcher) token(token token, t, i int) bool {
	if token.kind == star || token.kind == deep {
		return m.skip(token.kind, t, i)
	}
	rest, size := m.text[i:], 1
	if token.kind == char {
		_, size = utf8.DecodeRuneInString(rest)
	}
	return rest != "" && token.set.has(rest[0]) == (token.kind == one) && m.from(t+1, i+size)
}

// skip tries the next token after each run that a star or a deep may take.
func (m *matcher) skip(kind kind, t, i int) bool {
	for !m.from(t+1, i) {
		if kind == deep {
			slash := strings.IndexByte(m.text[i:], '/')
			if slash < 0 {
				return false
			}
			i += slash
		} else if i == len(m.text) || m.syntax == Path && m.text[i] == '/' {
			return false
		}
		i++
	}
	return true
}

// ends reports whether a pattern whose tokens are used up may leave the text from i on.
func (m *matcher) ends(i int) bool {
	switch {
	case m.pattern.sticky && m.syntax == Line:
		return true
	case m.pattern.sticky && i < len(m.text):
		return m.text[i] == '/'
	}
	return i == len(m.text) && (i > 0 || m.syntax == Line)
}
