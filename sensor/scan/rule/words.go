// SPDX-License-Identifier: Apache-2.0

// This file is the automaton over all phrases, and the form in which texts are given to it.

package rule

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	ac "github.com/BobuSumisu/aho-corasick"
)

// automaton finds phrases.
type automaton struct {
	trie    *ac.Trie
	phrases [][]phrase // by pattern
}

func newAutomaton(list []phrase) *automaton {
	a := &automaton{}
	number := map[string]int{}
	b := ac.NewTrieBuilder()
	for _, p := range list {
		n, ok := number[p.text]
		if !ok {
			n = len(a.phrases)
			number[p.text] = n
			a.phrases = append(a.phrases, nil)
			b.AddString(p.text)
		}
		a.phrases[n] = append(a.phrases[n], p)
	}
	a.trie = b.Build()
	return a
}

// find calls back for every phrase in a text, ordered by where they end.
func (a *automaton) find(s string, found func(class, from, to int)) {
	if len(a.phrases) == 0 {
		return
	}
	a.trie.Walk([]byte(s), func(end, n, pattern int64) bool {
		to := int(end) + 1
		from := to - int(n)
		for _, p := range a.phrases[pattern] {
			if p.stem || bounded(s, from, to) {
				if !p.stem || startsWord(s, from) {
					found(p.class, from, to)
				}
			}
		}
		return true
	})
}

func bounded(s string, from, to int) bool { return startsWord(s, from) && endsWord(s, to) }

func startsWord(s string, from int) bool {
	return from == 0 || !letter(s[from]) || !letter(s[from-1])
}

func endsWord(s string, to int) bool {
	return to >= len(s) || !letter(s[to-1]) || !letter(s[to])
}

// letter is of ASCII alone: scripts without spaces between words have no boundaries to ask for.
func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c == '_'
}

// plain is a text in the form in which phrases are written: lower case, one space between words, no emphasis. Sentences end
// at "\n", paragraphs at "\f".
type plain struct {
	text string
	at   []int // offsets of stretches in text ...
	from []int // ... and in the original
}

// origin is the original's offset for one of the text's.
func (p *plain) origin(offset int) int {
	i := sort.SearchInts(p.at, offset+1) - 1
	if i < 0 {
		return 0
	}
	return p.from[i] + offset - p.at[i]
}

type plainer struct {
	plain
	out  strings.Builder
	last byte // written
}

// flatten writes a text plain. Lines of a paragraph are one, but for items of lists and headings.
func flatten(s string) plain {
	var p plainer
	p.out.Grow(len(s))
	offset := 0
	for line := range strings.SplitAfterSeq(s, "\n") {
		p.line(line, offset)
		offset += len(line)
	}
	p.text = p.out.String()
	return p.plain
}

func (p *plainer) mark(offset int) {
	p.at, p.from = append(p.at, p.out.Len()), append(p.from, offset)
}

func (p *plainer) put(c byte) {
	p.out.WriteByte(c)
	p.last = c
}

func (p *plainer) line(line string, offset int) {
	trimmed := strings.TrimLeft(line, " \t>")
	skipped := len(line) - len(trimmed)
	switch {
	case strings.TrimSpace(trimmed) == "":
		if p.last != '\f' && p.last != 0 {
			p.put('\f')
		}
		return
	case trimmed[0] == '#':
		p.put('\f')
	case item(trimmed):
		p.put('\n')
	case p.last != '\f' && p.last != '\n' && p.last != ' ' && p.last != 0:
		p.put(' ')
	}
	p.mark(offset + skipped)
	p.words(trimmed, offset+skipped)
	if trimmed[0] == '#' {
		p.put('\f')
	}
}

// item says that a line begins an item of a list, or a row of a table.
func item(line string) bool {
	switch line[0] {
	case '-', '*', '+', '|':
		return true
	}
	digits := 0
	for digits < len(line) && line[digits] >= '0' && line[digits] <= '9' {
		digits++
	}
	return digits > 0 && digits < 4 && digits < len(line) && (line[digits] == '.' || line[digits] == ')')
}

func (p *plainer) words(s string, offset int) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r < utf8.RuneSelf:
			p.ascii(s, i, offset)
		case r == '’' || r == '‘':
			p.put('\'')
			p.mark(offset + i + size)
		case r == '“' || r == '”':
			p.put('"')
			p.mark(offset + i + size)
		case r == '。' || r == '！' || r == '？':
			p.out.WriteString(s[i : i+size])
			p.put('\n')
			p.mark(offset + i + size)
		case unicode.IsSpace(r):
			p.space()
			p.mark(offset + i + size)
		default:
			p.out.WriteRune(unicode.ToLower(r))
			p.last = 'x'
			if utf8.RuneLen(unicode.ToLower(r)) != size {
				p.mark(offset + i + size)
			}
		}
		i += size
	}
}

func (p *plainer) space() {
	if p.last != ' ' && p.last != '\n' && p.last != '\f' && p.last != 0 {
		p.put(' ')
	}
}

func (p *plainer) ascii(s string, i, offset int) {
	switch c := s[i]; {
	case c >= 'A' && c <= 'Z':
		p.put(c + 'a' - 'A')
	case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		if p.last == '.' || p.last == '!' || p.last == '?' {
			p.put('\n')
		} else {
			p.space()
		}
		p.mark(offset + i + 1)
	case c == '*' || c == '`' || c == '_' && (i == 0 || i+1 == len(s) || !letter(s[i-1]) || !letter(s[i+1])):
		p.mark(offset + i + 1) // emphasis
	default:
		p.put(c)
	}
}
