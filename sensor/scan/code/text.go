// SPDX-License-Identifier: Apache-2.0

// This file reads strings, with what is written into them.

package code

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// text reads a string at the quote.
func (l *lexer) text(prefix string) {
	from := l.at
	quote := l.src[l.at : l.at+1]
	if l.python && strings.HasPrefix(l.src[l.at:], strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	l.at += len(quote)
	raw := strings.Contains(prefix, "r")
	open := ""
	switch {
	case quote == "`":
		open = "${"
	case strings.ContainsAny(prefix, "ft"):
		open = "{"
	}
	var b strings.Builder
	var parts []token
	for l.at < len(l.src) && !strings.HasPrefix(l.src[l.at:], quote) {
		c := l.src[l.at]
		switch {
		case c == '\n' && len(quote) == 1 && quote != "`":
			l.string(b.String(), parts, from) // never closed
			return
		case c == '\\' && !raw:
			l.escape(&b)
		case open == "{" && strings.HasPrefix(l.src[l.at:], "{{"):
			b.WriteByte('{')
			l.at += 2
		case open != "" && strings.HasPrefix(l.src[l.at:], open):
			parts = append(parts, l.hole(len(open))...)
			b.WriteString("{}")
		default:
			b.WriteByte(c)
			l.at++
		}
	}
	l.at = min(len(l.src), l.at+len(quote))
	l.string(b.String(), parts, from)
}

func (l *lexer) string(s string, parts []token, from int) {
	l.put(str, s, from)
	l.out[len(l.out)-1].parts = parts
}

// hole reads what is written into a string.
func (l *lexer) hole(open int) []token {
	l.at += open
	from, depth := l.at, 1
	for l.at < len(l.src) && depth > 0 {
		switch l.src[l.at] {
		case '{':
			depth++
		case '}':
			depth--
		case '\n':
			if l.python && depth == 1 && l.at-from > 400 { // no hole after all
				return nil
			}
		}
		l.at++
	}
	inner := l.src[from:max(from, l.at-1)]
	if l.nest >= maxStrings {
		return nil
	}
	list := lex(inner, l.python, l.nest+1)
	for i := range list {
		list[i].pos += from
		list[i].end += from
	}
	return list
}

// escape reads what stands behind a backslash.
func (l *lexer) escape(b *strings.Builder) {
	if l.at+1 >= len(l.src) {
		l.at++
		return
	}
	c := l.src[l.at+1]
	l.at += 2
	switch c {
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'r':
		b.WriteByte('\r')
	case '\n':
	case 'x':
		l.code(b, 2)
	case 'u':
		if l.at < len(l.src) && l.src[l.at] == '{' {
			if end := strings.IndexByte(l.src[l.at:], '}'); end > 1 && end < 9 {
				if n, err := strconv.ParseUint(l.src[l.at+1:l.at+end], 16, 32); err == nil {
					b.WriteRune(rune(n))
					l.at += end + 1
					return
				}
			}
		}
		l.code(b, 4)
	case 'U':
		l.code(b, 8)
	default:
		b.WriteByte(c)
	}
}

func (l *lexer) code(b *strings.Builder, digits int) {
	if l.at+digits <= len(l.src) {
		if n, err := strconv.ParseUint(l.src[l.at:l.at+digits], 16, 32); err == nil && n <= utf8.MaxRune {
			b.WriteRune(rune(n))
			l.at += digits
			return
		}
	}
	b.WriteByte('\\')
}
