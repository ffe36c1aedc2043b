// SPDX-License-Identifier: Apache-2.0

// This file is what happens to one file of a unit: which analyser reads it, and what is remembered for the whole.

package scan

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"path"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/binary"
	"github.com/reeve-sensor/reeve/sensor/scan/config"
	"github.com/reeve-sensor/reeve/sensor/scan/depend"
	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/judge"
	"github.com/reeve-sensor/reeve/sensor/scan/secret"
	"github.com/reeve-sensor/reeve/sensor/scan/taint"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
	"github.com/reeve-sensor/reeve/sensor/scan/unpack"
)

// examination is one scan of one unit.
type examination struct {
	*Scanner
	unit   Unit
	ctx    context.Context
	report Report
	hash   hash.Hash
	about  about
	tools  map[string][]toolAt // by name
	python map[string][]byte   // sources, for the bytecode beside them
	pyc    map[string][]byte
	parts  []part // scripts

	last    string // the file that is read
	decoded int    // bytes that came out of encodings
	placed  int    // texts that were looked for in the file that is read
}

// about is what a unit says of itself, and what it does.
type about struct {
	claims   []claim
	front    text.Front
	file     string
	acts     taint.Act
	where    map[taint.Act]finding.Finding // the first place of each act
	security bool
}

// toolAt is a tool's description in a file.
type toolAt struct{ file, about string }

func newExamination(s *Scanner, u Unit) *examination {
	return &examination{
		Scanner: s, unit: u, hash: sha256.New(), report: Report{Unit: u.Root, Tools: map[string]string{}},
		about: about{where: map[taint.Act]finding.Finding{}}, tools: map[string][]toolAt{}, python: map[string][]byte{}, pyc: map[string][]byte{},
	}
}

// stumbled is what is told of a file that an analyser failed on. The fuzz target looks for it.
const stumbled = "an analyser failed"

// maxFindings bounds what is kept of one unit. More do not change what is to be done with it.
const maxFindings = 5000

func (x *examination) tell(f finding.Finding) {
	if len(x.report.Findings) < maxFindings {
		x.report.Findings = append(x.report.Findings, f)
	}
}

// tellAlways tells what must not be lost among many.
func (x *examination) tellAlways(f finding.Finding) {
	x.report.Findings = append(x.report.Findings, f)
}

func (x *examination) context() judge.Context { return judge.Context{Security: x.about.security} }

// file is one file or member, whole.
func (x *examination) file(ctx context.Context, f unpack.File) {
	x.ctx, x.placed = ctx, 0
	// A file that an analyser stumbles over was perhaps made for that: the rest is judged, and this one is told as unread.
	defer func() {
		if fault := recover(); fault != nil {
			x.tell(finding.Finding{Rule: unpack.RuleUnread, File: f.Name, Place: finding.Code, Detail: fmt.Sprintf("%s: %v", stumbled, fault)})
		}
	}()
	x.report.Files++
	x.last = f.Name
	x.report.Bytes += int64(len(f.Data))
	fmt.Fprintf(x.hash, "%d:%s%d:", len(f.Name), f.Name, len(f.Data))
	x.hash.Write(f.Data)
	k := classify(f.Name, f.Data)
	switch kind := binary.Sniff(f.Name, f.Data); kind {
	case binary.None:
		x.text(f, k)
	case binary.Medium:
		x.polyglot(f)
	case binary.Pyc:
		x.pyc[f.Name] = f.Data
	default:
		x.binary(f, kind, k)
	}
}

// polyglot looks for text in what is shown: a picture may end in a script.
func (x *examination) polyglot(f unpack.File) {
	p := text.Piece{File: f.Name, Text: binary.Strings(f.Data), Line: 1, Place: finding.Hidden, How: "in a picture or a document", Fixed: true}
	x.Rules.Words(x.ctx, &p, x.tell)
	p.Lang = "strings"
	x.Rules.Patterns(x.ctx, &p, x.tell)
}

// quietNames are names of files that nobody runs.
var quietNames = map[string]bool{".txt": true, ".md": true, ".json": true, ".yaml": true, ".yml": true, ".csv": true, ".png": true, ".jpg": true, ".jpeg": true,
	".gif": true, ".svg": true, ".pdf": true, ".html": true, ".css": true, ".js": true, ".py": true, ".ico": true, ".webp": true, ".log": true, ".doc": true, ".docx": true, ".xml": true, ".dat": true, ".ttf": true, ".woff": true}

