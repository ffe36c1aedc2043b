// SPDX-License-Identifier: Apache-2.0

// This file walks a script: what each command reads, what it is given, where it goes.

package shell

import (
	"context"
	"path"
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/taint"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

// Inner is what a command runs in another language.
type Inner struct {
	Lang   string
	Text   string
	Offset int
}

// Install is a command that fetches packages from a registry.
type Install struct {
	Line   string
	Offset int
}

// Result is what a script does.
type Result struct {
	Acts     taint.Act
	Inner    []Inner
	Installs []Install
}

// Bounds of what is parsed at once, in bytes and in marks that begin something within something, since the parser goes as deep
// as these nest. What has more is parsed in parts, cut at lines; a line that has more is cut too, and told.
const (
	maxScript  = 1 << 20
	maxOpeners = 5_000
	leastPart  = 4 << 10 // in bytes; a mark has one at least, so that none this short has too many, and they need not be counted
)

// openers counts the marks of a script that may nest. Who closes what is the parser's to know.
func openers(src string) int {
	n := 0
	for i := range len(src) {
		switch src[i] {
		case '(', '{', '[', '`', '!', '|', '&', '<', '?':
			n++
		}
	}
	for _, word := range [...]string{"if", "while", "until", "for", "case", "select", "time", "coproc", "function"} {
		n += strings.Count(src, word)
	}
	return n
}

// Analyse reads a script and tells what it finds. It ends early with its context.
func Analyse(ctx context.Context, p *text.Piece, tell func(finding.Finding)) Result {
	a := analyser{ctx: ctx, piece: p, tell: tell, parser: syntax.NewParser(syntax.Variant(syntax.LangBash)), vars: map[string]value{}, written: map[string]taint.Label{}}
	a.scripts(unprompt(p.Text), 0, value{})
	return a.out
}

// scripts reads a script in parts. It stands at an offset of the piece. What is hidden is only guessed to be shell: a long line
// there is data, more often than not, and is no finding.
func (a *analyser) scripts(src string, offset int, in value) {
	for from := 0; from < len(src) && a.ctx.Err() == nil; {
		to := part(src, from, maxScript)
		a.base = offset + from
		if to < len(src) && src[to-1] != '\n' && a.piece.Place != finding.Hidden {
			a.unread("a line that was made to be more than is parsed at once: it is read in pieces")
		}
		a.script(src[from:to], in)
		from = to
	}
}

// unread tells, once, that not all of the piece is followed.
func (a *analyser) unread(detail string) {
	if !a.told {
		a.told = true
		a.tell(a.piece.Finding("ARC-UNREAD", a.base, "", detail))
	}
}

// part is the end of what is parsed at once.
func part(src string, base, size int) int {
	end := min(len(src), base+size)
	if end < len(src) {
		if cut := strings.LastIndexByte(src[base:end], '\n'); cut > 0 {
			end = base + cut + 1
		}
	}
	if end-base > leastPart && openers(src[base:end]) > maxOpeners {
		return part(src, base, (end-base)/2)
	}
	return end
}

// prompts are what stands before commands in a session that is shown.
var prompts = regexp.MustCompile(`(?m)^([ \t]*)(?:\$|%|❯|➜|#\s?\$) `)

// unprompt takes prompts off, byte for byte.
func unprompt(s string) string {
	return prompts.ReplaceAllStringFunc(s, func(m string) string { return strings.Repeat(" ", len(m)) })
}

// value is a text as far as it is known, and where it is from.
type value struct {
	text  string
	label taint.Label
}

// bound: a text is known up to this length; a script of sixty lines can double one sixty times.
const maxValue = 64 << 10

func (v value) join(o value) value {
	if len(v.text)+len(o.text) > maxValue {
		return value{v.text, v.label | o.label}
	}
	return value{v.text + o.text, v.label | o.label}
}

type analyser struct {
	ctx     context.Context
	parser  *syntax.Parser
	piece   *text.Piece
	tell    func(finding.Finding)
	base    int // of what is parsed, in the piece
	src     string
	vars    map[string]value
	written map[string]taint.Label // files that the script made
	depth   int
	told    bool // that not all is followed
	out     Result
}

// script parses all of it, or line by line where that fails: documents show what is no whole script.
func (a *analyser) script(src string, in value) {
	a.src = src
	file, err := a.parse(src)
	if err == nil {
		a.stmts(file.Stmts, in)
		return
	}
	offset := a.base
	for line := range strings.SplitAfterSeq(joinLines(src), "\n") {
		if a.ctx.Err() != nil {
			return
		}
		a.src, a.base = line, offset
		if f, err := a.parse(line); err == nil {
			a.stmts(f.Stmts, in)
		}
		offset += len(line)
	}
}

func (a *analyser) parse(src string) (*syntax.File, error) {
	return a.parser.Parse(strings.NewReader(src), "")
}

// joinLines makes one line of those that a backslash continues, keeping the length.
func joinLines(s string) string { return strings.ReplaceAll(s, "\\\n", "  ") }

func (a *analyser) find(rule string, node syntax.Node, detail string) {
	from, to := int(node.Pos().Offset()), int(node.End().Offset())
	from, to = min(from, len(a.src)), min(to, len(a.src))
	a.tell(a.piece.Finding(rule, a.base+from, a.src[from:max(from, to)], detail))
}

// maxNesting bounds recursion: what is nested deeper was written by a machine, and is told.
const maxNesting = 100

const tooDeep = "commands within commands, deeper than they are followed"

// stmts runs a list of statements; the value is what they write.
func (a *analyser) stmts(list []*syntax.Stmt, in value) value {
	a.depth++
	defer func() { a.depth-- }()
	if a.depth > maxNesting {
		a.unread(tooDeep)
		return value{}
	}
	var out value
	for _, s := range list {
		if a.ctx.Err() != nil {
			break
		}
		v := a.stmt(s, in)
		out = out.join(v)
	}
	return out
}

func (a *analyser) stmt(s *syntax.Stmt, in value) value {
	for _, r := range s.Redirs {
		in = a.input(r, in)
	}
	out := a.command(s.Cmd, s, in)
	for _, r := range s.Redirs {
		a.output(s, r, out)
	}
	return out
}

// input is what a redirection gives to a command.
func (a *analyser) input(r *syntax.Redirect, in value) value {
	switch r.Op {
	case syntax.RdrIn:
		v := a.word(r.Word)
		return value{label: in.label | taint.Read(v.label) | v.label | a.written[v.text]}
	case syntax.WordHdoc, syntax.Hdoc, syntax.DashHdoc:
		body := r.Word
		if r.Hdoc != nil {
			body = r.Hdoc
		}
		return in.join(a.word(body))
	}
	return in
}

// output is where a redirection writes to.
func (a *analyser) output(s *syntax.Stmt, r *syntax.Redirect, out value) {
	if r.Word == nil {
		return
	}
	to := a.word(r.Word)
	switch {
	case strings.HasPrefix(to.text, "/dev/tcp/"), strings.HasPrefix(to.text, "/dev/udp/"):
		a.out.Acts |= taint.Network
		a.toNetwork(s, out, "a connection of the shell's own")
		if a.shellCommand(s) {
			a.find("SH-REVERSE", s, "a shell that somebody else types into")
		}
	case r.Op == syntax.RdrOut || r.Op == syntax.AppOut || r.Op == syntax.RdrAll || r.Op == syntax.AppAll || r.Op == syntax.RdrClob:
		if to.text != "/dev/null" && to.text != "" {
			a.out.Acts |= taint.Writes
			a.written[to.text] |= out.label
		}
		a.writes(s, to, out)
	}
}

// writes judges a place that is written to.
func (a *analyser) writes(n syntax.Node, to, what value) {
	switch {
	case strings.HasPrefix(to.text, "/etc/sudoers"):
		a.find("SH-PRIVILEGE", n, "writes who may become root")
	case to.label.Has(taint.PersistPath) && strings.Contains(to.text, "authorized_keys"):
		a.find("SH-BACKDOOR-KEY", n, "lets somebody in by key")
		a.out.Acts |= taint.Persists
	case to.label.Has(taint.PersistPath):
		a.out.Acts |= taint.Persists
		if ordinary(what.text) && !what.label.Has(taint.Remote|taint.Decoded) {
			a.find("SH-PROFILE", n, "writes "+finding.Visible(to.text))
			return
		}
		a.find("SH-PERSIST", n, "writes "+finding.Visible(to.text)+", which is executed later")
	case disk.MatchString(to.text):
		a.find("SH-DESTROY", n, "writes over a disk")
	}
}

// redirected is a name that people trust, made to mean something else.
var redirected = regexp.MustCompile(`alias\s+(?:sudo|ssh|su|git|ls|cd|cat|curl|npm|pip|python3?|docker|kubectl)=|/tmp/|/dev/shm`)

var (
	disk      = regexp.MustCompile(`^/dev/(?:sd|nvme|hd|vd|disk)`)
	installed = regexp.MustCompile(`^\s*(?:export\s+\w+=|alias\s+\w+=|eval "\$\(\w+ (?:init|hook|completion)|source\s+~?/?[\w./$-]+$|\[\s*-[sf])`)
)

// ordinary is what installers write to start-up files: paths and variables.
func ordinary(s string) bool {
	return installed.MatchString(s) && !strings.Contains(s, "curl") && !redirected.MatchString(s)
}

// shellCommand says that a statement is an interactive interpreter.
func (a *analyser) shellCommand(s *syntax.Stmt) bool {
	call, ok := s.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 {
		return true // exec 5<>/dev/tcp/..., a group
	}
	name := path.Base(a.word(call.Args[0]).text)
	return interpreters[name] || name == "exec"
}

func (a *analyser) command(c syntax.Command, s *syntax.Stmt, in value) value {
	switch c := c.(type) {
	case *syntax.CallExpr:
		return a.call(c, s, in)
	case *syntax.BinaryCmd:
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			return a.stmt(c.Y, a.stmt(c.X, in))
		}
		v := a.stmt(c.X, in)
		w := a.stmt(c.Y, in)
		return v.join(w)
	case *syntax.Block:
		return a.stmts(c.Stmts, in)
	case *syntax.Subshell:
		return a.stmts(c.Stmts, in)
	case *syntax.IfClause:
		return a.ifs(c, in)
	case *syntax.WhileClause:
		a.reads(c.Cond, in)
		out := a.stmts(c.Do, in)
		a.stmts(c.Cond, in)
		return out
	case *syntax.ForClause:
		if it, ok := c.Loop.(*syntax.WordIter); ok {
			var v value
			for _, w := range it.Items {
				x := a.word(w)
				v.label |= x.label
				if v.text == "" {
					v.text = x.text
				}
			}
			a.vars[it.Name.Value] = v
		}
		return a.stmts(c.Do, in)
	case *syntax.CaseClause:
		var out value
		for _, item := range c.Items {
			out.label |= a.stmts(item.Stmts, in).label
		}
		return out
	case *syntax.FuncDecl:
		a.fork(c)
		return a.stmt(c.Body, value{})
	case *syntax.DeclClause:
		a.assigns(c.Args)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			return a.stmt(c.Stmt, in)
		}
	case *syntax.CoprocClause:
		return a.stmt(c.Stmt, in)
	}
	return value{}
}

