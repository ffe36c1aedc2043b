// SPDX-License-Identifier: Apache-2.0

// This file follows data through a program until nothing new is learnt.

package code

import (
	"context"
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// rounds bounds how often a program is gone through: each lets data go one assignment backwards in the text further.
const rounds = 4

// flow is what is known of a program's data.
type flow struct {
	*program
	vars   map[variable]taint.Label
	values map[variable]string    // constants, for addresses and command lines
	names  map[string]taint.Label // what strings name
	last   bool                   // nothing new comes: tell now
	tell   func(rule string, tok int, detail string)
	inner  func(tok int, shell string, run bool)
	acts   taint.Act // of the file's own statements
	depth  int
	ctx    context.Context
	steps  int  // that expressions took
	ask    int  // when the context and the bound are asked next
	over   bool // and the answer was no
	known  *reached
	state  int // raised with each call and check that is learnt
}

// variable is a name in a function.
type variable struct {
	fn   int
	name string
}

// maxDepth bounds how deep expressions are gone into.
const maxDepth = 60

func (f *flow) run() {
	for n := range rounds {
		f.last = n == rounds-1
		for i := 0; i < len(f.toks) && f.step(); i++ {
			f.visit(i)
		}
	}
}

// visit looks at one token: does an assignment or a call begin here?
func (f *flow) visit(i int) {
	t := f.toks[i]
	switch t.kind {
	case op:
		switch t.text {
		case "=", "+=", "|=", ":=":
			if !f.python || t.text == ":=" || f.depth0(i) {
				f.assign(i)
			}
		}
	case name:
		switch t.text {
		case "for":
			f.loop(i)
		case "as":
			f.as(i)
		case "return", "yield":
			f.returns(i)
		default:
			if !f.is(i-1, ".") && !f.is(i-1, "?.") && !f.defines(i) {
				f.chain(i, true)
			}
		}
	case str:
		f.constant(i)
	}
}

// depth0 says that an "=" of Python assigns, and does not name an argument.
func (f *flow) depth0(i int) bool {
	return f.program.depth[i] == 0 || f.program.depth[i] == f.lineDepth(i)
}

func (f *flow) lineDepth(i int) int {
	for at := i; at >= max(0, i-maxBack); at-- {
		if f.toks[at].col >= 0 {
			return f.program.depth[at]
		}
	}
	return 0
}

// of is what a string names; the same strings are asked for in every round.
func (f *flow) of(s string) taint.Label {
	if len(s) < 3 {
		return 0
	}
	l, ok := f.names[s]
	if !ok {
		l = taint.OfText(s)
		f.names[s] = l
	}
	return l
}

// set gives a variable more labels.
func (f *flow) set(fn int, name string, l taint.Label) {
	if name != "" {
		f.vars[variable{fn, name}] |= l
	}
}

// get is a variable's labels: of the function, or of those around it.
func (f *flow) get(fn int, name string) taint.Label {
	for range maxDepth {
		if l, ok := f.vars[variable{fn, name}]; ok {
			return l
		}
		if fn < 0 {
			return 0
		}
		fn = f.funcs[fn].parent
	}
	return 0
}

func (f *flow) value(fn int, name string) string {
	for range maxDepth {
		if v, ok := f.values[variable{fn, name}]; ok {
			return v
		}
		if fn < 0 {
			return ""
		}
		fn = f.funcs[fn].parent
	}
	return ""
}

// assign gives what stands behind "=" to what stands before it.
func (f *flow) assign(eq int) {
	end := f.exprEnd(eq + 1)
	l := f.expr(eq+1, end)
	fn := f.in[eq]
	begin := f.statement(eq)
	stop := eq
	if f.python {
		for i := begin; i < eq; i++ {
			if f.is(i, ":") && f.program.depth[i] == f.program.depth[begin] {
				stop = i // a type
				break
			}
		}
	}
	single := ""
	for i := begin; i < stop; i++ {
		w := f.word(i)
		switch {
		case w == "" || w == "const" || w == "let" || w == "var" || w == "export" || w == "this" || w == "self":
		case f.is(i-1, "."):
			f.set(-1, "."+w, l)
			single = ""
		case f.is(i-1, "[") && f.program.depth[i] > f.program.depth[begin] && !f.is(begin, "["): // an index
		default:
			f.set(fn, w, l)
			single = w
		}
	}
	if full, next := f.dotted(eq + 1); single != "" && full != "" && next == end && f.call(f.resolve(full)).role != passes {
		f.alias[single] = f.resolve(full) // a call by another name
	}
	if single != "" && eq+1 < len(f.toks) && f.toks[eq+1].kind == str {
		f.constantOf(variable{fn, single}, eq, end)
	}
}

// constantOf keeps what a name says. What is added to it, and what the expression goes on with, is not known.
func (f *flow) constantOf(v variable, eq, end int) {
	s := f.toks[eq+1].text
	if end > eq+2 {
		s += "{}"
	}
	if !f.is(eq, "=") && !f.is(eq, ":=") {
		s = f.values[v] + "{}"
	}
	f.values[v] = s[:min(len(s), maxName)]
}

// loop gives what is gone through to the names that go through it.
func (f *flow) loop(i int) {
	for at := i + 1; at < min(len(f.toks), i+40); at++ {
		w := f.word(at)
		if w == "in" || w == "of" {
			end := f.exprEnd(at + 1)
			for e := at + 1; e < end; e++ { // of a comprehension: up to its condition
				if f.program.depth[e] == f.program.depth[at] && (f.word(e) == "if" || f.word(e) == "for" || f.is(e, ":")) {
					end = e
				}
			}
			l := f.expr(at+1, end)
			for n := i + 1; n < at; n++ {
				if w := f.word(n); w != "const" && w != "let" && w != "var" {
					f.set(f.in[i], w, l)
				}
			}
			return
		}
		if f.toks[at].kind == newline || f.is(at, ";") {
			return
		}
	}
}

// as gives "with EXPR as NAME" its value.
func (f *flow) as(i int) {
	begin := i
	for begin > max(0, i-maxBack) && f.toks[begin-1].kind != newline && f.word(begin) != "with" && !(f.is(begin-1, ",") && f.program.depth[begin-1] == f.program.depth[i]) {
		begin--
	}
	if f.word(begin) == "with" {
		begin++
	}
	if f.word(f.statement(i)) == "with" || f.word(f.statement(i)) == "async" {
		f.set(f.in[i], f.word(i+1), f.expr(begin, i))
	}
}

func (f *flow) returns(i int) {
	if fn := f.in[i]; fn >= 0 {
		f.funcs[fn].result |= f.expr(i+1, f.exprEnd(i+1))
	}
}

// expr is what an expression may hold.
func (f *flow) expr(from, to int) taint.Label {
	if f.depth++; f.depth > maxDepth {
		f.depth--
		return 0
	}
	defer func() { f.depth-- }()
	var l taint.Label
	var joined strings.Builder
	for i := from; i < to && i < len(f.toks) && f.step(); {
		t := f.toks[i]
		switch {
		case t.kind == str:
			l |= f.of(t.text) | f.parts(t, f.in[min(i, len(f.in)-1)])
			if f.is(i-1, "+") || f.is(i-1, "/") || f.is(i+1, "+") || f.is(i-1, ",") || f.is(i+1, "/") {
				joined.WriteByte('/')
				joined.WriteString(strings.Trim(t.text, "/"))
			}
			i++
		case t.kind == name && !f.is(i-1, ".") && !f.is(i-1, "?."):
			var more taint.Label
			more, i = f.chain(i, false)
			l |= more
		case f.skip[i] > 0:
			i = f.skip[i] + 1
		default:
			i++
		}
	}
	if joined.Len() > 0 {
		l |= f.of(joined.String())
	}
	return l
}

// parts is what is written into a string.
func (f *flow) parts(t token, fn int) taint.Label {
	var l taint.Label
	f.steps += len(t.parts)
	for n, p := range t.parts {
		if p.kind == name && (n == 0 || t.parts[n-1].text != ".") {
			l |= f.get(fn, p.text)
			names := []string{p.text}
			for m := n + 1; m+1 < len(t.parts) && t.parts[m].text == "." && t.parts[m+1].kind == name; m += 2 {
				names = append(names, t.parts[m+1].text)
				l |= f.get(-1, "."+t.parts[m+1].text)
			}
			full := strings.Join(names, ".")
			l |= f.environment(full, "")
			if src, ok := f.sources()[f.resolve(full)]; ok {
				l |= src &^ taint.EnvName
			}
			for _, g := range f.byName[full[strings.LastIndexByte(full, '.')+1:]] {
				l |= f.funcs[g].result
			}
		}
		if p.kind == str {
			l |= f.of(p.text)
		}
	}
	return l
}

func (f *flow) sources() map[string]taint.Label {
	if f.python {
		return pythonSources
	}
	return scriptSources
}

// resolve writes a dotted name with the module that it is from.
func (f *flow) resolve(full string) string {
	head, rest, _ := strings.Cut(full, ".")
	if m, ok := f.alias[head]; ok && m != "" {
		if rest == "" {
			return m
		}
		return m + "." + rest
	}
	return full
}

// environment is what a name of the environment holds.
func (f *flow) environment(full, index string) taint.Label {
	switch full {
	case "os.environ", "process.env", "environ", "Deno.env", "Bun.env", "import.meta.env":
		if index == "" {
			return taint.EnvAll
		}
		return envOf(index)
	}
	if rest, ok := strings.CutPrefix(full, "process.env."); ok {
		return envOf(rest)
	}
	return 0
}

func envOf(name string) taint.Label {
	if taint.OfText(name).Has(taint.EnvName) {
		return taint.EnvSecret
	}
	return 0
}

// chain reads a name with what hangs on it: parts, indices, calls. tell says that this is where its calls are judged.
func (f *flow) chain(i int, judge bool) (taint.Label, int) {
	first, fn := i, f.in[i]
	full := f.word(i)
	l := f.get(fn, full)
	at := i + 1
	called := false
	for at < len(f.toks) {
		switch {
		case (f.is(at, ".") || f.is(at, "?.")) && f.word(at+1) != "":
			l |= f.get(-1, "."+f.word(at+1))
			if len(full) < maxName {
				full += "." + f.word(at+1)
			}
			at += 2
		case f.is(at, "[") && f.pair[at] > 0:
			index := ""
			if f.toks[at+1].kind == str {
				index = f.toks[at+1].text
			}
			l |= f.environment(f.resolve(full), index) | f.expr(at+1, f.pair[at])&(taint.Param|taint.Secret)
			if f.environment(f.resolve(full), index) == 0 && index == "" || index != "" {
				full = full[:min(len(full), maxName)] + ".[]"
			}
			at = f.pair[at] + 1
		case f.is(at, "(") && f.pair[at] > 0:
			l = f.called(call{first: first, open: at, full: f.resolve(full), fn: fn, self: l, judge: judge})
			called = true
			if m := f.imported(full, at); m != "" {
				full = m
			} else {
				full = full[:min(len(full), maxName)] + "()"
			}
			at = f.pair[at] + 1
		case !f.python && f.toks[at].kind == newline && (f.is(at+1, ".") || f.is(at+1, "?.")):
			at++
		default:
			if !called {
				l |= f.environment(f.resolve(full), "")
			}
			return l, at
		}
	}
	return l, at
}

// call is one call in the text.
type call struct {
	first, open int
	full        string
	fn          int
	self        taint.Label // of what the method is of
	judge       bool
	args        []taint.Label
	kw          map[string]taint.Label
	all         taint.Label
}

// argument is one argument's tokens.
type argument struct {
	name     string
	from, to int
}

func (f *flow) arguments(open int) []argument {
	var list []argument
	level, end := f.program.depth[open]+1, f.pair[open]
	f.steps += (end - open) / wholes
	a := argument{from: open + 1}
	for i := open + 1; i <= end; i++ {
		if i == end || f.is(i, ",") && f.program.depth[i] == level {
			if a.to = i; a.to > a.from {
				list = append(list, a)
			}
			a = argument{from: i + 1}
			continue
		}
		if f.python && f.is(i, "=") && f.program.depth[i] == level && a.name == "" {
			a.name, a.from = f.word(i-1), i+1
		}
	}
	return list
}

// called is what comes out of a call, and where it is judged, what is told of it.
func (f *flow) called(c call) taint.Label {
	c.kw = map[string]taint.Label{}
	args := f.arguments(c.open)
	for _, a := range args {
		l := f.expr(a.from, a.to)
		c.all |= l
		if a.name != "" {
			c.kw[a.name] = l
		} else {
			c.args = append(c.args, l)
		}
	}
	m := f.call(c.full)
	if c.fn >= 0 && (m.role == checks || checkName.MatchString(c.full)) {
		f.checks(c.fn)
	}
	if l, ok := f.local(c, args); ok {
		return l
	}
	if f.last && c.judge {
		f.judge(c, m, args)
	}
	return f.gives(c, m, args)
}

// checkName is what functions are called that compare a path with what is allowed.
var checkName = regexp.MustCompile(`(?i)(?:valid|allow|safe|sanit|secure|check|normal|within|contain|inside|restrict|permit)\w*(?:path|file|dir|root|workspace)|(?:path|file)_?(?:is_?)?(?:valid|allow|safe|within|permit)`)

// local binds the arguments of a call to a function of this file.
func (f *flow) local(c call, args []argument) (taint.Label, bool) {
	last := c.full[strings.LastIndexByte(c.full, '.')+1:]
	list := f.byName[last]
	if head, _, dotted := strings.Cut(f.word(c.first), "."); len(list) == 0 || last == "" || len(list) > 8 || f.alias[head] != "" || f.imports[head] || dotted {
		return 0, false
	}
	var l taint.Label
	for _, n := range list {
		g := &f.funcs[n]
		if c.fn >= 0 && (n != c.fn || f.own(c)) {
			f.callsOne(c.fn, n)
		}
		params := g.params
		given := g.given
		if len(params) > 0 && (params[0] == "self" || params[0] == "cls") {
			params, given = params[1:], given[1:]
		}
		for i, v := range c.args {
			if i < len(given) {
				given[i] |= v
			}
		}
		for i, p := range params {
			given[i] |= c.kw[p]
		}
		for i, p := range g.params {
			f.set(n, p, g.given[i])
		}
		l |= g.result
	}
	return l, true
}
