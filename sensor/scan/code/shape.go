// SPDX-License-Identifier: Apache-2.0

// This file finds shapes of programs that no single call shows: what never ends, and what waits for a moment.

package code

import (
	"strconv"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/taint"
)

// huge is a count that no honest loop or list has written into it.
const huge = 5_000_000

// hogs finds memory, time and recursion without an end.
func (f *flow) hogs() {
	for i, t := range f.toks {
		if t.kind == number {
			n, err := strconv.ParseInt(strings.TrimSuffix(t.text, "n"), 10, 64)
			power := f.is(i+1, "**") && n >= 10 && len(f.word(i+2)) == 0 && i+2 < len(f.toks) && f.toks[i+2].kind == number && len(f.toks[i+2].text) > 0 && f.toks[i+2].text >= "7"
			if (err == nil && n >= huge || power) && (f.repeats(i) || f.is(i-1, "(") && f.word(i-2) == "range") {
				f.tell("COD-HOG", i, "an amount that no task needs: "+t.text)
			}
		}
		if f.python && t.kind == name && t.text == "while" && t.col >= 0 && (f.word(i+1) == "True" || f.toks[i+1].text == "1") {
			f.endless(i)
		}
	}
	for n := range f.funcs {
		fn := &f.funcs[n]
		if fn.calls[n] && !f.branches(fn) {
			f.tell("COD-HOG", min(fn.from, len(f.toks)-1), "a function that calls itself without an end")
		}
	}
}

// repeats says that what is multiplied by a number is a text or a list, or another number. A name may be a number of days.
func (f *flow) repeats(i int) bool {
	of := func(at int) bool {
		return at >= 0 && at < len(f.toks) && (f.toks[at].kind == str || f.toks[at].kind == number || f.is(at, "[") || f.is(at, "]") || f.is(at, ")") && f.word(at-1) == "")
	}
	return f.is(i-1, "*") && of(i-2) || f.is(i+1, "*") && of(i+2)
}

// endless judges a loop that only a break ends, when it only ever takes.
func (f *flow) endless(i int) {
	end := f.block(i, f.toks[i].col)
	grows := false
	for at := i; at < end; at++ {
		switch f.word(at) {
		case "break", "return", "sleep", "await", "input", "recv", "accept", "readline", "get", "read", "raise", "yield", "exit":
			return
		case "append", "extend", "write", "get_many", "post", "fork", "Thread":
			grows = true
		}
	}
	if grows {
		f.tell("COD-HOG", i, "a loop without an end that takes more each time")
	}
}

func (f *flow) branches(fn *function) bool {
	for i := fn.from; i < min(fn.to, len(f.toks)); i++ {
		switch f.word(i) {
		case "if", "or", "and", "for", "while", "match", "switch", "case", "await", "super", "try", "raise", "with", "yield":
			return true
		}
		if f.is(i, "?") || f.is(i, "&&") || f.is(i, "||") || f.is(i, "??") {
			return true
		}
	}
	return false
}

// triggers finds dangerous functions that wait for a date, or for a word that somebody says.
func (f *flow) triggers() {
	if !f.whole().Has(taint.Executes | taint.Persists | taint.Sends | taint.Deletes) {
		return
	}
	for i := range f.toks {
		if f.python && f.word(i) == "datetime" && f.is(i+1, "(") && i+2 < len(f.toks) && f.toks[i+2].kind == number && len(f.toks[i+2].text) == 4 && f.compared(i) {
			f.tell("COD-TRIGGER", i, "waits for a date")
		}
		if !f.python && f.word(i) == "Date" && f.is(i+1, "(") && i+2 < len(f.toks) && f.toks[i+2].kind == str && f.compared(i) {
			f.tell("COD-TRIGGER", i, "waits for a date")
		}
	}
}

// compared says that a constant date is compared with now, at once or by its name.
func (f *flow) compared(i int) bool {
	begin := f.statement(i)
	if w := f.word(begin); w != "" && f.is(begin+1, "=") {
		for at := range f.toks {
			if f.word(at) == w && at > i && f.near(at) {
				return true
			}
		}
	}
	return f.near(i)
}

func (f *flow) near(i int) bool {
	begin, end := f.statement(i), min(len(f.toks), i+12)
	for at := begin; at < end; at++ {
		if f.is(at, ">") || f.is(at, ">=") || f.is(at, "<") {
			return true
		}
		if at > i && f.toks[at].kind == newline {
			return false
		}
	}
	return false
}
