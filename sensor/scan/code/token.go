// SPDX-License-Identifier: Apache-2.0

// This file is the tokens of both languages.

package code

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	name kind = iota
	str
	number
	op
	newline
)

// token is one word, string or mark.
type token struct {
	kind  kind
	text  string // of a string: its content, with "{}" for what is written into it
	pos   int    // offset in the source
	end   int
	col   int     // of the first token in a line of Python: its column; else -1
	parts []token // what is written into a string
}

// lexer makes tokens of a source.
type lexer struct {
	src    string
	python bool
	at     int
	depth  int // of brackets
	fresh  bool
	col    int
	out    []token
	nest   int // of strings within strings
	ended  bool
}

// maxStrings bounds how deep templates stand in templates.
const maxStrings = 8

func lex(src string, python bool, nest int) []token {
	l := newLexer(src, python, nest)
	return l.some(len(src) + 1)
}

func newLexer(src string, python bool, nest int) *lexer {
	return &lexer{src: src, python: python, fresh: true, nest: nest}
}

// some is the next tokens, up to n of them and those that one of them brings along; none at the end.
func (l *lexer) some(n int) []token {
	if l.ended {
		return nil
	}
	l.out = nil
	for l.at < len(l.src) && len(l.out) < n {
		l.next()
	}
	if l.at >= len(l.src) {
		l.ended = true
		l.put(newline, "\n", len(l.src))
	}
	return l.out
}

func (l *lexer) put(k kind, text string, from int) {
	t := token{kind: k, text: text, pos: from, end: l.at, col: -1}
	if k != newline && l.fresh {
		t.col, l.fresh = l.col, false
	}
	l.out = append(l.out, t)
}

func (l *lexer) next() {
	c := l.src[l.at]
	switch {
	case c == '\n':
		l.lineEnd()
	case c == ' ' || c == '\t' || c == '\r' || c == '\f':
		if l.fresh {
			l.col++
			if c == '\t' {
				l.col += 7
			}
		}
		l.at++
	case c == '\\' && l.at+1 < len(l.src) && l.src[l.at+1] == '\n':
		l.at += 2
	case l.python && c == '#', !l.python && strings.HasPrefix(l.src[l.at:], "//"), !l.python && l.at == 0 && strings.HasPrefix(l.src, "#!"):
		l.skipLine()
	case !l.python && strings.HasPrefix(l.src[l.at:], "/*"):
		l.skipTo("*/")
	case c == '"' || c == '\'' || c == '`' && !l.python:
		l.text("")
	case c >= '0' && c <= '9':
		l.number()
	case letter(rune(c)) || c >= utf8.RuneSelf:
		l.word()
	case !l.python && c == '/' && l.regexpMayStand():
		l.regexp()
	default:
		l.mark()
	}
}

func (l *lexer) lineEnd() {
	from := l.at
	l.at++
	if !l.python || l.depth == 0 {
		l.put(newline, "\n", from)
		l.fresh, l.col = true, 0
	}
}

func (l *lexer) skipLine() {
	if n := strings.IndexByte(l.src[l.at:], '\n'); n >= 0 {
		l.at += n
		return
	}
	l.at = len(l.src)
}

func (l *lexer) skipTo(end string) {
	if n := strings.Index(l.src[l.at+2:], end); n >= 0 {
		l.at += 2 + n + len(end)
		return
	}
	l.at = len(l.src)
}

func letter(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) }

func (l *lexer) word() {
	from := l.at
	for l.at < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.at:])
		if !letter(r) && !unicode.IsDigit(r) {
			break
		}
		l.at += size
	}
	if l.at == from { // no letter of any script
		l.at++
		return
	}
	w := l.src[from:l.at]
	if l.python && len(w) <= 2 && l.at < len(l.src) && (l.src[l.at] == '"' || l.src[l.at] == '\'') && prefix(w) {
		l.text(strings.ToLower(w))
		l.out[len(l.out)-1].pos = from
		return
	}
	l.put(name, w, from)
}

// prefix is what may stand before a string of Python.
func prefix(w string) bool {
	switch strings.ToLower(w) {
	case "r", "b", "u", "f", "t", "rb", "br", "fr", "rf", "tr", "rt":
		return true
	}
	return false
}

func (l *lexer) number() {
	from := l.at
	for l.at < len(l.src) && (letter(rune(l.src[l.at])) || l.src[l.at] >= '0' && l.src[l.at] <= '9' || l.src[l.at] == '.') {
		l.at++
	}
	l.put(number, strings.ReplaceAll(l.src[from:l.at], "_", ""), from)
}

// marks of more than one character that matter.
var marks = []string{"===", "!==", "**=", "...", "=>", "==", "!=", "<=", ">=", ":=", "+=", "-=", "|=", "&&", "||", "??", "?.", "**", "->", "++", "--"}

func (l *lexer) mark() {
	from := l.at
	for _, m := range marks {
		if strings.HasPrefix(l.src[l.at:], m) {
			l.at += len(m)
			l.put(op, m, from)
			return
		}
	}
	c := l.src[l.at]
	l.at++
	switch c {
	case '(', '[', '{':
		l.depth++
	case ')', ']', '}':
		l.depth = max(0, l.depth-1)
	}
	l.put(op, string(c), from)
}

// regexpMayStand says that a "/" begins a pattern and is no division.
func (l *lexer) regexpMayStand() bool {
	for _, t := range slices.Backward(l.out) {
		switch {
		case t.kind == newline:
			continue
		case t.kind == op:
			return t.text != ")" && t.text != "]" && t.text != "}"
		case t.kind == name:
			return t.text == "return" || t.text == "typeof" || t.text == "case" || t.text == "in" || t.text == "of"
		default:
			return false
		}
	}
	return true
}

func (l *lexer) regexp() {
	from := l.at
	class := false
	for l.at++; l.at < len(l.src) && l.src[l.at] != '\n'; l.at++ {
		switch c := l.src[l.at]; {
		case c == '\\':
			l.at++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			l.at++
			l.put(number, "regexp", from) // no string: what is looked for is not what is there
			return
		}
	}
	l.at = min(l.at, len(l.src))
	l.put(number, "regexp", from)
}
