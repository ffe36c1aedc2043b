// SPDX-License-Identifier: Apache-2.0

// This file finds the shape of a program in its tokens: brackets, functions, imports, what is swallowed.

package code

import (
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// function is a function or method.
type function struct {
	name    string
	params  []string
	from    int // first token of the body
	to      int // behind the last
	pos     int // in the source
	parent  int // index of the function around it, -1 for the file
	tool    bool
	doc     string // what it is described by
	docPos  int
	toolAs  string // the tool's name
	result  taint.Label
	given   []taint.Label // to its parameters, by its callers
	acts    taint.Act
	calls   map[int]bool // functions of this file
	checked bool         // it compares paths
	method  bool         // its bare name is not its own
	arrow   bool         // what it calls "this" is not its own object
}

// program is a file in its parts.
type program struct {
	toks    []token
	python  bool
	pair    []int // of each bracket, the other one; -1
	depth   []int // of brackets around each token
	funcs   []function
	in      []int            // function of each token, -1 for the file
	byName  map[string][]int // functions by their last name
	alias   map[string]string
	skip    map[int]int // bodies of functions: from the token of "{" to behind "}"
	quiet   [][2]int    // tokens whose errors nobody sees
	imports map[string]bool
}

// maxTokens bounds one program. What is longer is read in parts, so nothing is left out; ways across parts are not seen.
const maxTokens = 50_000

func parse(toks []token, python bool) *program {
	p := &program{toks: toks, python: python, byName: map[string][]int{}, alias: map[string]string{}, skip: map[int]int{}, imports: map[string]bool{}}
	p.brackets()
	p.findImports()
	if python {
		p.pythonFunctions()
		p.pythonQuiet()
	} else {
		p.scriptFunctions()
		p.scriptQuiet()
	}
	p.enclose()
	return p
}

func (p *program) brackets() {
	p.pair, p.depth = make([]int, len(p.toks)), make([]int, len(p.toks))
	var stack []int
	for i, t := range p.toks {
		p.pair[i] = -1
		if t.kind == op && len(t.text) == 1 {
			switch t.text[0] {
			case ')', ']', '}':
				if n := len(stack); n > 0 {
					open := stack[n-1]
					p.pair[open], p.pair[i] = i, open
					stack = stack[:n-1]
				}
			}
		}
		p.depth[i] = len(stack)
		if t.kind == op && (t.text == "(" || t.text == "[" || t.text == "{") {
			stack = append(stack, i)
		}
	}
}

func (p *program) is(i int, text string) bool {
	return i >= 0 && i < len(p.toks) && p.toks[i].kind == op && p.toks[i].text == text
}

func (p *program) word(i int) string {
	if i >= 0 && i < len(p.toks) && p.toks[i].kind == name {
		return p.toks[i].text
	}
	return ""
}

// line is the first token of each line of Python, at or behind i.
func (p *program) nextLine(i int) int {
	for i < len(p.toks) && p.toks[i].kind != newline {
		i++
	}
	for i < len(p.toks) && p.toks[i].kind == newline {
		i++
	}
	return i
}

// block is the end of the lines that are indented deeper than col, from the line after i on.
func (p *program) block(i, col int) int {
	at := p.nextLine(i)
	for at < len(p.toks) && (p.toks[at].col > col || p.toks[at].col < 0) {
		at = p.nextLine(at)
	}
	return at
}

func (p *program) pythonFunctions() {
	var decorators []int
	for i := 0; i < len(p.toks); i++ {
		t := p.toks[i]
		if t.col < 0 {
			continue
		}
		at := i
		if p.word(at) == "async" {
			at++
		}
		switch {
		case p.is(i, "@"):
			decorators = append(decorators, i)
		case p.word(at) == "def" && p.word(at+1) != "" && p.is(at+2, "(") && p.pair[at+2] > 0:
			p.pythonFunction(at, t.col, decorators)
			decorators = nil
		default:
			decorators = nil
		}
	}
}

func (p *program) pythonFunction(def, col int, decorators []int) {
	f := function{name: p.word(def + 1), pos: p.toks[def].pos, parent: -1, calls: map[int]bool{}}
	open, end := def+2, p.pair[def+2]
	for i := open + 1; i < end; i++ {
		if p.toks[i].kind == name && p.depth[i] == p.depth[open]+1 && (p.is(i-1, "(") || p.is(i-1, ",") || p.is(i-1, "*") || p.is(i-1, "**")) {
			f.params = append(f.params, p.word(i))
		}
	}
	f.from = end + 1
	f.to = p.block(end, col)
	f.method = len(f.params) > 0 && (f.params[0] == "self" || f.params[0] == "cls") || col > 0 && p.within(def, col, "class")
	for i := end; i < f.to; i++ {
		if p.toks[i].kind == str && p.toks[i].col >= 0 {
			f.doc, f.docPos = p.toks[i].text, p.toks[i].pos
			break
		}
		if i > end+1 && p.toks[i].col >= 0 {
			break
		}
	}
	for _, d := range decorators {
		for i := d + 1; i < len(p.toks) && p.toks[i].kind != newline; i++ {
			switch w := p.word(i); {
			case w == "tool" || w == "call_tool" || w == "resource" || w == "prompt" || w == "list_tools":
				f.tool = w != "list_tools"
				f.toolAs = f.name
			case w == "description" && i+2 < len(p.toks) && p.toks[i+2].kind == str:
				f.doc, f.docPos = p.toks[i+2].text, p.toks[i+2].pos
			}
		}
	}
	p.add(f)
}

// within says that the nearest line above that is indented less begins with a word.
func (p *program) within(i, col int, word string) bool {
	for at := i - 1; at >= max(0, i-maxOn); at-- {
		if c := p.toks[at].col; c >= 0 && c < col {
			return p.word(at) == word
		}
	}
	return false
}

func (p *program) add(f function) {
	f.given = make([]taint.Label, len(f.params))
	p.byName[f.name] = append(p.byName[f.name], len(p.funcs))
	p.funcs = append(p.funcs, f)
}

// enclose says which function each token is in: the innermost.
func (p *program) enclose() {
	p.in = make([]int, len(p.toks))
	for i := range p.in {
		p.in[i] = -1
	}
	// Functions are in the order of their beginnings, so inner ones come later and write over.
	for n := range p.funcs {
		f := &p.funcs[n]
		if f.from < len(p.in) {
			f.parent = p.in[min(f.from, len(p.in)-1)]
		}
		for i := f.from; i < min(f.to, len(p.in)); i++ {
			p.in[i] = n
		}
	}
}

// keywords that stand before "(" and "{" and are no functions.
var keywords = map[string]bool{"if": true, "for": true, "while": true, "switch": true, "catch": true, "with": true, "function": true, "return": true,
	"await": true, "typeof": true, "new": true, "of": true, "in": true, "and": true, "or": true, "not": true, "else": true, "elif": true, "except": true, "print": false, "assert": true, "yield": true, "lambda": true, "del": true, "raise": true, "import": true, "from": true, "class": true, "def": true, "is": true}

func (p *program) scriptFunctions() {
	for i := range p.toks {
		switch {
		case p.word(i) == "function":
			at, title := i+1, ""
			if p.is(at, "*") {
				at++
			}
			if w := p.word(at); w != "" {
				title, at = w, at+1
			}
			if p.is(at, "(") && p.pair[at] > 0 {
				p.scriptFunction(title, i, at, p.pair[at]+1)
			}
		case p.is(i, "=>"):
			p.arrow(i)
		case p.word(i) != "" && !keywords[p.word(i)] && p.is(i+1, "(") && p.pair[i+1] > 0 && !p.is(i-1, ".") && p.word(i-1) != "function" && p.word(i-1) != "new":
			if body := p.body(p.pair[i+1] + 1); body > 0 {
				if f := p.scriptFunction(p.word(i), i, i+1, body); f != nil {
					f.method = true
				}
			}
		}
	}
}

// body is the "{" of a body that begins at i, behind a type perhaps; 0 where there is none.
func (p *program) body(i int) int {
	for n := 0; n < 12 && i < len(p.toks); n++ {
		switch {
		case p.is(i, "{") && (n == 0 || !p.is(i-1, ":")):
			return i
		case n == 0 && !p.is(i, ":"), p.toks[i].kind == newline, p.is(i, ";"), p.is(i, ","), p.is(i, ")"):
			return 0
		}
		i++
	}
	return 0
}

func (p *program) arrow(i int) {
	open, title := i-1, ""
	if p.is(open, ")") && p.pair[open] >= 0 {
		open = p.pair[open]
	}
	before := open - 1
	if p.word(before) == "async" {
		before--
	}
	if (p.is(before, "=") || p.is(before, ":")) && p.word(before-1) != "" {
		title = p.word(before - 1)
	}
	if f := p.scriptFunction(title, open, open, i+1); f != nil {
		f.arrow, f.method = true, p.is(before, ":") || p.is(before-2, ".")
	}
}

// scriptFunction adds a function with parameters at open (a bracket, or a single name) and its body at body.
func (p *program) scriptFunction(title string, at, open, body int) *function {
	if at < 0 || body >= len(p.toks) {
		return nil
	}
	f := function{name: title, pos: p.toks[max(at, 0)].pos, parent: -1, calls: map[int]bool{}, from: body}
	if p.is(open, "(") {
		for i := open + 1; i < p.pair[open]; i++ {
			if p.toks[i].kind == name && (p.is(i-1, "(") || p.is(i-1, ",") || p.is(i-1, "{") || p.is(i-1, "...")) {
				f.params = append(f.params, p.word(i))
			}
		}
	} else if w := p.word(open); w != "" {
		f.params = []string{w}
	}
	if p.is(body, "{") && p.pair[body] > 0 {
		f.to = p.pair[body]
		p.skip[body] = f.to
	} else {
		f.to = p.exprEnd(body)
	}
	p.add(f)
	return &p.funcs[len(p.funcs)-1]
}

// exprEnd is behind the last token of the expression at i.
func (p *program) exprEnd(i int) int {
	if i >= len(p.toks) {
		return len(p.toks)
	}
	level := p.depth[i]
	for at := i; at < min(len(p.toks), i+maxOn); at++ {
		t := p.toks[at]
		switch {
		case p.depth[at] < level || p.depth[at] == level && t.kind == op && (t.text == ")" || t.text == "]" || t.text == "}") && p.pair[at] < i:
			return at
		case p.depth[at] > level:
		case t.kind == newline:
			if p.python || at > i && !p.goesOn(at) {
				return at
			}
		case t.kind == op && (t.text == ";" || t.text == "," && !p.python):
			return at
		}
	}
	return min(len(p.toks), i+maxOn)
}

// goesOn says that a line of JavaScript ends within an expression.
func (p *program) goesOn(nl int) bool {
	last, next := p.toks[nl-1], nl+1
	if last.kind == op && !strings.Contains(")]}", last.text) && last.text != ";" {
		return true
	}
	for next < len(p.toks) && p.toks[next].kind == newline {
		next++
	}
	return next < len(p.toks) && p.toks[next].kind == op && strings.Contains(". ?. + && || ? : ??", p.toks[next].text)
}

// pythonQuiet finds the bodies of "try" whose errors are passed over.
func (p *program) pythonQuiet() {
	for i := range p.toks {
		if p.word(i) != "try" || p.toks[i].col < 0 {
			continue
		}
		end := p.block(i, p.toks[i].col)
		if p.word(end) == "except" && end < len(p.toks) && p.toks[end].col == p.toks[i].col && p.passes(end) {
			p.quiet = append(p.quiet, [2]int{i, end})
		}
	}
}

func (p *program) passes(except int) bool {
	for at := except; at < len(p.toks); at++ {
		if p.is(at, ":") && p.depth[at] == p.depth[except] {
			at++
			for at < len(p.toks) && p.toks[at].kind == newline {
				at++
			}
			w := p.word(at)
			return w == "pass" || w == "continue" || p.is(at, "...")
		}
		if p.toks[at].kind == newline {
			return false
		}
	}
	return false
}

func (p *program) scriptQuiet() {
	for i := range p.toks {
		if p.word(i) != "catch" {
			continue
		}
		at := i + 1
		if p.is(at, "(") && p.pair[at] > 0 {
			inner := p.pair[at]
			if p.is(i-1, ".") && p.is(inner-1, "}") && p.pair[inner-1] == inner-2 { // .catch(() => {})
				p.quiet = append(p.quiet, [2]int{p.statement(i), i})
				continue
			}
			at = inner + 1
		}
		if p.is(at, "{") && p.only(at) && p.is(i-1, "}") && p.pair[i-1] > 0 {
			p.quiet = append(p.quiet, [2]int{p.pair[i-1], i - 1})
		}
	}
}

// only says that nothing stands in a pair of braces.
func (p *program) only(open int) bool {
	for i := open + 1; i < p.pair[open]; i++ {
		if p.toks[i].kind != newline {
			return false
		}
	}
	return p.pair[open] > 0
}

// statement is the first token of the statement that i stands in.
func (p *program) statement(i int) int {
	level := p.depth[i]
	for at := i; at > max(0, i-maxBack); at-- {
		t := p.toks[at-1]
		if p.depth[at-1] < level || p.depth[at-1] == level && (t.kind == newline || t.kind == op && (t.text == ";" || t.text == "{" || t.text == "," && !p.python || t.text == "}" && p.toks[at].kind == name)) {
			return at
		}
	}
	return max(0, i-maxBack)
}

// bound: a statement is looked for this many tokens back, and an expression followed this many on. What is longer was written by
// a machine, and each assignment in it would cost the whole again.
const (
	maxBack = 300
	maxOn   = 3000
)

func (p *program) swallowed(i int) bool {
	for _, q := range p.quiet {
		if i >= q[0] && i < q[1] {
			return true
		}
	}
	return false
}
