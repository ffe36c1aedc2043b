// SPDX-License-Identifier: Apache-2.0

// The promise of the package: the automata say what the globs mean. The judge is Go's regexp, by a translation that shares
// nothing with the parser; the automata and the naive matcher must both agree with it.

package match

import (
	"strings"
	"testing"
)

// naive is the label by the naive matcher.
func naive(s Syntax, rules []Rule, text string) Label {
	some := func(globs []string) bool {
		for _, g := range globs {
			if Match(s, g, text) {
				return true
			}
		}
		return false
	}
	var l Label
	for _, r := range rules {
		if some(r.Match) && !some(r.Except) {
			l = l.with(r.Group)
		}
	}
	return l
}

// image is an encoded engine, placed behind some bytes that are not its own.
type image struct {
	table  []byte
	layout Layout
	syntax Syntax
}

func mustCompile(t testing.TB, s Syntax, rules []Rule) image {
	t.Helper()
	engine, err := Compile(s, rules)
	if err != nil {
		t.Fatalf("compiling %d rules: %v", len(rules), err)
	}
	const base = 64
	layout, bytes := engine.Encode(base)
	if len(bytes) != engine.Stats().Bytes {
		t.Fatalf("encoded engine has %d bytes, its statistics say %d", len(bytes), engine.Stats().Bytes)
	}
	return image{append(make([]byte, base), bytes...), layout, s}
}

func (m image) label(text string) Label {
	return Walk(m.table, m.layout, m.syntax, []byte(text))
}

func TestAutomataAgreeWithRegexpOnRealisticRules(t *testing.T) {
	for name, tc := range map[string]struct {
		syntax Syntax
		rules  []Rule
		near   func(draw, []Rule) string
		texts  int
	}{
		"paths-without-excepts":    {Path, pathRules(1, 120, 20, 0), draw.pathNear, 8_000},
		"paths-with-excepts":       {Path, pathRules(2, 200, 10, 60), draw.pathNear, 8_000},
		"paths-in-one-group":       {Path, pathRules(3, 100, 1, 50), draw.pathNear, 8_000},
		"command-lines":            {Line, lineRules(4, 150, 40), draw.lineNear, 8_000},
		"command-lines-few-groups": {Line, lineRules(5, 100, 3), draw.lineNear, 10_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, judge, image := newDraw(99), newJudge(tc.syntax, tc.rules), mustCompile(t, tc.syntax, tc.rules)
			labelled := 0
			for range tc.texts {
				text := tc.near(d, tc.rules)
				want := judge.label(text)
				if got := image.label(text); got != want {
					t.Fatalf("%q: label %x, want %x", text, got, want)
				}
				if !want.Empty() {
					labelled++
				}
			}
			if labelled < tc.texts/4 {
				t.Errorf("only %d of %d texts match anything", labelled, tc.texts)
			}
		})
	}
}

func TestAutomataAgreeWithRegexpOnAwkwardRules(t *testing.T) {
	t.Parallel()
	d := newDraw(7)
	for range 220 {
		rules := awkwardRules(d)
		judge, image := newJudge(Path, rules), mustCompile(t, Path, rules)
		for range 400 {
			text := d.awkwardPath()
			want := judge.label(text)
			if got := image.label(text); got != want {
				t.Fatalf("%q: label %x, want %x by\n%+v", text, got, want, rules)
			}
			if d.IntN(20) == 0 && naive(Path, rules, text) != want {
				t.Fatalf("%q: naive label %x, want %x by\n%+v", text, naive(Path, rules, text), want, rules)
			}
		}
	}
}

func TestAutomataAgreeWithRegexpOnAwkwardLines(t *testing.T) {
	d := newDraw(8)
	for range 60 {
		var rules []Rule
		for i := range 4 + d.IntN(6) {
			rule := Rule{ID: "r", Group: i * 25, Match: []string{d.awkwardLine(), d.awkwardLine()}}
			if d.IntN(2) == 0 {
				rule.Except = []string{d.awkwardLine()}
			}
			rules = append(rules, rule)
		}
		judge, image := newJudge(Line, rules), mustCompile(t, Line, rules)
		for range 300 {
			text := strings.ReplaceAll(d.awkwardPath(), "/", d.of("", " ", "/"))
			want := judge.label(text)
			if got := image.label(text); got != want {
				t.Fatalf("%q: label %x, want %x by\n%+v", text, got, want, rules)
			}
			if got := naive(Line, rules, text); got != want {
				t.Fatalf("%q: naive label %x, want %x by\n%+v", text, got, want, rules)
			}
		}
	}
}

// awkwardLine draws a glob over the letters of awkwardPath.
func (d draw) awkwardLine() string {
	var b strings.Builder
	for range 1 + d.IntN(4) {
		b.WriteString(d.of("a", "b", "*", "a*", "*b", "?", "{a,b*}", "[ab]", "é", "??", "**", "c[!a]", "x*"))
	}
	return b.String()
}
