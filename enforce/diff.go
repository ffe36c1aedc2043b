// SPDX-License-Identifier: Apache-2.0

// This file compares two policies: rules that come, go and change, and what that means for objects people care about.

package enforce

import (
	"fmt"
	"reflect"
	"strings"
)

// Change is one difference between two policies.
type Change struct {
	What string // rule, role, set, connector, skill
	Name string
	Old  string // "" where it is new
	New  string // "" where it is gone
}

func (c Change) String() string {
	switch {
	case c.Old == "":
		return fmt.Sprintf("+ %s %s: %s", c.What, c.Name, c.New)
	case c.New == "":
		return fmt.Sprintf("- %s %s: %s", c.What, c.Name, c.Old)
	}
	return fmt.Sprintf("~ %s %s: %s -> %s", c.What, c.Name, c.Old, c.New)
}

// Effect is a question that two policies answer differently.
type Effect struct {
	Query    Query
	Old, New Answer
}

func (e Effect) String() string {
	who := e.Query.Role
	if who == "" {
		who = DefaultRole
	}
	return fmt.Sprintf("%s %s as %s: %s -> %s", e.Query.Op, e.Query.Object, who, e.Old.Line(), e.New.Line())
}

// Difference is what changes from one policy to another.
type Difference struct {
	Changes []Change
	Effects []Effect
}

// String is one line a change, then one line an effect.
func (d Difference) String() string {
	var b strings.Builder
	for _, c := range d.Changes {
		fmt.Fprintln(&b, c)
	}
	for _, e := range d.Effects {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// Diff compares two policies, and their answers to the samples.
func Diff(old, new *Policy, samples ...Query) Difference {
	var d Difference
	d.Changes = append(d.Changes, compare("role", old.Roles, new.Roles, func(r Role) (string, string) { return r.Name, r.words() })...)
	d.Changes = append(d.Changes, compare("rule", old.Rules, new.Rules, func(r Rule) (string, string) { return r.ID, r.words() })...)
	d.Changes = append(d.Changes, compare("set", old.Sets, new.Sets, func(s Set) (string, string) { return s.Name, list(s.Globs) })...)
	d.Changes = append(d.Changes, compare("connector", old.Connectors, new.Connectors, func(c Connector) (string, string) {
		return c.Name, strings.TrimSpace(strings.Join(c.Command, " ") + c.URL + c.Publisher + " " + c.SHA256)
	})...)
	d.Changes = append(d.Changes, compare("skill", old.Skills, new.Skills, func(s Skill) (string, string) {
		return s.Name, strings.TrimSpace(s.Publisher + " " + s.SHA256)
	})...)
	for _, q := range samples {
		a, b := Explain(old, q), Explain(new, q)
		if a.Line() != b.Line() || a.Applied != b.Applied {
			d.Effects = append(d.Effects, Effect{q, a, b})
		}
	}
	return d
}

// compare lists what is gone or changed in the old one's order, then what is new.
func compare[T any](what string, old, new []T, words func(T) (name, text string)) []Change {
	coming := map[string]string{}
	for _, n := range new {
		name, text := words(n)
		coming[name] = text
	}
	var out []Change
	for _, o := range old {
		name, text := words(o)
		next, stays := coming[name]
		if !stays || next != text {
			out = append(out, Change{what, name, text, next})
		}
		delete(coming, name)
	}
	for _, n := range new {
		if name, text := words(n); hasKey(coming, name) {
			out = append(out, Change{What: what, Name: name, New: text})
		}
	}
	return out
}

func hasKey(m map[string]string, k string) bool { _, ok := m[k]; return ok }

func list(items []string) string { return "[" + strings.Join(items, " ") + "]" }

// words tells a rule in one line; empty keys are left out.
func (r Rule) words() string {
	var ops []string
	for _, op := range r.On {
		ops = append(ops, op.String())
	}
	var s strings.Builder
	s.WriteString(fmt.Sprintf("%s %s %s", r.Action, list(ops), list(r.Match)))
	for _, k := range []struct {
		name  string
		value any
	}{{"except", r.Except}, {"principal", r.Principal}, {"when", r.When}, {"taint", r.Taint}, {"roles", r.Roles}, {"respond", r.Respond}, {"severity", r.Severity}} {
		if !reflect.ValueOf(k.value).IsZero() {
			s.WriteString(fmt.Sprintf(" %s %v", k.name, k.value))
		}
	}
	return s.String()
}

func (r Role) words() string {
	var s strings.Builder
	s.WriteString("users " + list(r.Users) + " groups " + list(r.Groups))
	if len(r.Extends) > 0 {
		s.WriteString(" extends " + list(r.Extends))
	}
	if r.Mode != ModeUnset {
		s.WriteString(" " + r.Mode.String())
	}
	for _, c := range sortedKeys(r.Defaults) {
		s.WriteString(fmt.Sprintf(" %s=%s", c, r.Defaults[c]))
	}
	return s.String()
}
