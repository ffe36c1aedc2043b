// SPDX-License-Identifier: Apache-2.0

// The promise of the package: the automata say what the globs mean. The judge is Go's regexp, by a translation that shares
// nothing with the parser; the automata and the naive matcher must both agree with it.

package match

import (
	"encoding/binary"
	"regexp"
	"strings"
	"testing"
)

// judge is a rule set as regular expressions, one per glob.
type judge []judgedRule

type judgedRule struct {
	group         int
	match, except []*regexp.Regexp
}

func newJudge(s Syntax, rules []Rule) judge {
	compile := func(globs []string) (all []*regexp.Regexp) {
		for _, glob := range globs {
			all = append(all, regexp.MustCompile(expression(s, glob)))
		}
		return all
	}
	var j judge
	for _, r := range rules {
		j = append(j, judgedRule{r.Group, compile(r.Match), compile(r.Except)})
	}
	return j
}

func (j judge) label(text string) Label {
	some := func(list []*regexp.Regexp) bool {
		for _, r := range list {
			if r.MatchString(text) {
				return true
			}
		}
		return false
	}
	var l Label
	for _, r := range j {
		if some(r.match) && !some(r.except) {
			l = l.with(r.group)
		}
	}
	return l
}

// expression translates a well-formed glob without escapes.
func expression(s Syntax, glob string) string {
	var all []string
	for _, g := range unbrace(glob) {
		if s == Line {
			all = append(all, elements(g, `.`, ``))
		} else {
			all = append(all, components(g))
		}
	}
	return `(?s)\A(?:` + strings.Join(all, `|`) + `)\z`
}

// unbrace expands braces from the left, as text.
func unbrace(glob string) []string {
	open := strings.IndexByte(glob, '{')
	if open < 0 {
		return []string{glob}
	}
	var all []string
	begin, depth := open+1, 1
	for i := begin; ; i++ {
		switch c := glob[i]; {
		case c == '{':
			depth++
		case c == '}':
			depth--
		}
		if depth == 0 || depth == 1 && glob[i] == ',' {
			all = append(all, glob[:open]+glob[begin:i]+"\x00")
			begin = i + 1
		}
		if depth == 0 {
			break
		}
	}
	after := glob[begin:]
	var expanded []string
	for _, a := range all {
		expanded = append(expanded, unbrace(strings.TrimSuffix(a, "\x00")+after)...)
	}
	return expanded
}

func components(glob string) string {
	parts := strings.Split(strings.TrimPrefix(glob, "/"), "/")
	if strings.Trim(glob, "*/") == "" && strings.Contains(glob, "**") && !strings.Contains("/"+glob+"/", "/*/") {
		return `/.*`
	}
	var b strings.Builder
	for i, part := range parts {
		switch {
		case part == "**" && i == len(parts)-1:
			b.WriteString(`(?:/.*)?`)
		case part == "**":
			b.WriteString(`(?:/[^/]*)*`)
		case part == "*":
			b.WriteString(`/[^/]+`)
		default:
			b.WriteString(`/` + elements(part, `[^/]`, `/`))
		}
	}
	return b.String()
}

func elements(glob, wild, never string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b.WriteString(wild + `*`)
		case '?':
			b.WriteString(wild)
		case '[':
			end := i + strings.IndexByte(glob[i:], ']')
			inside := glob[i+1 : end]
			if strings.HasPrefix(inside, "!") {
				inside = `^` + never + inside[1:]
			}
			b.WriteString(`[` + inside + `]`)
			i = end
		default:
			if c < 0x80 {
				b.WriteString(regexp.QuoteMeta(string(rune(c))))
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

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
		"paths-without-excepts":    {Path, pathRules(1, 150, 20, 0), draw.pathNear, 15_000},
		"paths-with-excepts":       {Path, pathRules(2, 200, 10, 60), draw.pathNear, 15_000},
		"paths-in-one-group":       {Path, pathRules(3, 100, 1, 50), draw.pathNear, 10_000},
		"command-lines":            {Line, lineRules(4, 150, 40), draw.lineNear, 15_000},
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
	for range 150 {
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

// Each fault breaks the encoded table or the way it is walked; the texts of the tests above must be able to tell.
func TestPlantedFaultsAreSeen(t *testing.T) {
	const texts = 2500
	rules := pathRules(2, 200, 10, 60)
	judge, whole := newJudge(Path, rules), mustCompile(t, Path, rules)
	stride := (whole.layout.Words + 2) * 8
	patched := func(patch func(table []byte)) image {
		m := whole
		m.table = append([]byte(nil), whole.table...)
		patch(m.table)
		return m
	}
	eachRow := func(table []byte, patch func(row []byte)) {
		classes := 0
		for _, column := range whole.layout.Column {
			classes = max(classes, (int(column)-rowHeader)/wordBytes+1)
		}
		size := rowHeader + wordBytes*classes
		for at := int(whole.layout.Start[0]); at+size <= int(whole.layout.Masks); at += size {
			patch(table[at : at+size])
		}
	}
	eachMask := func(table []byte, patch func(mask []byte)) {
		for at := whole.layout.Masks; at < whole.layout.Folds; at += stride {
			patch(table[at : at+stride])
		}
	}
	for name, faulty := range map[string]image{
		"emissions-ignored": patched(func(table []byte) {
			eachRow(table, func(row []byte) { row[2], row[3] = 0, 0 })
		}),
		"accepts-ignored": patched(func(table []byte) {
			eachRow(table, func(row []byte) { row[0], row[1] = 0, 0 })
		}),
		"atoms-never-match": patched(func(table []byte) {
			eachMask(table, func(mask []byte) { clear(mask[8:16]) })
		}),
		"excepts-ignored": patched(func(table []byte) {
			eachMask(table, func(mask []byte) { clear(mask[16:24]) })
		}),
		"one-byte-read-as-another": patched(func(table []byte) {
			eachRow(table, func(row []byte) {
				from, to := whole.layout.Column['a'], whole.layout.Column['o']
				binary.LittleEndian.PutUint32(row[to:], binary.LittleEndian.Uint32(row[from:]))
			})
		}),
	} {
		t.Run(name, func(t *testing.T) {
			d, mismatches := newDraw(99), 0
			for range texts {
				text := d.pathNear(rules)
				if faulty.label(text) != judge.label(text) {
					mismatches++
				}
			}
			if mismatches == 0 {
				t.Error("no text shows the fault")
			}
			t.Logf("%d of %d texts show the fault", mismatches, texts)
		})
	}
}
