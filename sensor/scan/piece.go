// SPDX-License-Identifier: Apache-2.0

// This file is what happens to one piece of text: prose to the rules, code to its analyser, and what is in the code once more.

package scan

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/code"
	"github.com/reeve-sensor/reeve/sensor/scan/depend"
	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/shell"
	"github.com/reeve-sensor/reeve/sensor/scan/taint"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

// inlineCommand is a command that an agent's loader runs before the agent has read anything.
var inlineCommand = regexp.MustCompile("!`([^`\n]+)`")

// document is Markdown.
func (x *examination) document(p *text.Piece) {
	d := text.Markdown(x.ctx, p.File, p.Text, p.Place)
	x.marks(p, d.Marks, true)
	x.front(p, d.Front)
	x.claims(p)
	for _, m := range inlineCommand.FindAllStringSubmatchIndex(p.Text, 50) {
		if p.Place != finding.Instruction {
			break
		}
		x.loaded(p, m[0], p.Text[m[2]:m[3]])
	}
	for i := range d.Pieces {
		if x.ctx.Err() != nil {
			return
		}
		piece := &d.Pieces[i]
		switch {
		case piece.Place == finding.Hidden:
			x.hidden(*piece, "TXT-HIDDEN-ORDER")
		case p.Place == finding.Document && piece.Place == finding.Snippet:
			piece.Place = finding.Document
			x.piece(piece)
		default:
			x.piece(piece)
		}
		if piece.Lang == "" && piece.Place != finding.Hidden {
			x.unfenced(piece)
		}
	}
}

var (
	command = regexp.MustCompile(`(?:^|[\s"'(:])((?:sudo\s+)?(?:curl|wget|bash|sh|zsh|nc|ncat|python3?|node|npx|uvx|pip3?|npm|echo|cat|tar|env|printenv|rm|chmod|crontab|scp|rsync|ssh|dig|nslookup|base64|osascript|powershell|sqlite3|openssl|history|socat)\s+[-\w./~$"'@:<>|].*)`)
	call    = regexp.MustCompile(`\b(?:eval|exec|os\.system|subprocess\.\w+|requests\.\w+|fetch|child_process|execSync|urlopen|Function|__import__|require)\s*\(`)
)

// unfenced reads commands and calls that stand in the text without being marked as code.
func (x *examination) unfenced(p *text.Piece) {
	offset := 0
	for line := range strings.SplitAfterSeq(p.Text, "\n") {
		if x.ctx.Err() != nil {
			return
		}
		if !telling(line) {
			offset += len(line)
			continue
		}
		if m := command.FindStringSubmatchIndex(line); m != nil {
			x.shell(&text.Piece{File: p.File, Text: strings.TrimRight(line[m[2]:m[3]], " .,;"), Line: p.LineAt(offset), Lang: "sh", Place: p.Place, Depth: p.Depth, Fixed: true})
		}
		if m := call.FindStringIndex(line); m != nil {
			inner := text.Piece{File: p.File, Text: line[m[0]:], Line: p.LineAt(offset), Lang: "python", Place: p.Place, Depth: p.Depth, Fixed: true}
			if strings.Contains(line, "require(") || strings.Contains(line, "atob(") || strings.Contains(line, "process.env") || strings.Contains(line, "fetch(") {
				inner.Lang = "javascript"
			}
			x.program(&inner, programs[inner.Lang](x.ctx, &inner, x.tell))
		}
		offset += len(line)
	}
}

// telling says that a line may hold a command or a call that is worth reading: it pipes, sends, calls or goes to an address.
func telling(line string) bool {
	return strings.ContainsAny(line, "|@~$>(") || strings.Contains(line, "://") || strings.Contains(line, " -rf ") || strings.Contains(line, "/dev/") || strings.Contains(line, "-c ")
}

var programs = map[string]func(context.Context, *text.Piece, func(finding.Finding)) code.Result{"python": code.Python, "javascript": code.Script}

// loaded is a command that is run when the document is loaded.
func (x *examination) loaded(p *text.Piece, offset int, line string) {
	inner := text.Piece{File: p.File, Text: line, Line: p.LineAt(offset), Lang: "sh", Place: finding.Code, How: "run when the document is loaded", Fixed: true}
	before := len(x.report.Findings)
	x.piece(&inner)
	for _, f := range x.report.Findings[before:] {
		if r := x.Rules.Rule(f.Rule); r != nil && r.Severity >= finding.Medium {
			x.tell(inner.Finding("CFG-INLINE-BAD", 0, line, ""))
			return
		}
	}
	x.tell(inner.Finding("CFG-INLINE-COMMAND", 0, line, ""))
}

