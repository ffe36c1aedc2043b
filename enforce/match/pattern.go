// SPDX-License-Identifier: Apache-2.0

// The normal form of one alternative of a glob, and which of the three automata it belongs to. The shape of a pattern,
// not its rule, decides how many states it can cost; see the package comment.

package match

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// The three automata.
const (
	anchored   = iota // A: the text's beginning is given
	unanchored        // B: begins with `**/`, on command lines with `*`
	awkward           // C: shapes that would multiply the states of the others
	automata
)

// pattern is an alternative in normal form. On a path each component follows the '/' before it, and deep stands between
// a '/' and the component that it lets sink. Adjacent wildcards are ordered `?` before `*`, so that `?` counts whole
// characters, and a component never matches the empty text.
type pattern struct {
	tokens []token
	sticky bool // what lies below a match (on command lines: follows it) matches too
	home   int  // automaton
	open   bool // the beginning of the text is skipped
	sinks  int  // how often anything may be skipped: deep on paths, star on command lines; the sticky end not counted
	twin   bool // begins with `**/` and has a component `*a*b`: "a was passed" is a state beside all others
	key    string
}

// parse returns the patterns that a glob stands for.
func parse(s Syntax, glob string) ([]pattern, *GlobError) {
	p := &parser{syntax: s, glob: glob}
	alternatives, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	patterns := make([]pattern, 0, len(alternatives))
	for _, tokens := range alternatives {
		normal := p.linePattern
		if s == Path {
			normal = p.pathPattern
		}
		pattern, err := normal(tokens)
		if err != nil {
			return nil, err
		}
		pattern.settle(s)
		patterns = append(patterns, pattern)
	}
	return patterns, nil
}

// linePattern: a star at the end is what makes a command line sticky.
func (p *parser) linePattern(tokens []token) (pattern, *GlobError) {
	tokens = orderWildcards(tokens)
	if n := len(tokens); n > 0 && tokens[n-1].kind == star {
		return pattern{tokens: tokens[:n-1], sticky: true}, nil
	}
	return pattern{tokens: tokens}, nil
}

// pathPattern checks an alternative component by component and collapses runs of `**`.
func (p *parser) pathPattern(tokens []token) (pattern, *GlobError) {
	var out pattern
	rest, err := p.fromRoot(tokens)
	if err != nil {
		return out, err
	}
	sink := token{kind: one}
	for first := true; len(rest) > 0; first = false {
		slash := rest[0]
		rest = rest[1:]
		end := slices.IndexFunc(rest, func(t token) bool { return t.is('/') })
		if end < 0 {
			end = len(rest)
		}
		component := rest[:end]
		rest = rest[end:]
		if first && end == 0 && len(rest) == 0 {
			return pattern{tokens: []token{slash}}, nil
		}
		if err := p.component(component, slash, len(rest) == 0); err != nil {
			return out, err
		}
		if component[0].kind == deep {
			sink = component[0]
			continue
		}
		out.tokens = append(out.tokens, slash)
		if sink.kind == deep {
			out.tokens = append(out.tokens, sink)
			sink.kind = one
		}
		out.tokens = append(out.tokens, orderComponent(component)...)
	}
	out.sticky = sink.kind == deep
	return out, nil
}

// fromRoot returns the tokens with the leading '/' that `**` leaves out.
func (p *parser) fromRoot(tokens []token) ([]token, *GlobError) {
	switch {
	case len(tokens) == 0:
		return nil, p.wrong(0, "braces that allow an empty glob", "")
	case tokens[0].is('/'):
		return tokens, nil
	case tokens[0].kind == deep:
		return append([]token{{one, setOf('/'), tokens[0].at}}, tokens...), nil
	}
	hint := `begin with "/" or "**/"`
	if !strings.HasPrefix(p.glob, "{") && !strings.HasPrefix(p.glob, "~") && !strings.HasPrefix(p.glob, ".") {
		hint = fmt.Sprintf("did you mean %q?", "**/"+strings.TrimLeft(p.glob, "*"))
	}
	return nil, p.wrong(tokens[0].at, "path that does not begin with / or **", hint)
}