func (a *analyser) ifs(c *syntax.IfClause, in value) value {
	a.stmts(c.Cond, in)
	out := a.stmts(c.Then, in)
	if c.Else == nil {
		return out
	}
	if a.depth >= maxNesting {
		a.unread(tooDeep)
		return out
	}
	a.depth++
	out.label |= a.ifs(c.Else, in).label
	a.depth--
	return out
}

// reads gives what a loop reads to the variable that it reads into.
func (a *analyser) reads(cond []*syntax.Stmt, in value) {
	for _, s := range cond {
		call, ok := s.Cmd.(*syntax.CallExpr)
		if !ok || len(call.Args) < 2 || a.word(call.Args[0]).text != "read" {
			continue
		}
		for _, w := range call.Args[1:] {
			a.vars[a.word(w).text] = value{label: in.label}
		}
	}
}

// fork finds the function that does nothing but call itself, twice, until nothing is left.
func (a *analyser) fork(f *syntax.FuncDecl) {
	if f.Name == nil {
		return // a function without a name
	}
	calls := 0
	syntax.Walk(f.Body, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 0 && c.Args[0].Lit() == f.Name.Value {
			calls++
		}
		return true
	})
	if calls >= 2 && len(f.Name.Value) <= 2 {
		a.find("SH-DESTROY", f, "a function that multiplies until the machine stops")
	}
}