// piece reads a piece by its language.
func (x *examination) piece(p *text.Piece) {
	if x.ctx.Err() != nil {
		return
	}
	switch p.Lang {
	case "", "prose":
		x.prose(p)
		return
	case "sh":
		x.shell(p)
	case "unknown":
		if likeShell(p.Text) {
			x.shell(p)
		}
		x.Rules.Words(x.ctx, p, x.tell)
	case "python":
		x.program(p, code.Python(x.ctx, p, x.tell))
	case "javascript":
		x.program(p, code.Script(x.ctx, p, x.tell))
	case "notebook":
		x.notebook(p)
	case "json":
		if p.Place != finding.Code {
			x.configuration(p, []byte(p.Text), fileKind{lang: "json", place: p.Place})
			return
		}
	case "dockerfile":
		x.lines(p, dockerRun)
	case "makefile":
		x.lines(p, recipe)
	case "yaml":
		x.lines(p, yamlRun)
		x.Rules.Words(x.ctx, p, x.tell)
	}
	x.Rules.Patterns(x.ctx, p, x.tell)
}

var (
	dockerRun = regexp.MustCompile(`(?mi)^(?:RUN|CMD|ENTRYPOINT)\s+((?:[^\n\\]|\\\n|\\.)+)`)
	recipe    = regexp.MustCompile(`(?m)^\t[@-]?(.+)$`)
	yamlRun   = regexp.MustCompile(`(?m)^\s*-?\s*(?:run|command|cmd|script|bash|args):\s*\|?\s*(.+)$`)
)

// lines reads the commands of a file of another kind.
func (x *examination) lines(p *text.Piece, re *regexp.Regexp) {
	for _, m := range re.FindAllStringSubmatchIndex(p.Text, 500) {
		x.shell(&text.Piece{File: p.File, Text: p.Text[m[2]:m[3]], Line: p.LineAt(m[2]), Lang: "sh", Place: p.Place, Fixed: true, Depth: p.Depth})
	}
}

// shell reads commands; the acts are those of the commands.
func (x *examination) shell(p *text.Piece) taint.Act {
	r := shell.Analyse(x.ctx, p, x.tell)
	for _, i := range r.Installs {
		for _, f := range depend.Line(i.Line) {
			x.tell(p.Finding(f.Rule, i.Offset, i.Line, f.Detail))
		}
	}
	if p.Depth < text.MaxDepth {
		for _, in := range r.Inner {
			x.piece(&text.Piece{File: p.File, Text: in.Text, Line: p.LineAt(in.Offset), Lang: in.Lang, Place: p.Place, How: p.How, Depth: p.Depth + 1, Fixed: true})
		}
	}
	if p.Place == finding.Code {
		x.acts(p, r.Acts)
	}
	return r.Acts
}

// program takes up what a program does, what is in it, and what its tools are.
func (x *examination) program(p *text.Piece, r code.Result) {
	x.acts(p, r.Acts)
	if p.Depth < text.MaxDepth {
		for _, in := range r.Inner {
			inner := text.Piece{File: p.File, Text: in.Text, Line: p.LineAt(in.Offset), Lang: in.Lang, Place: p.Place, Depth: p.Depth + 1, Fixed: true}
			if in.Run {
				x.started(&inner)
				continue
			}
			x.piece(&inner)
		}
	}
	for _, t := range r.Texts {
		x.described(p, t.Text, t.Offset, finding.Tool)
	}
	for _, t := range r.Tools {
		x.report.Tools[t.Name] = digest(t.About)
		x.mismatch(p, t)
		x.switches(p, t, r.Needs)
	}
	x.docs(p, r)
	x.gives(p)
}

// started is a command line in a program. What a document shows may be meant for people; what a program runs is run.
func (x *examination) started(p *text.Piece) {
	before := len(x.report.Findings)
	x.piece(p)
	for _, f := range x.report.Findings[before:] {
		if f.Rule == "SH-PIPE-EXEC" || f.Rule == "SH-DOWNLOAD-RUN" {
			x.tell(p.Finding("COD-REMOTE-EXEC", 0, p.Text, "a program runs what it fetches by a command"))
			return
		}
	}
}

