// SPDX-License-Identifier: Apache-2.0

// This file joins what no single file shows: a script that reads credentials, and another one that sends, where the two work
// together. The analysers follow data within a file; between files it is enough that one names the other, that a third names
// both, or that one writes a file which the other one names.

package scan

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/taint"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

// part is a script of a unit, as far as it matters to the others.
type part struct {
	file string
	text string
	acts taint.Act
}

// bound: parts are compared in pairs, and their texts kept until the end. Scripts are shorter and fewer; beyond these, ways
// between files are not seen.
const (
	maxParts    = 200
	maxPartText = 256 << 10
)

// scripts are the languages whose acts are known.
var scripts = map[string]bool{"sh": true, "python": true, "javascript": true}

// part notes a script, before it is read.
func (x *examination) part(p *text.Piece) {
	if p.Place == finding.Code && scripts[p.Lang] && len(x.parts) < maxParts && len(p.Text) <= maxPartText {
		x.parts = append(x.parts, part{file: p.File, text: p.Text})
	}
}

// does notes what a script does, or a piece of it.
func (x *examination) does(file string, a taint.Act) {
	if n := len(x.parts); n > 0 && x.parts[n-1].file == file {
		x.parts[n-1].acts |= a
	}
}

// takes are rules that tell where credentials are read. The whole environment is none: it is read for every child.
var takes = []string{"COD-SECRET-READ", "SH-SECRET-READ"}

// linked tells each script that reads credentials for another one that sends. It ends early with its context.
func (x *examination) linked() {
	l, seen := newLinks(x.ctx, x.parts), map[string]bool{}
	for _, f := range slices.Clone(x.report.Findings) {
		if f.Place != finding.Code || seen[f.File] || !slices.Contains(takes, f.Rule) {
			continue
		}
		seen[f.File] = true
		source := slices.IndexFunc(x.parts, func(p part) bool { return p.file == f.File })
		if source < 0 {
			continue
		}
		if sink, by := l.sink(source); by != "" {
			f.Rule, f.Detail = "COD-PARTS-SENT", by+"; what goes out goes in "+x.parts[sink].file
			x.tell(f)
		}
	}
}

// links is how the scripts of a unit name each other. Their texts are long, and two of them are asked about for each pair, and
// again for each third: what a look through a text has shown is kept.
type links struct {
	ctx     context.Context
	parts   []part
	named   map[[2]int]bool
	imports map[int][]string // lines
	data    map[int][]string // names of files
}

func newLinks(ctx context.Context, parts []part) *links {
	return &links{ctx: ctx, parts: parts, named: map[[2]int]bool{}, imports: map[int][]string{}, data: map[int][]string{}}
}

// once is what a look through a text shows. The context is asked before each: behind its end nothing more is found.
func once[K comparable, V any](ctx context.Context, known map[K]V, key K, look func() V) V {
	v, ok := known[key]
	if !ok && ctx.Err() == nil {
		v = look()
		known[key] = v
	}
	return v
}

// sink is the first script that sends and works together with another one, and how they do; no words where there is none.
func (l *links) sink(source int) (sink int, by string) {
	for i := range l.parts {
		if l.ctx.Err() != nil {
			break
		}
		if i != source && l.parts[i].acts.Has(taint.Sends) {
			if by := l.together(source, i); by != "" {
				return i, by
			}
		}
	}
	return 0, ""
}

// together says how two scripts work together, nothing where they do not.
func (l *links) together(a, b int) string {
	first, second := &l.parts[a], &l.parts[b]
	switch {
	case l.names(a, b):
		return first.file + " runs or imports " + second.file
	case l.names(b, a):
		return second.file + " runs or imports " + first.file
	}
	for i := range l.parts {
		if c := l.parts[i].file; c != first.file && c != second.file && l.names(i, a) && l.names(i, b) {
			return c + " runs or imports both"
		}
	}
	if !first.acts.Has(taint.Writes) {
		return ""
	}
	for _, name := range l.dataFiles(a) {
		if slices.Contains(l.dataFiles(b), name) {
			return "both have the file " + finding.Visible(name)
		}
	}
	return ""
}

// names says that a script imports another one, or names it as a program.
func (l *links) names(a, b int) bool {
	return once(l.ctx, l.named, [2]int{a, b}, func() bool {
		base, stem := called(l.parts[b].file)
		return mentions(l.parts[a].text, base) || stem != "" && l.has(a, stem)
	})
}

// has says that a script imports a module of a name.
func (l *links) has(a int, stem string) bool {
	lines := once(l.ctx, l.imports, a, func() []string { return importLine.FindAllString(l.parts[a].text, 500) })
	return slices.ContainsFunc(lines, func(line string) bool { return mentions(line, stem) })
}

func (l *links) dataFiles(a int) []string {
	return once(l.ctx, l.data, a, func() []string { return dataFiles(l.parts[a].text) })
}

// called is what others call a script: as a program, and as a module, where it can be one.
func called(file string) (base, stem string) {
	base = path.Base(pathOf(file))
	stem = strings.TrimSuffix(base, path.Ext(base))
	if stem == "__init__" || stem == "index" {
		stem = path.Base(path.Dir(pathOf(file)))
	}
	if stem == base || len(stem) < 2 {
		return base, ""
	}
	return base, stem
}

// mentions says that a name stands in a text with nothing of a longer name around it.
func mentions(s, name string) bool {
	for at := 0; ; at++ {
		next := strings.Index(s[at:], name)
		if next < 0 {
			return false
		}
		at += next
		end := at + len(name)
		if (at == 0 || !nameLetter(s[at-1])) && (end == len(s) || !nameLetter(s[end])) {
			return true
		}
	}
}

func nameLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// importLine is a line that takes something from another module, in Python or JavaScript.
var importLine = regexp.MustCompile(`(?m)^[ \t]*(?:from|import|export)\b.*$|\brequire\([^)\n]*\)|\bimport(?:_module)?\([^)\n]*\)`)

// dataFile is a path, or a name with the ending of data, as a constant.
var dataFile = regexp.MustCompile(`(?:/tmp|/var/tmp|/dev/shm|~|\$HOME|\.{1,2})?(?:/[\w.-]+)+|\b[\w-]+\.(?:txt|json|dat|log|zip|tar|tgz|gz|enc|tmp|bin|db|csv|out|pkl)\b`)

// common are files that many scripts have without working together.
var common = regexp.MustCompile(`(?i)^/(?:dev/(?:null|tty|stdin|stdout|stderr)|usr|bin|etc|opt|v\d|api)\b|^/\w+$|(?:^|/)(?:package|tsconfig|config|settings|manifest|requirements)\.\w+$`)

func dataFiles(s string) []string {
	var list []string
	for _, name := range dataFile.FindAllString(s, 500) {
		if len(name) >= 6 && !common.MatchString(name) && !taint.OfText(name).Has(taint.SecretPath|taint.SystemPath) && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}
