// SPDX-License-Identifier: Apache-2.0

// The grammar of globs: bytes in, token sequences out, one sequence for each way through the braces. Every complaint
// about spelling is made here or in pattern.go, with the offset at which a person should look.

package match

import (
	"fmt"
	"strings"
)

// GlobError says what is wrong with the spelling of one glob, and where.
type GlobError struct {
	Rule   string // empty when the glob was checked on its own
	Glob   string
	Offset int // in bytes
	Reason string
	Hint   string // what to write instead; may be empty
}

func (e *GlobError) Error() string {
	text := fmt.Sprintf("glob %q, byte %d: %s", e.Glob, e.Offset, e.Reason)
	if e.Rule != "" {
		text = fmt.Sprintf("rule %q: %s", e.Rule, text)
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// kind tells the tokens apart.
type kind uint8

const (
	one  kind = iota // one byte of the set
	char             // one character outside the set: a well-formed UTF-8 sequence, or one byte that begins none
	star             // any run of bytes, the empty one too; on paths without '/'
	deep             // any number of whole components, paths only
)

// token is one element of a glob, and the offset that it was written at.
type token struct {
	kind kind
	set  byteSet
	at   int
}

func (t token) is(b byte) bool {
	return t.kind == one && t.set == setOf(b)
}

// multibyte reports whether the token may match more than one byte, all of which it needs.
func (t token) multibyte() bool {
	return t.kind == char
}

// Check reports what is wrong with one glob: nil or a *GlobError.
func Check(s Syntax, glob string) error {
	if _, err := parse(s, glob); err != nil {
		return err
	}
	return nil
}

// parser reads one glob from left to right.
type parser struct {
	syntax Syntax
	glob   string
	at     int
}

// alternatives returns the token sequences that the glob stands for.
func (p *parser) alternatives() ([][]token, *GlobError) {
	switch {
	case p.glob == "":
		return nil, p.wrong(0, "empty glob", "")
	case len(p.glob) > maxGlob:
		return nil, p.wrong(maxGlob, fmt.Sprintf("longer than %d bytes", maxGlob), "")
	}
	return p.sequence(0)
}

// sequence reads up to the end of the glob or, inside braces, up to the ',' or '}' that ends an alternative.
func (p *parser) sequence(depth int) ([][]token, *GlobError) {
	all := [][]token{nil}
	for p.at < len(p.glob) {
		c, start := p.glob[p.at], p.at
		if depth > 0 && (c == ',' || c == '}') {
			break
		}
		if c != '{' {
			t, err := p.token()
			if err != nil {
				return nil, err
			}
			for i := range all {
				all[i] = append(all[i], t)
			}
			continue
		}
		tails, err := p.brace(depth)
		if err != nil {
			return nil, err
		}
		if all, err = p.cross(all, tails, start); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// brace reads {a,b}: at least two alternatives, each of which may be empty or hold braces of its own.
func (p *parser) brace(depth int) ([][]token, *GlobError) {
	start := p.at
	var all [][]token
	for commas := 0; ; commas++ {
		p.at++
		some, err := p.sequence(depth + 1)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		switch {
		case p.at == len(p.glob):
			return nil, p.wrong(start, "unclosed brace", `write \{ for the character`)
		case len(all) > maxAlternatives:
			return nil, p.tooMany(start)
		case p.glob[p.at] == ',':
			continue
		case commas == 0:
			return nil, p.wrong(start, "brace without alternatives", `write \{ and \} for the characters`)
		}
		p.at++
		return all, nil
	}
}

// cross joins each head with each tail. bound: both the number and the total length of the results.
func (p *parser) cross(heads, tails [][]token, start int) ([][]token, *GlobError) {
	if len(heads)*len(tails) > maxAlternatives {
		return nil, p.tooMany(start)
	}
	all, tokens := make([][]token, 0, len(heads)*len(tails)), 0
	for _, head := range heads {
		for _, tail := range tails {
			joined := make([]token, 0, len(head)+len(tail))
			all = append(all, append(append(joined, head...), tail...))
			tokens += len(head) + len(tail)
		}
	}
	if tokens > maxAlternatives*maxGlob/16 {
		return nil, p.tooMany(start)
	}
	return all, nil
}

// token reads one element that is not a brace.
func (p *parser) token() (token, *GlobError) {
	start := p.at
	c := p.glob[start]
	p.at++
	switch c {
	case '*':
		return p.stars(start)
	case '?':
		return token{char, p.never(), start}, nil
	case '[':
		return p.class(start)
	case '}':
		return token{}, p.wrong(start, "closing brace without an opening one", `write \} for the character`)
	case '\\':
		if p.at == len(p.glob) {
			return token{}, p.wrong(start, "nothing to escape at the end", `write \\ for a backslash`)
		}
		c = p.glob[p.at]
		p.at++
	}
	if c == 0 {
		return token{}, p.wrong(p.at-1, "NUL byte, which no text contains", "")
	}
	return token{one, setOf(c), start}, nil
}

// stars reads a run of '*'. On command lines any run means the same as one.
func (p *parser) stars(start int) (token, *GlobError) {
	for p.at < len(p.glob) && p.glob[p.at] == '*' {
		p.at++
	}
	switch n := p.at - start; {
	case p.syntax == Line || n == 1:
		return token{kind: star, at: start}, nil
	case n == 2:
		return token{kind: deep, at: start}, nil
	}
	return token{}, p.wrong(start, "more than two stars", "* stays within a component, ** is any number of components")
}

// class reads [a-z] or [!a] after its opening bracket. Members are ASCII and never '/'.
func (p *parser) class(start int) (token, *GlobError) {
	t := token{kind: one, at: start}
	switch rest := p.glob[p.at:]; {
	case strings.HasPrefix(rest, "!"):
		t.kind = char
		p.at++
	case strings.HasPrefix(rest, "^"):
		return t, p.wrong(p.at, "classes are negated with !", `write [!…], or \^ for the character`)
	}
	for {
		switch rest := p.glob[p.at:]; {
		case rest == "":
			return t, p.wrong(start, "unclosed class", `write \[ for the character`)
		case rest[0] == ']' && t.set == byteSet{}:
			return t, p.wrong(start, "empty class", `write \] for the character`)
		case rest[0] == ']':
			p.at++
			if t.kind == char {
				t.set = t.set.or(p.never())
			} else {
				t.set = t.set.minus(p.never())
			}
			return t, nil
		case strings.HasPrefix(rest, "[:"):
			return t, p.wrong(p.at, "named classes are not known", "write the range, such as [a-z]")
		}
		low, high, err := p.members(start)
		if err != nil {
			return t, err
		}
		t.set = t.set.or(setRange(low, high))
	}
}

// members reads one member of a class or a range of them.
func (p *parser) members(start int) (low, high byte, err *GlobError) {
	if low, err = p.member(start); err != nil {
		return 0, 0, err
	}
	if rest := p.glob[p.at:]; len(rest) < 2 || rest[0] != '-' || rest[1] == ']' {
		return low, low, nil
	}
	p.at++
	if high, err = p.member(start); err != nil {
		return 0, 0, err
	}
	if low > high {
		return 0, 0, p.wrong(p.at-1, "range that runs backwards", fmt.Sprintf("did you mean %c-%c?", high, low))
	}
	return low, high, nil
}

// member reads one character of a class.
func (p *parser) member(start int) (byte, *GlobError) {
	if p.glob[p.at] == '\\' {
		p.at++
	}
	if p.at == len(p.glob) {
		return 0, p.wrong(start, "unclosed class", `write \[ for the character`)
	}
	c := p.glob[p.at]
	p.at++
	switch {
	case c == 0:
		return 0, p.wrong(p.at-1, "NUL byte, which no text contains", "")
	case c >= 0x80:
		return 0, p.wrong(p.at-1, "character in a class that is not ASCII", "write the alternatives in braces")
	case c == '/' && p.syntax == Path:
		return 0, p.wrong(p.at-1, "class with a slash, which it could never match", "")
	}
	return c, nil
}

// never returns the bytes that no wildcard matches.
func (p *parser) never() byteSet {
	if p.syntax == Path {
		return setOf('/')
	}
	return byteSet{}
}

func (p *parser) tooMany(at int) *GlobError {
	return p.wrong(at, fmt.Sprintf("braces that stand for more than %d globs", maxAlternatives), "split the glob")
}

func (p *parser) wrong(at int, reason, hint string) *GlobError {
	return &GlobError{Glob: p.glob, Offset: at, Reason: reason, Hint: hint}
}
