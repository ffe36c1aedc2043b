// SPDX-License-Identifier: Apache-2.0

// This file is what a rule is, and how the tables are read.

package rule

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
)

//go:embed data/*.toml
var builtin embed.FS

// Rule is one thing that the scanner knows.
type Rule struct {
	ID         string           `toml:"id"`
	Title      string           `toml:"title"`
	Family     string           `toml:"family"` // the kind of threat, as reports group it
	Severity   finding.Severity `toml:"severity"`
	Taxonomies []string         `toml:"taxonomies"` // beyond the family's: OWASP AST and ASI, LLM Top 10, ATLAS, AITech, SAFE-T
	Why        string           `toml:"why"`        // why it matters
	Do         string           `toml:"do"`         // what to do; the family's where it is empty
	By         string           `toml:"by"`         // the analyser that tells it; empty where this package does
	In         []string         `toml:"in"`         // kinds of text: prose, code, a language, a place; empty for all prose
	Span       string           `toml:"span"`       // sentence (default) or paragraph
	When       []string         `toml:"when"`
	Unless     []string         `toml:"unless"`
	Match      []string         `toml:"match"`    // regular expressions, on the text as it stands
	Literals   []string         `toml:"literals"` // of which one stands in everything that Match matches
	True       []Example        `toml:"true"`
	False      []Example        `toml:"false"`

	when, unless []clause
	match        []*regexp.Regexp
}

// Example is a small file that a rule must find something in, or nothing.
type Example struct {
	File string `toml:"file"` // SKILL.md where it is empty
	Text string `toml:"text"`
}

// file is one table of the data folder.
type file struct {
	Class  map[string][]string `toml:"class"`
	Family map[string]*Family  `toml:"family"`
	Rule   []*Rule             `toml:"rule"`
}

// Family is a kind of threat: what all its rules say, unless they say otherwise.
type Family struct {
	Title      string   `toml:"title"`
	Taxonomies []string `toml:"taxonomies"`
	Do         string   `toml:"do"`
}

// Set is all rules, compiled.
type Set struct {
	Rules    []*Rule
	Families map[string]*Family
	byID     map[string]*Rule
	classes  map[string]int // number of each class of words
	words    *automaton
	marks    *automaton // literals of patterns
}

// Builtin reads the rules in the binary. A fault in them is a fault of the build, and a test finds it.
func Builtin() (*Set, error) { return Load(builtin, "data") }

// Text is all tables in the binary, as they are written.
func Text() string {
	var b strings.Builder
	entries, _ := builtin.ReadDir("data") // embedded: it is there
	for _, e := range entries {
		data, _ := builtin.ReadFile(path.Join("data", e.Name()))
		b.WriteString(e.Name())
		b.Write(data)
	}
	return b.String()
}

// Load reads every table of a folder. The error is all faults at once.
func Load(fsys fs.FS, dir string) (*Set, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	s := &Set{Families: map[string]*Family{}, byID: map[string]*Rule{}, classes: map[string]int{}}
	var errs []error
	phrases := map[string][]string{}
	for _, e := range entries {
		var f file
		meta, err := toml.DecodeFS(fsys, path.Join(dir, e.Name()), &f)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e.Name(), err))
			continue
		}
		for _, k := range meta.Undecoded() {
			errs = append(errs, fmt.Errorf("%s: unknown key %s", e.Name(), k))
		}
		for name, list := range f.Class {
			phrases[name] = append(phrases[name], list...)
		}
		maps.Copy(s.Families, f.Family)
		s.Rules = append(s.Rules, f.Rule...)
	}
	b := builder{set: s, phrases: phrases}
	errs = append(errs, b.build()...)
	return s, errors.Join(errs...)
}

// Rule is the rule of an id, nil where there is none.
func (s *Set) Rule(id string) *Rule { return s.byID[id] }