func (x *examination) binary(f unpack.File, kind binary.Kind, k fileKind) {
	faults := binary.Look(kind, f.Name, f.Data)
	if kind != binary.Other && (quietNames[strings.ToLower(path.Ext(f.Name))] || strings.HasPrefix(path.Base(f.Name), ".")) {
		faults = append(faults, binary.Fault{Rule: "BIN-DISGUISED", Detail: string(kind) + " under the name " + path.Base(f.Name)})
	}
	for _, b := range faults {
		x.tell(finding.Finding{Rule: b.Rule, File: f.Name, Place: finding.Code, Detail: b.Detail})
	}
	if path.Base(f.Name) == "vbaProject.bin" {
		x.tell(finding.Finding{Rule: "ARC-MACRO", File: f.Name, Place: finding.Code, Detail: "a Visual Basic project"})
	}
	words := binary.Strings(f.Data)
	p := text.Piece{File: f.Name, Text: words, Line: 1, Lang: "strings", Place: finding.Code, Fixed: true}
	x.Rules.Patterns(x.ctx, &p, x.tell)
	if kind != binary.Other && strings.Contains(words, "/bin/sh") && taint.OfText(firstAddress(words)).Has(taint.Address) {
		x.tell(finding.Finding{Rule: "BIN-ADDRESS", File: f.Name, Place: finding.Code, Text: firstAddress(words), Detail: "a shell and an address"})
	}
}

func firstAddress(s string) string {
	at := strings.Index(s, "://")
	if at < 0 {
		return ""
	}
	from, to := lineBounds(s, at)
	return s[from:to]
}

func lineBounds(s string, at int) (from, to int) {
	from = strings.LastIndexByte(s[:at], '\n') + 1
	if to = strings.IndexByte(s[at:], '\n'); to < 0 {
		return from, len(s)
	}
	return from, at + to
}

// text is a file that people could read.
func (x *examination) text(f unpack.File, k fileKind) {
	clean := text.Reveal(text.Decode(f.Data))
	whole := text.Piece{File: f.Name, Text: clean.Text, Line: 1, Lang: k.lang, Place: k.place}
	x.marks(&whole, clean.Marks, false)
	if !k.lock {
		x.encoded(&whole, whole.Text)
		x.secrets(&whole)
	}
	x.part(&whole)
	switch k.lang {
	case "markdown":
		x.document(&whole)
	case "json", "toml":
		x.configuration(&whole, f.Data, k)
	case "html":
		x.page(&whole)
	default:
		x.piece(&whole)
	}
	switch base := path.Base(f.Name); {
	case k.lang == "python":
		x.python[f.Name] = f.Data
		x.startFile(&whole, base)
	case base == "requirements.txt" || base == "pyproject.toml":
		x.requirements(&whole)
	}
}

// marks tells what was hidden in a text, and reads it. lines says that offsets are lines already.
func (x *examination) marks(p *text.Piece, list []text.Mark, lines bool) {
	for _, m := range list {
		f := p.Finding(m.Rule, m.Offset, m.Seen, m.Detail)
		if lines {
			f.Line = m.Offset
		}
		if m.Hidden != "" {
			f.Detail += ": " + finding.Visible(m.Hidden)
		}
		if m.Rule == text.RuleHomoglyph && misleads(p, m.Seen) {
			f.Rule = "TXT-HOMOGLYPH-NAME"
		}
		x.tell(f)
		if m.Hidden != "" {
			x.hidden(text.Piece{File: p.File, Text: m.Hidden, Line: f.Line, Place: finding.Hidden, How: m.Detail, Depth: p.Depth + 1, Fixed: true}, "TXT-HIDDEN-ORDER")
		}
	}
}

// misleads says that a word of two alphabets is long enough to be a name, and letters of the other one stand within it: symbols
// of science stand alone, or before or behind a Latin word.
func misleads(p *text.Piece, word string) bool {
	letters, latin, changes, was := 0, 0, 0, -1
	for _, r := range word {
		is := 0
		if r < 0x250 {
			is = 1
			latin++
		}
		if was >= 0 && is != was {
			changes++
		}
		was = is
		letters++
	}
	return letters >= 5 && latin >= 3 && changes >= 2 && p.Place != finding.Test
}

