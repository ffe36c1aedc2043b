// SPDX-License-Identifier: Apache-2.0

// This file is what can be judged of a policy in which something is wrong: the rest of it, so that people hear of all faults
// at once, and of none that only follows from another.

package enforce

import (
	"fmt"
	"slices"
	"strings"
)

// finding is what reading a policy brought to light.
type finding struct {
	told   Problems
	unsaid Problems // that a file which told nothing may explain
	lost   bool     // there is such a file
	base   bool     // some file says what the policy begins from
}

// sound is the part of a policy that means what it says.
type sound struct {
	policy *Policy
	whole  bool     // it is all of the policy
	unsure []string // roles whose rules or mode are not known
}

// sound leaves out what faults lie in, and what leans on it: a rule without its except, or a set without its globs, would
// be blamed for what it does not say. Where the base is not known, its rules are left out too.
func (p *Policy) sound() *sound {
	faults := append(p.found.told.Errors(), p.found.unsaid.Errors()...)
	s := &sound{policy: p, whole: len(faults) == 0 && !p.found.lost}
	if s.whole {
		return s
	}
	part := *p
	based := (p.found.base || !p.found.lost) && !slices.ContainsFunc(faults, func(q *Problem) bool { return q.Key == "base" })
	part.Rules = slices.DeleteFunc(slices.Clone(p.Rules), func(r Rule) bool {
		return !based && strings.HasPrefix(r.File, "preset:") || p.leans(&r, faults)
	})
	part.Homes = slices.DeleteFunc(slices.Clone(p.Homes), func(h string) bool {
		reason, _ := checkPath(h)
		return reason != "" || hasTilde(h)
	})
	for i := range p.Roles {
		if slices.ContainsFunc(p.backing(p.Roles[i].Name), func(r *Role) bool { return r.Name == "" || faults.blur("role", r.Name) }) {
			s.unsure = append(s.unsure, p.Roles[i].Name)
		}
	}
	s.policy = &part
	return s
}

// without leaves out the rules that problems name.
func (s *sound) without(ps Problems) *sound {
	part := *s.policy
	part.Rules = slices.DeleteFunc(slices.Clone(part.Rules), func(r Rule) bool { return ps.blur("rule", r.ID) })
	return &sound{policy: &part, unsure: s.unsure}
}

// leans reports whether a rule is at fault, or uses a set that is.
func (p *Policy) leans(r *Rule, faults Problems) bool {
	if r.ID == "" || faults.blur("rule", r.ID) {
		return true
	}
	return slices.ContainsFunc(slices.Concat(r.Match, r.Except), func(glob string) bool {
		s := p.setOf(glob)
		return s != nil && (s.unread || faults.blur("set", s.Name))
	})
}

// harmless are keys whose faults change nothing of what is decided.
var harmless = []string{"users", "groups", "respond", "severity", "tags", "reason"}

// blur reports whether what the thing of that name decides is not known for one of the problems.
func (ps Problems) blur(kind, name string) bool {
	what := fmt.Sprintf("%s %q", kind, name)
	return slices.ContainsFunc(ps, func(q *Problem) bool {
		key, _, _ := strings.Cut(q.Key, "[")
		return q.Rule == what && !slices.Contains(harmless, key)
	})
}

// fits reports whether the kernel's table has numbers for all names.
func (p *Policy) fits() bool {
	return len(p.Taints) <= maxTaints && len(p.Roles) <= maxRoles && len(p.Principals()) <= maxPrincipals
}