func (a *analyser) assigns(list []*syntax.Assign) {
	for _, as := range list {
		if as.Name == nil {
			continue
		}
		v := a.word(as.Value)
		if as.Append {
			v = a.vars[as.Name.Value].join(v)
		}
		if as.Array != nil {
			for _, e := range as.Array.Elems {
				v = v.join(a.word(e.Value))
				v.text += " "
			}
		}
		a.vars[as.Name.Value] = v
		switch as.Name.Value {
		case "LD_PRELOAD", "DYLD_INSERT_LIBRARIES":
			a.find("SH-EVASION", as, "puts a library into every program")
		case "HISTFILE", "HISTSIZE", "HISTCONTROL":
			if v.text == "" || v.text == "0" || v.text == "/dev/null" {
				a.find("SH-EVASION", as, "keeps the shell's history from being written")
			}
		}
	}
}

// word is what a word says, as far as it can be known without running anything.
func (a *analyser) word(w *syntax.Word) value {
	if w == nil {
		return value{}
	}
	v := a.parts(w.Parts)
	v.label |= taint.OfText(v.text)
	return v
}

func (a *analyser) parts(parts []syntax.WordPart) value {
	var v value
	for _, p := range parts {
		v = v.join(a.part(p))
	}
	return v
}

func (a *analyser) part(p syntax.WordPart) value {
	switch p := p.(type) {
	case *syntax.Lit:
		return value{text: unescape(p.Value)}
	case *syntax.SglQuoted:
		return value{text: p.Value}
	case *syntax.DblQuoted:
		return a.parts(p.Parts)
	case *syntax.ParamExp:
		return a.param(p)
	case *syntax.CmdSubst:
		return value{label: a.stmts(p.Stmts, value{}).label, text: a.sure(p)}
	case *syntax.ProcSubst:
		v := a.stmts(p.Stmts, value{})
		if p.Op == syntax.CmdOut {
			v = value{}
		}
		return value{label: v.label, text: "<(…)"}
	}
	return value{}
}

// sure is the text of a substitution, where it does nothing but say it.
func (a *analyser) sure(c *syntax.CmdSubst) string {
	if len(c.Stmts) == 1 {
		if call, ok := c.Stmts[0].Cmd.(*syntax.CallExpr); ok && len(call.Args) > 1 && (call.Args[0].Lit() == "echo" || call.Args[0].Lit() == "printf") {
			return a.word(call.Args[1]).text
		}
	}
	return a.src[min(int(c.Pos().Offset()), len(a.src)):min(int(c.End().Offset()), len(a.src))]
}

func (a *analyser) param(p *syntax.ParamExp) value {
	if p.Param == nil {
		return value{}
	}
	name := p.Param.Value
	v, ok := a.vars[name]
	if !ok {
		v.text = "$" + name
		if name == "HOME" {
			v.text = "~"
		}
		v.label = taint.OfText(name) & taint.EnvName
		if v.label != 0 {
			v.label = taint.EnvSecret
		}
		switch name {
		case "HOSTNAME", "USER", "LOGNAME":
			v.label |= taint.Host
		}
	}
	return v
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == '\n' {
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