// hidden reads a piece that people do not see. Where something is found in it, that it was hidden is told too.
func (x *examination) hidden(p text.Piece, rule string) {
	before := len(x.report.Findings)
	x.prose(&p)
	if p.Depth > 0 && p.Depth < text.MaxDepth {
		x.encoded(&p, p.Text)
	}
	code := p
	for _, lang := range guess(p.Text) {
		code.Lang = lang
		x.piece(&code)
	}
	for _, f := range x.report.Findings[before:] {
		if r := x.Rules.Rule(f.Rule); r != nil && r.Severity >= finding.Medium && f.Rule != rule && f.Rule != unpack.RuleUnread {
			x.tell(finding.Finding{Rule: rule, File: p.File, Line: p.Line, Place: p.Place, Text: p.Text, Detail: p.How})
			return
		}
	}
}

// guess says as which languages a text of unknown origin is read.
func guess(s string) []string {
	var list []string
	if likeShell(s) {
		list = append(list, "sh")
	}
	if strings.Contains(s, "import ") || strings.Contains(s, "exec(") || strings.Contains(s, "__import__") {
		list = append(list, "python")
	}
	if strings.Contains(s, "require(") || strings.Contains(s, "eval(") || strings.Contains(s, "process.env") || strings.Contains(s, "fetch(") {
		list = append(list, "javascript")
	}
	return list
}

