// SPDX-License-Identifier: Apache-2.0

// This file puts the parts together: a source in, findings and what is known of its tools out.

package code

import (
	"context"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/taint"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

// Inner is a command line, or code, in a program.
type Inner struct {
	Lang   string
	Text   string
	Offset int
	Run    bool // a call runs it; else it stands in a string
}

// Tool is a function that agents call.
type Tool struct {
	Name   string
	About  string // its description
	Offset int    // of the description
	Acts   taint.Act
	Silent bool // it sends where neither answer nor failure matters
	Params []string
	Empty  bool // it answers yes, and nothing else
}

// Result is what a program does.
type Result struct {
	Acts  taint.Act
	Tools []Tool
	Inner []Inner
	Texts []Text          // descriptions of tools, and prompts: agents get to read them
	Docs  []Text          // what the program's texts say of it
	Needs map[string]bool // modules
}

// Text is a string that an agent may get to read.
type Text struct {
	Text   string
	Offset int
}

// Python reads Python. It ends early with its context.
func Python(ctx context.Context, p *text.Piece, tell func(finding.Finding)) Result {
	return analyse(ctx, p, true, tell)
}

// Script reads JavaScript or TypeScript. It ends early with its context.
func Script(ctx context.Context, p *text.Piece, tell func(finding.Finding)) Result {
	return analyse(ctx, p, false, tell)
}

func analyse(ctx context.Context, p *text.Piece, python bool, tell func(finding.Finding)) Result {
	var out Result
	l := newLexer(p.Text, python, 0)
	for toks := l.some(maxTokens); len(toks) > 0 && ctx.Err() == nil; toks = l.some(maxTokens) {
		one(ctx, p, toks, python, tell, &out)
	}
	return out
}

func one(ctx context.Context, p *text.Piece, toks []token, python bool, tell func(finding.Finding), out *Result) {
	f := &flow{program: parse(toks, python), ctx: ctx, vars: map[variable]taint.Label{}, values: map[variable]string{}, names: map[string]taint.Label{}}
	if !python {
		f.scriptTools()
	}
	f.params()
	silent := map[int]bool{}
	f.tell = func(rule string, tok int, detail string) {
		if rule == "COD-SILENT-SEND" {
			silent[f.in[tok]] = true
		}
		t := f.toks[tok]
		line := lineAround(p.Text, t.pos)
		tell(p.Finding(rule, t.pos, line, detail))
	}
	f.inner = func(tok int, shell string, run bool) {
		in := Inner{Lang: "sh", Text: shell, Offset: f.toks[tok].pos, Run: run}
		if shell == "" {
			in.Lang, in.Text = "javascript", f.toks[tok].text
			if python {
				in.Lang = "python"
			}
		}
		if p.Depth < text.MaxDepth {
			out.Inner = append(out.Inner, in)
		}
	}
	f.run()
	f.hogs()
	f.triggers()
	out.Acts |= f.whole()
	out.Needs = f.imports
	for n := range f.funcs {
		if fn := &f.funcs[n]; fn.tool {
			t := Tool{Empty: f.empty(fn), Params: fn.params, Name: fn.toolAs, About: fn.doc, Offset: fn.docPos, Acts: f.reach(n, map[int]bool{})}
			for m := range silent {
				t.Silent = t.Silent || f.reaches(n, m, map[int]bool{})
			}
			out.Tools = append(out.Tools, t)
		}
	}
	out.Texts = append(out.Texts, f.described()...)
	for n := range f.funcs {
		if fn := &f.funcs[n]; fn.doc != "" {
			out.Docs = append(out.Docs, Text{fn.doc, fn.docPos})
		}
	}
	for _, t := range toks[:min(len(toks), 3)] {
		if t.kind == str && python {
			out.Docs = append(out.Docs, Text{t.text, t.pos})
		}
	}
}

// lineAround is the line that an offset stands in.
func lineAround(s string, at int) string {
	from, to := at, at
	for from > 0 && s[from-1] != '\n' && at-from < 100 {
		from--
	}
	for to < len(s) && s[to] != '\n' && to-at < 200 {
		to++
	}
	return s[from:to]
}

// empty says that a function is "return True" behind its description.
func (f *flow) empty(fn *function) bool {
	for i := fn.from; i < min(fn.to, len(f.toks)); i++ {
		switch t := f.toks[i]; {
		case t.kind == newline, t.kind == str && t.text == fn.doc, f.is(i, ":"), f.is(i, "->"), f.word(i) == "bool", f.is(i, "{"), f.is(i, "}"), f.is(i, ";"):
		case f.word(i) == "return" && (f.word(i+1) == "True" || f.word(i+1) == "true"):
			return true
		default:
			return false
		}
	}
	return false
}

// params gives the parameters of tools their label.
func (f *flow) params() {
	for n := range f.funcs {
		fn := &f.funcs[n]
		if !fn.tool {
			continue
		}
		for i, p := range fn.params {
			if p != "self" && p != "cls" && p != "ctx" && p != "context" {
				fn.given[i] |= taint.Param
				f.set(n, p, taint.Param)
			}
		}
	}
}

// reach is what a function does, and those that it calls.
func (f *flow) reach(n int, seen map[int]bool) taint.Act {
	if seen[n] {
		return 0
	}
	seen[n] = true
	a := f.funcs[n].acts
	for m := range f.funcs[n].calls {
		a |= f.reach(m, seen)
	}
	for m := range f.funcs { // functions within it
		if f.funcs[m].parent == n {
			a |= f.reach(m, seen)
		}
	}
	return a
}

func (f *flow) whole() taint.Act {
	a := f.acts
	for n := range f.funcs {
		a |= f.funcs[n].acts
	}
	return a
}

// scriptTools finds the handlers that are given to an MCP server.
func (f *flow) scriptTools() {
	for i := range f.toks {
		w := f.word(i)
		if w != "tool" && w != "registerTool" && w != "addTool" && w != "setRequestHandler" && w != "registerPrompt" && w != "defineTool" && w != "DynamicStructuredTool" {
			continue
		}
		if !f.is(i+1, "(") || f.pair[i+1] < 0 {
			continue
		}
		title, about, at := "", "", f.toks[i].pos
		for j := i + 2; j < f.pair[i+1]; j++ {
			t := f.toks[j]
			if t.kind == str && title == "" {
				title = t.text
			} else if t.kind == str && about == "" && (len(t.text) > 12 || f.word(j-2) == "description") {
				about, at = t.text, t.pos
			}
		}
		for n := range f.funcs {
			if fn := &f.funcs[n]; fn.from > i && fn.from < f.pair[i+1] && (fn.parent < 0 || !f.funcs[fn.parent].tool) {
				fn.tool, fn.toolAs, fn.doc, fn.docPos = true, title, about, at
			}
		}
	}
}

// described are the strings that agents read: descriptions of tools and of their parameters.
func (f *flow) described() []Text {
	var list []Text
	for n := range f.funcs {
		if fn := &f.funcs[n]; fn.tool && fn.doc != "" {
			list = append(list, Text{fn.doc, fn.docPos})
		}
	}
	for i, t := range f.toks {
		if t.kind == str && (f.is(i-1, "=") || f.is(i-1, ":")) {
			key := f.toks[max(0, i-2)].text
			if key == "description" || key == "instructions" || key == "system_prompt" || key == "systemPrompt" || key == "prompt" {
				list = append(list, Text{t.text, t.pos})
			}
		}
		if t.kind == str && f.word(i-2) == "describe" {
			list = append(list, Text{t.text, t.pos})
		}
	}
	for i, t := range f.toks {
		if t.kind == str && len(t.text) > 60 && f.in[i] >= 0 && f.inTool(f.in[i]) && t.text != f.funcs[f.in[i]].doc && strings.Count(t.text, " ") > 8 {
			list = append(list, Text{t.text, t.pos}) // what a tool answers is read like what it says of itself
		}
	}
	return list
}