// applies says whether a rule looks at a kind of text.
func (r *Rule) applies(lang string, place finding.Place) bool {
	if len(r.In) == 0 {
		return lang == "" || lang == "prose"
	}
	for _, in := range r.In {
		switch in {
		case "any", lang, string(place):
			return true
		case "prose":
			if lang == "" || lang == "prose" {
				return true
			}
		case "code":
			if lang != "" && lang != "prose" {
				return true
			}
		}
	}
	return false
}

// builder compiles a set and collects what is wrong with it.
type builder struct {
	set     *Set
	phrases map[string][]string
	errs    []error
	words   []phrase
}

// phrase is words of one class.
type phrase struct {
	text  string
	stem  bool // more letters may follow
	class int
}

func (b *builder) fault(r *Rule, format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf("rule %s: %s", r.ID, fmt.Sprintf(format, args...)))
}

func (b *builder) build() []error {
	names := make([]string, 0, len(b.phrases))
	for name := range b.phrases {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, p := range b.phrases[name] {
			b.phrase(p, b.class("@"+name))
		}
	}
	slices.SortFunc(b.set.Rules, func(x, y *Rule) int { return strings.Compare(x.ID, y.ID) })
	var literals []phrase
	for i, r := range b.set.Rules {
		if b.set.byID[r.ID] != nil {
			b.fault(r, "a second one with this id")
		}
		b.set.byID[r.ID] = r
		b.rule(r)
		for _, l := range r.Literals {
			literals = append(literals, phrase{text: strings.ToLower(l), stem: true, class: i})
		}
	}
	b.set.words = newAutomaton(b.words)
	b.set.marks = newAutomaton(literals)
	return b.errs
}

func (b *builder) class(name string) int {
	n, ok := b.set.classes[name]
	if !ok {
		n = len(b.set.classes)
		b.set.classes[name] = n
	}
	return n
}

func (b *builder) phrase(text string, class int) {
	p := phrase{text: strings.ToLower(text), class: class}
	p.text, p.stem = strings.CutSuffix(p.text, "*")
	if len(p.text) > longest {
		b.errs = append(b.errs, fmt.Errorf("phrase %q: longer than %d bytes", p.text, longest))
	}
	b.words = append(b.words, p)
}

func (b *builder) rule(r *Rule) {
	if r.ID == "" || r.Title == "" || r.Why == "" {
		b.fault(r, "id, title and why are needed")
	}
	if f := b.set.Families[r.Family]; f == nil {
		b.fault(r, "no family %q", r.Family)
	} else {
		r.Do = cmp.Or(r.Do, f.Do)
		r.Taxonomies = append(slices.Clone(f.Taxonomies), r.Taxonomies...)
	}
	if r.By == "" && len(r.When) == 0 && len(r.Match) == 0 {
		b.fault(r, "neither when nor match, and no analyser that tells it")
	}
	if len(r.Match) > 0 && len(r.Literals) == 0 {
		b.fault(r, "match without literals would run on every text")
	}
	r.when, r.unless = b.clauses(r, r.When), b.clauses(r, r.Unless)
	for _, m := range r.Match {
		re, err := regexp.Compile(m)
		if err != nil {
			b.fault(r, "match: %v", err)
			continue
		}
		r.match = append(r.match, re)
	}
}

// Literal is words that rules look for, and whose they are: a class of the lexicon, or a rule.
type Literal struct{ Text, Of string }

// Literals are all words and literals of the set, for those who ask where they are from.
func (s *Set) Literals() []Literal {
	names := make([]string, len(s.classes))
	for name, n := range s.classes {
		names[n] = name
	}
	var list []Literal
	for _, same := range s.words.phrases {
		for _, p := range same {
			list = append(list, Literal{p.text, names[p.class]})
		}
	}
	for _, same := range s.marks.phrases {
		for _, p := range same {
			list = append(list, Literal{p.text, s.Rules[p.class].ID})
		}
	}
	return list
}
