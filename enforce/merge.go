// SPDX-License-Identifier: Apache-2.0

// This file lays a site's files over the preset under them: what replaces what, and what may stand only once.

package enforce

import (
	"fmt"
	"maps"
	"slices"
)

// undeclared marks problems that a file which could not be read may explain.
const undeclared = "is not declared"

// merge makes one policy of the site's documents, in order, over their base.
func merge(site []*document) (*Policy, Problems) {
	base, ps := chooseBase(site)
	p := &Policy{Base: base, Roles: []Role{{Name: DefaultRole}}}
	for _, doc := range presetLayers(base) {
		p.lay(doc)
	}
	ps = append(ps, duplicates(site)...)
	for _, doc := range site {
		ps = append(ps, p.removals(doc)...)
	}
	for _, doc := range site {
		p.lay(doc)
	}
	p.Rules = slices.DeleteFunc(p.Rules, func(r Rule) bool { return r.Disabled })
	for i := range p.Rules {
		if p.Rules[i].Principal == "any" {
			p.Rules[i].Principal = ""
		}
	}
	p.collectTaints()
	return p, ps
}

// chooseBase takes the preset that the files name; two may not name different ones.
func chooseBase(site []*document) (string, Problems) {
	base, where, ps := "", Place{}, Problems(nil)
	for _, doc := range site {
		here := Place{doc.source.name, doc.baseLine}
		switch {
		case doc.base == "" || doc.base == base:
		case base == "":
			base, where = doc.base, here
		default:
			ps = append(ps, &Problem{Place: here, Key: "base", Reason: fmt.Sprintf("%q, but %s says %q", doc.base, where, base),
				Hint: "keep one of the two"})
		}
	}
	if base == "" {
		base = DefaultPreset
	}
	return base, ps
}

// lay puts a document over what is there: rules, sets and declarations replace those of the same name whole, a role
// replaces the keys that it sets.
func (p *Policy) lay(doc *document) {
	p.Homes = append(p.Homes, doc.homes...)
	for _, r := range doc.roles {
		p.layRole(r)
	}
	p.Rules = replace(p.Rules, doc.rules, func(r *Rule) string { return r.ID })
	p.Sets = replace(p.Sets, doc.sets, func(s *Set) string { return s.Name })
	p.Connectors = replace(p.Connectors, doc.connectors, func(c *Connector) string { return c.Name })
	p.Skills = replace(p.Skills, doc.skills, func(s *Skill) string { return s.Name })
}

// replace puts each of over in the place of the one with its name, or at the end.
func replace[T any](under, over []T, name func(*T) string) []T {
	at := make(map[string]int, len(under)+len(over))
	for i := range under {
		at[name(&under[i])] = i
	}
	for i := range over {
		n := name(&over[i])
		if j, ok := at[n]; ok {
			under[j] = over[i]
			continue
		}
		at[n] = len(under)
		under = append(under, over[i])
	}
	return under
}

func (p *Policy) layRole(r Role) {
	old := p.role(r.Name)
	if old == nil {
		p.Roles = append(p.Roles, r)
		return
	}
	defaults := maps.Clone(old.Defaults)
	if defaults == nil {
		defaults = map[Class]Action{}
	}
	maps.Copy(defaults, r.Defaults)
	r.Defaults = defaults
	if r.Mode == ModeUnset {
		r.Mode = old.Mode
	}
	if r.Extends == nil {
		r.Extends = old.Extends
	}
	*old = r
}

// named is anything that may stand once among the site's files.
type named struct {
	kind, name string
	place      Place
}

func (doc *document) names() []named {
	var all []named
	for i := range doc.roles {
		all = append(all, named{"role", doc.roles[i].Name, doc.roles[i].Place})
	}
	for i := range doc.rules {
		all = append(all, named{"rule", doc.rules[i].ID, doc.rules[i].Place})
	}
	for i := range doc.connectors {
		all = append(all, named{"connector", doc.connectors[i].Name, doc.connectors[i].Place})
	}
	for i := range doc.skills {
		all = append(all, named{"skill", doc.skills[i].Name, doc.skills[i].Place})
	}
	for i := range doc.sets {
		all = append(all, named{"set", doc.sets[i].Name, doc.sets[i].Place})
	}
	return all
}

func duplicates(site []*document) Problems {
	var ps Problems
	first := map[[2]string]Place{}
	for _, doc := range site {
		for _, n := range doc.names() {
			key := [2]string{n.kind, n.name}
			if n.name == "" {
				continue
			}
			if before, twice := first[key]; twice {
				ps = append(ps, &Problem{Place: n.place, Rule: fmt.Sprintf("%s %q", n.kind, n.name),
					Reason: "stands also at " + before.String(), Hint: "only a preset's is replaced by name; give this one its own"})
				continue
			}
			first[key] = n.place
		}
	}
	return ps
}

// removals checks that a bare `enabled = false` removes something.
func (p *Policy) removals(doc *document) Problems {
	var ps Problems
	for i := range doc.rules {
		r := &doc.rules[i]
		if !r.Disabled || len(r.On) > 0 || len(r.Match) > 0 || r.ID == "" || p.Rule(r.ID) != nil {
			continue
		}
		var ids []string
		for i := range p.Rules {
			ids = append(ids, p.Rules[i].ID)
		}
		ps = append(ps, &Problem{Place: r.Place, Rule: fmt.Sprintf("rule %q", r.ID), Key: "enabled",
			Reason: fmt.Sprintf("preset %s has no rule of this id to remove", p.Base), Hint: didYouMean(r.ID, ids)})
	}
	return ps
}
