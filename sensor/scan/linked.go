// SPDX-License-Identifier: Apache-2.0

// This file joins what no single file shows: a script that reads credentials, and another one that sends, where the two work
// together. The analysers follow data within a file; between files it is enough that one names the other, that a third names both, or
// that one writes a file which the other one names.

package scan

import (
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

// bound: parts are compared in pairs, and their texts kept until the end. Scripts are shorter and fewer; beyond these, ways between
// files are not seen.
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

// linked tells each script that reads credentials for another one that sends.
func (x *examination) linked() {
	told := map[string]bool{}
	for _, f := range slices.Clone(x.report.Findings) {
		if f.Place != finding.Code || told[f.File] || !slices.Contains(takes, f.Rule) {
			continue
		}
		source := slices.IndexFunc(x.parts, func(p part) bool { return p.file == f.File })
		if source < 0 {
			continue
		}
		for i := range x.parts {
			sink := &x.parts[i]
			if i == source || !sink.acts.Has(taint.Sends) || x.ctx.Err() != nil {
				continue
			}
			if by := x.together(&x.parts[source], sink); by != "" {
				told[f.File] = true
				f.Rule, f.Detail = "COD-PARTS-SENT", by+"; what goes out goes in "+sink.file
				x.tell(f)
				break
			}
		}
	}
}

// together says how two scripts work together, nothing where they do not.
func (x *examination) together(a, b *part) string {
	switch {
	case names(a, b):
		return a.file + " runs or imports " + b.file
	case names(b, a):
		return b.file + " runs or imports " + a.file
	}
	for i := range x.parts {
		if c := &x.parts[i]; c.file != a.file && c.file != b.file && names(c, a) && names(c, b) {
			return c.file + " runs or imports both"
		}
	}
	if !a.acts.Has(taint.Writes) {
		return ""
	}
	theirs := dataFiles(b.text)
	for _, name := range dataFiles(a.text) {
		if slices.Contains(theirs, name) {
			return "both have the file " + finding.Visible(name)
		}
	}
	return ""
}

// names says that a script imports another one, or names it as a program.
func names(a, b *part) bool {
	base := path.Base(pathOf(b.file))
	stem := strings.TrimSuffix(base, path.Ext(base))
	if stem == "__init__" || stem == "index" {
		stem = path.Base(path.Dir(pathOf(b.file)))
	}
	if stem == base || len(stem) < 2 {
		return mentions(a.text, base)
	}
	return mentions(a.text, base) || imports(a.text, stem)
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

func imports(s, stem string) bool {
	for _, line := range importLine.FindAllString(s, 500) {
		if mentions(line, stem) {
			return true
		}
	}
	return false
}

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
