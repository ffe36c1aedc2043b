// SPDX-License-Identifier: Apache-2.0

// This file holds the checks that need the host: do the groups exist, does the table fit, and would the policy stop an
// agent's own start or Reeve itself. The last runs the oracle over what agents were seen to do, not over a list of ours.

package enforce

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Groups answers whether the host knows a group, through NSS.
type Groups interface {
	HasGroup(name string) (bool, error)
}

// Act is one operation on one object.
type Act struct {
	Op     Op
	Object string
}

// Start is what an agent was recorded to do from its exec to its first prompt: its executable, its files, its shell,
// interpreter and libraries, and where its vendor's model is.
type Start struct {
	Agent string
	Role  string // "" is every role
	Acts  []Act
}

// CheckOptions are what a whole check asks beside the policy. Nil and empty parts are left out of it.
type CheckOptions struct {
	Options
	Groups Groups
	Agents []Agent
	Starts []Start
	// Plugins are those that run here; nil where that is not known.
	Plugins []Plugin
}

// ownStart is what sessions need of Reeve: to ask why, and to be heard by its hooks.
var ownStart = Start{Agent: "Reeve", Acts: []Act{
	{OpExec, "/usr/bin/reeve"},
	{OpExecMap, "/usr/bin/reeve"},
	{OpFileRead, "/usr/bin/reeve"},
	{OpExecArgv, "reeve why"},
	{OpExecArgv, "reeve why --last"},
	{OpExecArgv, "reeve hook PreToolUse"},
	{OpUnixConnect, "/run/reeve/session.sock"},
}}

// Check finds everything that is wrong with a policy on this host: what Load found, missing groups, a table that does
// not fit, a start that would be refused. Of a policy with faults the rest is looked at as far as it stands without them.
func Check(p *Policy, o CheckOptions) Problems {
	c := &checker{p: p, ps: slices.Clone(p.found.told)}
	c.checkGroups(o.Groups)
	c.checkResponders(o.Plugins)
	if p.fits() {
		c.checkTable(p.sound(), o)
	}
	return c.ps.sorted()
}

// checkTable compiles, and asks the table about starts. Where a rule is too much for it, the others are asked about.
func (c *checker) checkTable(s *sound, o CheckOptions) {
	im, err := Compile(s.policy, o.Agents, 0, o.Options)
	if ps, ok := errors.AsType[Problems](err); ok {
		c.ps = append(c.ps, ps...)
		s = s.without(ps)
		if im, err = Compile(s.policy, o.Agents, 0, o.Options); err != nil {
			return
		}
	}
	for _, start := range append(slices.Clone(o.Starts), ownStart) {
		c.checkStart(s, im, start, o.Options)
	}
}

// checkGroups: a group that does not exist gives its role to nobody, which is worse than a typo looks. A directory that
// does not answer is no fault of the policy.
func (c *checker) checkGroups(groups Groups) {
	if groups == nil {
		return
	}
	for i := range c.p.Roles {
		r := &c.p.Roles[i]
		for j, g := range r.Groups {
			key := fmt.Sprintf("groups[%d]", j)
			switch ok, err := groups.HasGroup(g); {
			case err != nil:
				c.role(r, key, "check again when the directory answers", "looking up group %q: %v", g, err)
				c.warn()
			case !ok:
				c.role(r, key, fmt.Sprintf("`getent group %s` prints nothing: create the group, or join the directory that has it", g),
					"group %q does not exist on this host, so nobody gets the role by it", g)
			}
		}
	}
}

// refusal collects what one rule, or one role's default, refuses of a start.
type refusal struct {
	rule  *Rule
	role  *Role
	acts  []Act
	mode  Mode
	roles []string
}

func (c *checker) checkStart(s *sound, im *Image, start Start, o Options) {
	oracle := im.Oracle()
	var all []*refusal
	for i := range c.p.Roles {
		role := &c.p.Roles[i]
		if start.Role != "" && start.Role != role.Name || slices.Contains(s.unsure, role.Name) {
			continue
		}
		for _, act := range start.Acts {
			if !act.Op.Compiled() {
				continue
			}
			action := oracle.Decide(Subject{Role: uint32(i), Principal: 1}, act.Op, ViewHost, []byte(act.Object)).Action
			if !action.Refuses() {
				continue
			}
			q := Query{Role: role.Name, Op: act.Op, Object: act.Object, Homes: o.Homes}
			rule := s.policy.Attribute(q, action)
			if rule == nil && act.Op.ofNet() {
				continue // where its model is a site says by rules: who denies all else means it
			}
			all = gather(all, rule, role, act, c.p.Mode(role.Name))
		}
	}
	for _, r := range all {
		if r.rule != nil || s.whole { // a rule that is left out may allow what the default refuses
			c.tell(start.Agent, r)
		}
	}
}

// gather adds a refusal to those of the same rule, or the same role's default.
func gather(all []*refusal, rule *Rule, role *Role, act Act, mode Mode) []*refusal {
	i := slices.IndexFunc(all, func(r *refusal) bool { return r.rule == rule && (rule != nil || r.role == role) })
	if i < 0 {
		all = append(all, &refusal{rule: rule, role: role, mode: mode})
		i = len(all) - 1
	}
	r := all[i]
	r.mode = max(r.mode, mode)
	if !slices.Contains(r.acts, act) {
		r.acts = append(r.acts, act)
	}
	if !slices.Contains(r.roles, role.Name) {
		r.roles = append(r.roles, role.Name)
	}
	return all
}

func (c *checker) tell(agent string, r *refusal) {
	what := fmt.Sprintf("%s on %s", r.acts[0].Op, r.acts[0].Object)
	if more := len(r.acts) - 1; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	if r.rule != nil {
		c.rule(r.rule, "match", fmt.Sprintf("add it to except: %q", r.acts[0].Object),
			"would stop %s itself (%s) in role %s", agent, what, strings.Join(r.roles, ", "))
	} else {
		class := r.acts[0].Op.info().class
		c.role(r.role, "defaults."+string(class), "allow it by a rule, or set the default to \"audit\"",
			"the default of class %s would stop %s itself (%s)", class, agent, what)
	}
	if r.mode == Observe || r.acts[0].Op.ofNet() { // a site's agents may reach their model by a gateway of its own
		c.warn()
	}
}

// Notes tell what a policy asks for that this build does not hold yet, so that nothing is accepted in silence.
func Notes(p *Policy) []string {
	var notes []string
	for _, op := range Ops() {
		var ids []string
		for i := range p.Rules {
			if slices.Contains(p.Rules[i].On, op) {
				ids = append(ids, p.Rules[i].ID)
			}
		}
		if !Held(op) && len(ids) > 0 {
			notes = append(notes, fmt.Sprintf("%s is checked and explained, but not yet held by this build: %s", op, shortList(ids)))
		}
	}
	return notes
}
