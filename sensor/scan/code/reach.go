// SPDX-License-Identifier: Apache-2.0

// This file says who calls whom: which functions tools get to, and which have to do with one that compares paths. Both are asked
// at every call that is judged, so they are found once, and again when more is known.

package code

import "strings"

// reached is what is known at one state of the calls.
type reached struct {
	state   int
	tool    []bool
	guarded []bool
}

// from is every function that some of them call, however far, themselves included.
func from(roots []int, next func(int) []int, n int) []bool {
	seen := make([]bool, n)
	for len(roots) > 0 {
		at := roots[len(roots)-1]
		roots = roots[:len(roots)-1]
		if !seen[at] {
			seen[at] = true
			roots = append(roots, next(at)...)
		}
	}
	return seen
}

func (f *flow) reachedNow() *reached {
	if f.known != nil && f.known.state == f.state {
		return f.known
	}
	called, callers := make([][]int, len(f.funcs)), make([][]int, len(f.funcs))
	var tools, checked []int
	for n := range f.funcs {
		for m := range f.funcs[n].calls {
			called[n], callers[m] = append(called[n], m), append(callers[m], n)
		}
		if f.funcs[n].tool {
			tools = append(tools, n)
		}
		if f.funcs[n].checked {
			checked = append(checked, n)
		}
	}
	down := func(n int) []int { return called[n] }
	up := func(n int) []int { return callers[n] }
	f.known = &reached{f.state, from(tools, down, len(f.funcs)), from(checked, down, len(f.funcs))}
	for n, is := range from(checked, up, len(f.funcs)) {
		f.known.guarded[n] = f.known.guarded[n] || is
	}
	return f.known
}

// inTool says that a function is a tool, or within one, or is called by one.
func (f *flow) inTool(fn int) bool {
	for ; fn >= 0; fn = f.funcs[fn].parent {
		if f.reachedNow().tool[fn] {
			return true
		}
	}
	return false
}

// guarded says that paths are compared: in the function, or in one that it calls or that calls it.
func (f *flow) guarded(fn int) bool { return f.reachedNow().guarded[fn] }

// callsOne notes that a function of the file calls another one.
func (f *flow) callsOne(from, to int) {
	if !f.funcs[from].calls[to] {
		f.funcs[from].calls[to] = true
		f.state++
	}
}

// checks notes that a function compares paths.
func (f *flow) checks(fn int) {
	if !f.funcs[fn].checked {
		f.funcs[fn].checked = true
		f.state++
	}
}

func (f *flow) reaches(from, to int, seen map[int]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for n := range f.funcs[from].calls {
		if f.reaches(n, to, seen) {
			return true
		}
	}
	return false
}

// own says that a function calls itself: a method on the object itself, another one by its bare name. A class' name may be that
// of the class above, and a method's bare name is that of another function.
func (f *flow) own(c call) bool {
	fn, head := &f.funcs[c.fn], f.word(c.first)
	if head == "self" || head == "cls" || head == "this" {
		return fn.method && !fn.arrow && strings.Count(c.full, ".") == 1 && f.is(c.open-2, ".")
	}
	return !fn.method && !strings.Contains(c.full, ".") && f.alias[head] == ""
}

// defines says that what looks like a call is where a function begins.
func (f *flow) defines(i int) bool {
	if w := f.word(i - 1); w == "def" || w == "function" {
		return true
	}
	return !f.python && f.is(i+1, "(") && f.pair[i+1] > 0 && f.word(i-1) != "new" && f.word(i-1) != "await" && !keywords[f.word(i)] && f.body(f.pair[i+1]+1) > 0
}