// likeShell says that reading a text as shell is worth it.
func likeShell(s string) bool {
	for _, w := range []string{"curl", "wget", "bash", "sh ", "nc ", "base64", "python", "rm ", "chmod", "crontab", "/dev/tcp", "eval", "npx", "pip", "uvx", "sudo", "cat ", "env", "npm", "~/.", "docker", "--dangerously", "scp ", "ssh ", "dig ", "nslookup", "osascript", "node ", "claude ", "codex ", "history", "echo ", "security ", "secret-tool", "sqlite3", "git config", "git push", "git remote", "powershell", "socat", "tar "} {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// encoded decodes what is encoded in a text and reads that.
func (x *examination) encoded(p *text.Piece, s string) {
	all := text.Encoded(x.ctx, s, func(d text.Decoded) bool {
		x.decoded += len(d.Data)
		if x.decoded <= maxDecoded {
			x.decode(p, &d)
		}
		return x.decoded <= maxDecoded
	})
	if !all && x.ctx.Err() == nil {
		x.tell(finding.Finding{Rule: unpack.RuleUnread, File: p.File, Place: p.Place, Detail: "more encoded text than is decoded"})
	}
}

// maxDecoded bounds what comes out of one unit's encodings: a few kilobytes can be packed to hold as much each, in every layer.
const maxDecoded = 64 << 20

// decode reads one run of encoded text.
func (x *examination) decode(p *text.Piece, d *text.Decoded) {
	line := p.LineAt(d.Offset)
	switch {
	case d.Text == "":
		x.tell(finding.Finding{Rule: "TXT-DECODED-PROGRAM", File: p.File, Line: line, Place: p.Place, Text: d.Seen, Detail: d.How})
	case p.Depth+1 >= text.MaxDepth:
		x.tell(finding.Finding{Rule: text.RuleDeep, File: p.File, Line: line, Place: p.Place, Text: d.Seen, Detail: d.How})
	default:
		x.hidden(text.Piece{File: p.File, Text: text.Reveal(d.Text).Text, Line: line, Place: x.decodedPlace(p), How: "in " + d.How, Depth: p.Depth + 1, Fixed: true}, text.RuleEncoded)
	}
}

// place is where a text stands in a piece, 0 where that is not looked for any more.
func (x *examination) place(p *text.Piece, s string) int {
	if x.placed++; x.placed > maxPlaced {
		return 0
	}
	return max(0, strings.Index(p.Text, s))
}

// decodedPlace is where decoded text counts as standing: in tests and documents it is an example.
func (x *examination) decodedPlace(p *text.Piece) finding.Place {
	if p.Place == finding.Test || p.Place == finding.Document {
		return p.Place
	}
	return finding.Hidden
}

func (x *examination) secrets(p *text.Piece) {
	for _, s := range secret.Find(x.ctx, p.Text) {
		rule := "SEC-KNOWN"
		if s.Rule == "generic-api-key" {
			rule = "SEC-LITERAL"
		}
		x.tell(p.Finding(rule, s.Offset, s.Text, s.About))
	}
}

// prose asks the rules.
func (x *examination) prose(p *text.Piece) {
	x.Rules.Words(x.ctx, p, x.tell)
	x.Rules.Patterns(x.ctx, p, x.tell)
}

// requirements judges the names of Python packages.
func (x *examination) requirements(p *text.Piece) {
	n := -1
	for line := range strings.SplitSeq(p.Text, "\n") {
		if n++; x.ctx.Err() != nil {
			return
		}
		for _, w := range requirement.FindAllStringSubmatch(line, 4) {
			if f, ok := depend.Name("pypi", w[1]); ok {
				x.tell(finding.Finding{Rule: f.Rule, File: p.File, Line: n + 1, Place: p.Place, Text: line, Detail: f.Detail})
			}
		}
		for _, f := range depend.Line("pip install " + strings.TrimSpace(line)) {
			if f.Rule == "DEP-INDEX" || f.Rule == "DEP-SOURCE" {
				x.tell(finding.Finding{Rule: f.Rule, File: p.File, Line: n + 1, Place: p.Place, Text: line, Detail: f.Detail})
			}
		}
	}
}

// configuration is a file that agents, servers or packages are configured by.
func (x *examination) configuration(p *text.Piece, data []byte, k fileKind) {
	r, ok := config.Read(x.ctx, k.lang, p.File, data)
	x.Rules.Patterns(x.ctx, p, x.tell)
	if !ok {
		if r.Large {
			x.tell(p.Finding("CFG-LARGE", 0, "", "it is read as text"))
			whole := *p
			whole.Lang = "" // what its descriptions say is meant for agents, whatever is around them
			x.prose(&whole)
			return
		}
		x.Rules.Words(x.ctx, p, x.tell)
		return
	}
	for _, f := range r.Faults {
		x.tell(p.Finding(f.Rule, x.place(p, f.Seen), f.Seen, f.Detail))
	}
	for _, c := range r.Commands {
		x.command(p, c)
	}
	for _, t := range r.Tools {
		x.tool(p, t.Name, t.About, t.Offset, t.Texts)
	}
	for _, s := range r.Texts {
		place := p.Place
		if len(r.Tools) > 0 || len(r.Servers) > 0 {
			place = finding.Tool
		}
		x.described(p, s, x.place(p, s), place)
	}
	for _, d := range r.Packages {
		x.dependency(p, d, "DEP-TYPOSQUAT")
	}
	if r.Package.Name != "" {
		x.dependency(p, r.Package, "DEP-SELF-TYPOSQUAT")
	}
}

func (x *examination) dependency(p *text.Piece, d config.Package, rule string) {
	if f, ok := depend.Name(d.Registry, d.Name); ok {
		x.tell(p.Finding(rule, x.place(p, `"`+d.Name+`"`), d.Name, f.Detail))
	}
}

// command is a command line of a configuration. Nobody is asked before it is run.
func (x *examination) command(p *text.Piece, c config.Command) {
	inner := text.Piece{File: p.File, Text: c.Text, Line: p.LineAt(c.Offset), Lang: "sh", Place: p.Place, How: c.Why, Fixed: true}
	acts := x.shell(&inner)
	switch {
	case strings.HasPrefix(c.Why, "hook ") && acts.Has(taint.Network):
		x.tell(inner.Finding("CFG-HOOK-NETWORK", 0, c.Text, ""))
	case strings.HasPrefix(c.Why, "hook "):
		x.tell(inner.Finding("CFG-HOOK", 0, c.Text, ""))
	case strings.HasPrefix(c.Why, "script ") && c.Auto:
		x.tell(inner.Finding("CFG-INSTALL-SCRIPT", 0, c.Text, ""))
	}
}

// tool is what a server offers.
func (x *examination) tool(p *text.Piece, name, about string, offset int, texts []string) {
	x.report.Tools[name] = digest(append([]string{about}, texts...)...)
	x.tools[name] = append(x.tools[name], toolAt{p.File, about})
	x.described(p, about, offset, finding.Tool)
	for _, s := range texts {
		x.described(p, s, x.place(p, s), finding.Tool)
	}
}

// described is a text that an agent reads about something.
func (x *examination) described(p *text.Piece, s string, offset int, place finding.Place) {
	clean := text.Reveal(s)
	inner := text.Piece{File: p.File, Text: clean.Text, Line: p.LineAt(offset), Place: place, Fixed: true, Depth: p.Depth}
	if p.Place == finding.Test {
		inner.Place = finding.Test
	}
	x.marks(&inner, clean.Marks, false)
	x.prose(&inner)
	if strings.Contains(s, "`") {
		d := text.Markdown(x.ctx, p.File, clean.Text, inner.Place)
		for _, piece := range d.Pieces {
			if piece.Lang != "" {
				piece.Line, piece.Fixed = inner.Line, true
				x.piece(&piece)
			}
		}
	}
}
