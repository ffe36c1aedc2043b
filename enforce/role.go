// SPDX-License-Identifier: Apache-2.0

// This file answers what a role is: whom it takes, what it inherits, what holds where no rule matches.

package enforce

import "slices"

// RoleOf is the one role of a user: the first in file order that names the user, then the first that names one of their
// groups, else default.
func (p *Policy) RoleOf(user string, groups []string) string {
	for i := range p.Roles {
		if slices.Contains(p.Roles[i].Users, user) {
			return p.Roles[i].Name
		}
	}
	for i := range p.Roles {
		if slices.ContainsFunc(p.Roles[i].Groups, func(g string) bool { return slices.Contains(groups, g) }) {
			return p.Roles[i].Name
		}
	}
	return DefaultRole
}

// role finds a role by its name.
func (p *Policy) role(name string) *Role {
	for i := range p.Roles {
		if p.Roles[i].Name == name {
			return &p.Roles[i]
		}
	}
	return nil
}

// lineage is the role and everything it extends, nearest first, each once. A cycle ends where it closes: saying that it
// is one is the business of the check.
func (p *Policy) lineage(name string) []*Role {
	var line []*Role
	var visit func(string)
	visit = func(name string) {
		r := p.role(name)
		if r == nil || slices.Contains(line, r) {
			return
		}
		line = append(line, r)
		for _, parent := range r.Extends {
			visit(parent)
		}
	}
	visit(name)
	return line
}

// backing is the lineage with the default role behind it, which answers for the keys that nobody in it sets.
func (p *Policy) backing(name string) []*Role {
	line := p.lineage(name)
	if d := p.role(DefaultRole); d != nil && !slices.Contains(line, d) {
		line = append(line, d)
	}
	return line
}

// Mode is whether a role's verdicts are applied: its own key, that of what it extends, that of the default role, enforce.
func (p *Policy) Mode(role string) Mode {
	for _, r := range p.backing(role) {
		if r.Mode != ModeUnset {
			return r.Mode
		}
	}
	return Enforce
}

// Default is what a role does with objects of a class that no rule mentions.
func (p *Policy) Default(role string, c Class) Action {
	if c == ClassNone {
		return Allow
	}
	for _, r := range p.backing(role) {
		if a, ok := r.Defaults[c]; ok {
			return a
		}
	}
	return classDefaults[c]
}

// binds reports whether a rule holds for a role: it names no role, or this one, or one that this one extends.
func (p *Policy) binds(r *Rule, role string) bool {
	if len(r.Roles) == 0 {
		return true
	}
	return slices.ContainsFunc(p.lineage(role), func(a *Role) bool { return slices.Contains(r.Roles, a.Name) })
}
