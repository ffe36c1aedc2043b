// SPDX-License-Identifier: Apache-2.0

// This file says which modules the names of a program are from.

package code

import "strings"

func (p *program) findImports() {
	for i := range p.toks {
		switch {
		case p.python && p.toks[i].col >= 0 && p.word(i) == "import":
			p.pythonImport(i + 1)
		case p.python && p.toks[i].col >= 0 && p.word(i) == "from":
			p.pythonFrom(i + 1)
		case !p.python && p.word(i) == "import":
			p.scriptImport(i)
		case !p.python && p.word(i) == "require" && p.is(i+1, "(") && i+2 < len(p.toks) && p.toks[i+2].kind == str:
			p.bind(i-1, module(p.toks[i+2].text))
		}
	}
}

// module is a module's name without what says where it is from.
func module(s string) string {
	s = strings.TrimPrefix(s, "node:")
	return strings.ReplaceAll(strings.TrimSuffix(s, "/promises"), "/", ".")
}

func (p *program) dotted(i int) (string, int) {
	var b strings.Builder
	for p.word(i) != "" {
		b.WriteString(p.word(i))
		if !p.is(i+1, ".") {
			return b.String(), i + 1
		}
		b.WriteByte('.')
		i += 2
	}
	return strings.TrimSuffix(b.String(), "."), i
}

func (p *program) pythonImport(i int) {
	for {
		full, next := p.dotted(i)
		if full == "" {
			return
		}
		p.imports[full] = true
		p.imports[strings.Split(full, ".")[0]] = true
		if p.word(next) == "as" {
			p.alias[p.word(next+1)] = full
			next += 2
		}
		if !p.is(next, ",") {
			return
		}
		i = next + 1
	}
}

func (p *program) pythonFrom(i int) {
	full, next := p.dotted(i)
	if full == "" || p.word(next) != "import" {
		return
	}
	p.imports[full] = true
	p.imports[strings.Split(full, ".")[0]] = true
	for at := next + 1; at < len(p.toks) && p.toks[at].kind != newline; at++ {
		w := p.word(at)
		if w == "" || w == "as" || p.word(at-1) == "as" {
			continue
		}
		as := w
		if p.word(at+1) == "as" {
			as = p.word(at + 2)
		}
		p.alias[as] = full + "." + w
	}
}

func (p *program) scriptImport(i int) {
	for at := i + 1; at < min(len(p.toks), i+80); at++ {
		if p.word(at) == "from" && at+1 < len(p.toks) && p.toks[at+1].kind == str {
			p.bind(at-1, module(p.toks[at+1].text))
			return
		}
	}
}

// bind gives the names before i the module that they are from: one name is the module, names in braces are of it.
func (p *program) bind(i int, from string) {
	p.imports[from] = true
	if p.is(i, "=") {
		i--
	}
	if p.word(i) == "await" {
		i -= 2
	}
	if w := p.word(i); w != "" {
		p.alias[w] = from
		return
	}
	if !p.is(i, "}") || p.pair[i] < 0 {
		return
	}
	for at := p.pair[i] + 1; at < i; at++ {
		w := p.word(at)
		if w == "" || w == "as" || p.is(at-1, ":") || p.word(at-1) == "as" {
			continue
		}
		as := w
		if p.is(at+1, ":") || p.word(at+1) == "as" {
			as = p.word(at + 2)
		}
		p.alias[as] = from + "." + w
	}
}

// imported is the module that a call gives, as in require("https").get(...): its name, so that what is called on it is known.
func (f *flow) imported(full string, open int) string {
	t := f.toks[min(open+1, len(f.toks)-1)]
	if t.kind != str || t.text == "" || len(t.parts) > 0 {
		return ""
	}
	switch full {
	case "require", "import", "__import__", "importlib.import_module", "import_module":
		f.imports[module(t.text)] = true
		return module(t.text)
	}
	return ""
}