// acts notes where each kind of act was first seen.
func (x *examination) acts(p *text.Piece, a taint.Act) {
	if p.Place == finding.Test || p.Place == finding.Document || strings.HasPrefix(p.File, ".github/") || strings.HasPrefix(p.File, ".devcontainer/") {
		return // what builds and tests it is not what it does
	}
	x.about.acts |= a
	x.does(p.File, a)
	for bit := taint.Act(1); bit <= taint.Watches; bit <<= 1 {
		if _, seen := x.about.where[bit]; a.Has(bit) && !seen {
			x.about.where[bit] = finding.Finding{File: p.File, Line: p.Line, Place: p.Place}
		}
	}
}

// bound: this many texts of a file are looked for in it, to tell their lines; each costs a look through the file.
const maxPlaced = 1000

// notebook reads the cells of a notebook.
func (x *examination) notebook(p *text.Piece) {
	var doc struct {
		Cells []struct {
			Type   string `json:"cell_type"`
			Source any    `json:"source"`
		} `json:"cells"`
	}
	if json.Unmarshal([]byte(p.Text), &doc) != nil {
		x.Rules.Words(x.ctx, p, x.tell)
		return
	}
	for n, c := range doc.Cells {
		if x.ctx.Err() != nil {
			return
		}
		source, _ := c.Source.(string)
		if list, ok := c.Source.([]any); ok {
			for _, l := range list {
				s, _ := l.(string)
				source += s
			}
		}
		if source == "" {
			continue
		}
		first, _, _ := strings.Cut(source, "\n")
		quoted, err := json.Marshal(first)
		offset := 0
		if err == nil && n < maxPlaced {
			offset = max(0, strings.Index(p.Text, strings.Trim(string(quoted), `"`)))
		}
		inner := text.Piece{File: p.File, Text: source, Line: p.LineAt(offset), Place: p.Place, Fixed: true}
		if c.Type == "code" {
			inner.Lang = "python"
		}
		x.piece(&inner)
	}
}

var (
	tag       = regexp.MustCompile(`(?s)<[^>]*>`)
	script    = regexp.MustCompile(`(?is)<script[^>]*>(.*?)</script>`)
	docText   = regexp.MustCompile(`(?s)</w:p>|</a:p>|<br\s*/?>|</p>|</div>|</li>`)
	handler   = regexp.MustCompile(`(?i)\son\w+\s*=\s*"([^"]{8,})"`)
	templated = regexp.MustCompile(`(?i)TargetMode="External"`)
)

// page is HTML, SVG, or the XML of an office document.
func (x *examination) page(p *text.Piece) {
	d := text.Markdown(x.ctx, p.File, strings.TrimPrefix(p.Text, "---"), finding.Document)
	x.marks(p, d.Marks, true)
	for _, piece := range d.Pieces {
		if piece.Place == finding.Hidden {
			x.hidden(piece, "TXT-HIDDEN-ORDER")
		}
	}
	for _, re := range []*regexp.Regexp{script, handler} {
		for _, m := range re.FindAllStringSubmatchIndex(p.Text, 100) {
			x.piece(&text.Piece{File: p.File, Text: p.Text[m[2]:m[3]], Line: p.LineAt(m[2]), Lang: "javascript", Place: p.Place})
		}
	}
	body := script.ReplaceAllString(p.Text, "")
	body = tag.ReplaceAllString(docText.ReplaceAllString(body, "\n\n"), "")
	prose := text.Piece{File: p.File, Text: body, Line: 1, Place: p.Place, Fixed: true}
	if strings.HasPrefix(pathOf(p.File), "word/") || strings.HasPrefix(pathOf(p.File), "ppt/") || strings.HasPrefix(pathOf(p.File), "xl/") {
		prose.Place = finding.Instruction
	}
	x.prose(&prose)
	x.encoded(&prose, body)
	if strings.HasSuffix(p.File, ".rels") && templated.MatchString(p.Text) && strings.Contains(p.Text, "attachedTemplate") {
		x.tell(p.Finding("ARC-MACRO", 0, p.Text, "a template from another address"))
	}
}

// pathOf is a member's name within the innermost archive.
func pathOf(file string) string { return file[strings.LastIndexByte(file, '!')+1:] }