// component checks one component, which follows the given slash.
func (p *parser) component(tokens []token, slash token, last bool) *GlobError {
	switch {
	case len(tokens) == 0 && last:
		return p.wrong(slash.at, "slash at the end", "without it the glob names the folder, with /** also what is below")
	case len(tokens) == 0:
		return p.wrong(slash.at, "empty component", "write a single /")
	case tokens[0].is('.') && (len(tokens) == 1 || len(tokens) == 2 && tokens[1].is('.')):
		return p.wrong(tokens[0].at, "component . or .., which no host path contains", "write the path that is meant")
	}
	if len(tokens) == 1 {
		return nil
	}
	if i := slices.IndexFunc(tokens, func(t token) bool { return t.kind == deep }); i >= 0 {
		return p.wrong(tokens[i].at, "** inside a component", "write * within a component, **/ before it")
	}
	return nil
}

// orderComponent brings a component to normal form; `*` alone needs at least one byte.
func orderComponent(tokens []token) []token {
	tokens = orderWildcards(tokens)
	if len(tokens) == 1 && tokens[0].kind == star {
		some := token{one, setRange(1, 0xFF).minus(setOf('/')), tokens[0].at}
		return []token{some, tokens[0]}
	}
	return tokens
}

// orderWildcards makes one star of adjacent ones and moves `?` before it: `*?` and `?*` mean the same.
func orderWildcards(tokens []token) []token {
	out := make([]token, 0, len(tokens))
	var pending *token
	for i, t := range tokens {
		switch {
		case t.kind == star:
			pending = &tokens[i]
			continue
		case pending != nil && !t.anyChar():
			out = append(out, *pending)
			pending = nil
		}
		out = append(out, t)
	}
	if pending != nil {
		out = append(out, *pending)
	}
	return out
}

// anyChar reports whether the token is `?` and not a negated class.
func (t token) anyChar() bool {
	return t.kind == char && t.set.minus(setOf('/')) == byteSet{}
}

// settle fills in what follows from the tokens: the automaton and the key.
func (p *pattern) settle(s Syntax) {
	skips := star
	if s == Path {
		skips = deep
	}
	for _, t := range p.tokens {
		if t.kind == skips {
			p.sinks++
		}
	}
	fixed := 0 // tokens before anything is skipped; a path's first '/' says nothing yet
	if s == Path {
		fixed = 1
	}
	p.open = len(p.tokens) <= fixed && p.sticky || len(p.tokens) > fixed && p.tokens[fixed].kind == skips
	late := false
	if s == Path && p.open {
		late, p.twin = p.wildComponents()
	}
	switch {
	case p.open && (late || p.twin), p.sinks > 1:
		p.home = awkward
	case p.open:
		p.home = unanchored
	}
	p.key = p.spell()
}

// wildComponents reports whether a component after the first begins with a wildcard, and whether any is like `*a*b`.
func (p *pattern) wildComponents() (late, twin bool) {
	number, begun, leading := 0, false, false
	for i, t := range p.tokens {
		switch {
		case t.is('/'):
			number++
			begun, leading = false, false
			continue
		case t.kind == deep:
			continue
		case !begun:
			begun, leading = true, t.kind == star
			late = late || number > 1 && (t.kind != one || t.set.size() > 128)
		case t.kind == star && leading && i+1 < len(p.tokens) && !p.tokens[i+1].is('/'):
			twin = true
		}
	}
	return late, twin
}

// absorbs reports whether a sticky pattern keeps a state for its match instead of emitting it: only where everything
// before is given, so that absorbed groups lie nested in each other.
func (p *pattern) absorbs() bool {
	return p.sticky && p.home == anchored && p.sinks == 0
}

// emits reports whether the pattern's match is carried by the register.
func (p *pattern) emits() bool {
	return p.sticky && !p.absorbs()
}

// spell returns a text that is the same for equal patterns only.
func (p *pattern) spell() string {
	spelt := make([]byte, 0, 2*len(p.tokens)+1)
	for _, t := range p.tokens {
		if b, single := t.set.single(); single && t.kind == one {
			spelt = append(spelt, 'b', b)
			continue
		}
		spelt = append(spelt, byte(t.kind))
		for _, word := range t.set {
			spelt = binary.LittleEndian.AppendUint64(spelt, word)
		}
	}
	if p.sticky {
		spelt = append(spelt, '+')
	}
	return string(spelt)
}
