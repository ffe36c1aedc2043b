// SPDX-License-Identifier: Apache-2.0

// Random policies about the names of the tree.

package model

import (
	"fmt"
	"strings"
)

var (
	parts = []string{"a", "b", "c", "x", "y", "*", "?", "[ax]", "{b,y}", "a", "b", "x"}
	ops   = []string{"file.read", "file.write", "file.create", "file.delete", "file.rename", "file.attr", "exec", "exec.map"}
	marks = []string{"red", "blue"}

	actions = []string{"deny", "deny", "deny", "deny", "ask", "audit", "audit", "allow", "allow"}
)

// Policy makes one that can be read. Names of O_TMPFILE have a number in them that nobody knows before, so no glob tells
// numbers apart.
func (g *Generator) Policy() []string {
	for {
		policy := []string{g.role()}
		for _, m := range marks {
			policy = append(policy, table("mark-"+m, []string{"file.read"}, []string{"/marks/" + m}, "audit", "taint = \""+m+"\""))
		}
		for i := range 3 + g.R.IntN(6) {
			policy = append(policy, g.rule(i))
		}
		if _, err := parse(policy); err == nil {
			return policy
		}
	}
}

func (g *Generator) role() string {
	level := func(denies int) string {
		if g.chance(denies) {
			return "deny"
		}
		return pick(g.R, []string{"allow", "allow", "audit"})
	}
	mode := ""
	if g.chance(3) {
		mode = "mode = \"observe\"\n"
	}
	return fmt.Sprintf("[[role]]\nname = \"default\"\n%sdefaults = { file = %q, foreign = %q, exec = %q }",
		mode, level(12), level(15), level(5))
}

func table(id string, on, match []string, action string, more ...string) string {
	lines := append([]string{
		"[[rule]]", fmt.Sprintf("id = %q", id), "on = " + quoted(on), "match = " + quoted(match), fmt.Sprintf("action = %q", action),
	}, more...)
	return strings.Join(lines, "\n")
}

func quoted(items []string) string {
	all := make([]string, len(items))
	for i, s := range items {
		all[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (g *Generator) rule(i int) string {
	on := g.some(ops, 4)
	var more []string
	if g.chance(35) {
		more = append(more, "except = "+quoted(g.globs(2)))
	}
	if g.chance(15) {
		more = append(more, "when = { taint = "+quoted(g.some(marks, 2))+" }")
	}
	action := pick(g.R, actions)
	if g.chance(20) {
		more = append(more, fmt.Sprintf("taint = %q", pick(g.R, marks)))
		on, action = []string{"file.read"}, pick(g.R, []string{"audit", "audit", "allow", "deny"})
	}
	return table(fmt.Sprintf("r%d", i), on, g.globs(3), action, more...)
}

func (g *Generator) some(from []string, most int) []string {
	var out []string
	for _, i := range g.R.Perm(len(from))[:1+g.R.IntN(min(most, len(from)))] {
		out = append(out, from[i])
	}
	return out
}

func (g *Generator) globs(most int) []string {
	var out []string
	for range 1 + g.R.IntN(most) {
		out = append(out, g.glob())
	}
	return out
}

func (g *Generator) glob() string {
	part := func() string { return pick(g.R, parts) }
	switch g.R.IntN(24) {
	case 0:
		return "**"
	case 1, 2, 3:
		return "**/" + part()
	case 4, 5:
		return "**/" + pick(g.R, names) + "/**"
	case 6, 7:
		return "**/" + pick(g.R, names) + "/" + part()
	case 8, 9, 10:
		return Home + "/*/" + part()
	case 11, 12, 13, 14, 15:
		return Home + "/*/" + part() + "/**"
	case 16, 17:
		return Home + "/*/" + part() + "/" + part()
	case 18:
		return Home + "/*/" + part() + "/" + part() + "/**"
	case 19, 20:
		return Home + "/*/**/" + pick(g.R, names)
	case 21:
		return Home + "/*/" + part() + "/**/" + part()
	}
	return Home + "/" + Inside + "/" + part() + "/" + part()
}
