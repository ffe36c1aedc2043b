// SPDX-License-Identifier: Apache-2.0

// This file finds the line on which each key of a TOML file stands. The TOML library says so only for syntax errors, and
// a problem without a line is a search.

package enforce

import (
	"fmt"
	"strconv"
	"strings"
)

// keyLines maps keys, as match or match[2] or when.taint, to lines.
type keyLines map[string]int

// of is the line of a key, or of the nearest thing around it that has one.
func (k keyLines) of(key string) int {
	for {
		if n, ok := k[key]; ok || key == "" {
			return n
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
}

// under gives the lines below a table, with their keys relative to it.
func (k keyLines) under(table string) keyLines {
	sub := keyLines{"": k.of(table)}
	for key, n := range k {
		if rest, ok := strings.CutPrefix(key, table+"."); ok {
			sub[rest] = n
		}
	}
	return sub
}

// elements gives the lines of each of the n tables of an array, in one pass over all keys.
func (k keyLines) elements(array string, n int) []keyLines {
	all := make([]keyLines, n)
	for i := range all {
		all[i] = keyLines{"": k.of(fmt.Sprintf("%s[%d]", array, i))}
	}
	for key, line := range k {
		rest, ok := strings.CutPrefix(key, array+"[")
		number, rest, inside := strings.Cut(rest, "].")
		if i, err := strconv.Atoi(number); ok && inside && err == nil && i < n {
			all[i][rest] = line
		}
	}
	return all
}

// scanner walks a file that the TOML library has accepted; it needs strings, comments and brackets, and trusts the rest.
type scanner struct {
	text  string
	pos   int
	line  int
	table string
	count map[string]int // of [[name]]
	lines keyLines
}

// scanLines finds the lines of all keys.
func scanLines(text string) keyLines {
	s := &scanner{text: text, line: 1, count: map[string]int{}, lines: keyLines{}}
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '\n' || c == '\r' || c == ' ' || c == '\t':
			s.step()
		case c == '#':
			s.skipComment()
		case c == '[':
			s.header()
		default:
			s.pair()
		}
	}
	return s.lines
}

func (s *scanner) step() {
	if s.text[s.pos] == '\n' {
		s.line++
	}
	s.pos++
}

func (s *scanner) skipComment() {
	for s.pos < len(s.text) && s.text[s.pos] != '\n' {
		s.pos++
	}
}

// header reads [a.b] or [[a]]. A table below an array of tables belongs to the array's last element.
func (s *scanner) header() {
	array := strings.HasPrefix(s.text[s.pos:], "[[")
	for s.pos < len(s.text) && s.text[s.pos] == '[' {
		s.pos++
	}
	name := s.key("]")
	for s.pos < len(s.text) && s.text[s.pos] == ']' {
		s.pos++
	}
	head, rest, nested := strings.Cut(name, ".")
	switch n, isArray := s.count[head]; {
	case array && !nested:
		s.count[head] = n + 1
		s.table = fmt.Sprintf("%s[%d]", head, n)
	case isArray && nested:
		s.table = fmt.Sprintf("%s[%d].%s", head, n-1, rest)
	default:
		s.table = name
	}
	s.lines[s.table] = s.line
}

// key reads a dotted key up to one of the ending bytes, without quotes and spaces.
func (s *scanner) key(end string) string {
	var b strings.Builder
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case strings.IndexByte(end, c) >= 0 || c == '\n':
			return b.String()
		case c == '"' || c == '\'':
			start := s.pos + 1
			s.skipString()
			b.WriteString(s.text[start:max(start, s.pos-1)])
		case c == ' ' || c == '\t':
			s.pos++
		default:
			b.WriteByte(c)
			s.pos++
		}
	}
	return b.String()
}

// pair reads key = value and notes the lines of the key and of the elements of a list.
func (s *scanner) pair() {
	line := s.line
	name := s.key("=")
	if s.table != "" {
		name = s.table + "." + name
	}
	s.lines[name] = line
	if s.pos < len(s.text) {
		s.step() // '=', or the line's end in a file that is broken
	}
	depth, element := 0, 0
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == '\n' && depth == 0:
			return
		case c == '#':
			s.skipComment()
			continue
		case c == '"' || c == '\'':
			if depth == 1 {
				s.lines[fmt.Sprintf("%s[%d]", name, element)] = s.line
			}
			s.skipString()
			continue
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 1:
			element++
		}
		s.step()
	}
}

// skipString passes a string of any of TOML's four kinds.
func (s *scanner) skipString() {
	quote := s.text[s.pos : s.pos+1]
	if long := strings.Repeat(quote, 3); strings.HasPrefix(s.text[s.pos:], long) {
		quote = long
	}
	s.pos += len(quote)
	for s.pos < len(s.text) {
		switch {
		case quote[0] == '"' && s.text[s.pos] == '\\' && s.pos+1 < len(s.text):
			s.step()
			s.step()
		case strings.HasPrefix(s.text[s.pos:], quote):
			s.pos += len(quote)
			return
		default:
			s.step()
		}
	}
}
