// SPDX-License-Identifier: Apache-2.0

// This file compiles a policy and the agent catalogue into the kernel's table. Pure and deterministic: the same policy
// gives the same bytes.

package enforce

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// Group is a set of rules that decide alike: the unit of which labels are made.
type Group struct {
	Roles     []int // indexes of roles, after extends
	Principal int   // 0 is any
	Taints    []int // any of them; none is always
	Taint     int   // 1 + the taint that reading sets; 0 for none
	Ops       []Op
	Action    Action
	Guard     bool // holds in every mode
	Rules     []string
}

// plan is a policy with its rules sorted into groups.
type plan struct {
	p            *Policy
	homes        []string
	known        map[string]int // groups by all that makes them differ
	paths, lines []Group
	nets         []Group
	names        []Group
	pathRules    []match.Rule
	lineRules    []match.Rule
	netRules     []match.Rule
}

// Compile makes the table of a policy that has passed its checks. The error is Problems that name the rules at fault.
func Compile(p *Policy, agents []Agent, generation uint64, o Options) (*Image, error) {
	if rows := len(rowsOf(agents)); rows > maxAgents {
		return nil, Problems{{Reason: fmt.Sprintf("%d rows of agents in the catalogue, the kernel's table holds %d", rows, maxAgents)}}
	}
	if ps := p.overrun(); ps != nil {
		return nil, ps
	}
	pl := &plan{p: p, homes: p.homes(o), known: map[string]int{}}
	for i := range p.Rules {
		pl.add(&p.Rules[i])
	}
	if ps := pl.overfull(); len(ps) > 0 {
		return nil, ps
	}
	engines, ps := pl.engines(agents)
	if len(ps) > 0 {
		return nil, ps.sorted()
	}
	return pl.image(engines, agents, generation), nil
}

// effectiveOps are the operations that a rule decides in the table: rules that refuse exec hold for exec.map too, or a
// program could be loaded by another one.
func (r *Rule) effectiveOps() []Op {
	on := slices.Clone(r.On)
	if slices.Contains(on, OpExec) && r.Action.Refuses() && !slices.Contains(on, OpExecMap) {
		on = append(on, OpExecMap)
	}
	slices.Sort(on)
	return on
}

// groupOf is the group that a rule belongs to.
func (p *Policy) groupOf(r *Rule) Group {
	g := Group{Ops: r.effectiveOps(), Action: r.Action, Guard: r.Guards()}
	for i, name := range p.RoleNames() {
		if p.binds(r, p.actsAs(name)) {
			g.Roles = append(g.Roles, i)
		}
	}
	if r.Principal != "" {
		g.Principal = slices.Index(p.Principals(), r.Principal)
	}
	for _, t := range r.When {
		g.Taints = append(g.Taints, slices.Index(p.Taints, t))
	}
	slices.Sort(g.Taints)
	g.Taints = slices.Compact(g.Taints)
	if r.Taint != "" {
		g.Taint = 1 + slices.Index(p.Taints, r.Taint)
	}
	return g
}

// marks reports whether the group's rules mark a session that reads.
func (g *Group) marks() bool { return g.Taint > 0 && slices.Contains(g.Ops, OpFileRead) }

// add sorts a rule into its group. Rules on operations that the table does not hold stay out.
func (pl *plan) add(r *Rule) {
	groups, rules := &pl.paths, &pl.pathRules
	spell := func(globs []string, _ bool) []string { return globs }
	switch r.text() {
	case textPath, textSocket:
	case textLine:
		groups, rules = &pl.lines, &pl.lineRules
	case textDomain, textAddr, textFamily:
		groups, rules = &pl.nets, &pl.netRules
		spell = func(globs []string, except bool) []string { return netGlobs(r, globs, except) }
	case textName:
		pl.addName(r)
		return
	default:
		return
	}
	at, ok := pl.group(r, groups)
	if !ok {
		return
	}
	*rules = append(*rules, match.Rule{ID: r.ID, Group: at, Match: spell(pl.p.expand(r, r.Match, pl.homes), false),
		Except: spell(pl.p.expand(r, r.Except, pl.homes), true)})
}

// group is the place of a rule's group among those of its kind; ok is false for a rule that speaks of nobody.
func (pl *plan) group(r *Rule, groups *[]Group) (at int, ok bool) {
	g := pl.p.groupOf(r)
	if len(g.Roles) == 0 {
		return 0, false
	}
	key := fmt.Sprint(g.Roles, g.Principal, g.Taints, g.Taint, g.Ops, g.Action, g.Guard)
	at, known := pl.known[key]
	if !known {
		at = len(*groups)
		pl.known[key] = at
		*groups = append(*groups, g)
	}
	(*groups)[at].Rules = append((*groups)[at].Rules, r.ID)
	return at, true
}

// addName sorts a rule on bare names into its group. The kernel knows what it starts by numbers, privileges by nothing yet.
func (pl *plan) addName(r *Rule) {
	if r.On[0].ofName() {
		pl.group(r, &pl.names)
	}
}

// overfull tells of more groups than a label has bits, naming the rules that have a group to themselves.
func (pl *plan) overfull() Problems {
	var ps Problems
	for _, t := range []struct {
		what   string
		groups []Group
		limit  int
	}{{"paths", pl.paths, 64}, {"command lines", pl.lines, 64 * lineWords}, {"networks", pl.nets, 64}, {"connectors, skills and agents", pl.names, 64}} {
		if len(t.groups) <= t.limit {
			continue
		}
		var alone []string
		for _, g := range t.groups[t.limit:] {
			alone = append(alone, g.Rules...)
		}
		p := pl.p.problemAt(alone[0])
		p.Reason = fmt.Sprintf("rules on %s differ in %d ways by role, principal, taint, operations and action; the table holds %d. Beyond it: %s",
			t.what, len(t.groups), t.limit, shortList(alone))
		p.Hint = "give rules the same roles, operations and action where they mean the same"
		ps = append(ps, p)
	}
	return ps
}

// problemAt begins a problem at a rule's place.
func (p *Policy) problemAt(id string) *Problem {
	q := &Problem{Rule: fmt.Sprintf("rule %q", id)}
	if r := p.Rule(id); r != nil {
		q.Place = r.Place
	}
	return q
}

func shortList(ids []string) string {
	if more := len(ids) - 8; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:8], ", "), more)
	}
	return strings.Join(ids, ", ")
}

// engines builds the automata, in the order of the table's header: paths, command lines, agents, networks.
func (pl *plan) engines(agents []Agent) ([engineCount]*match.Engine, Problems) {
	var engines [engineCount]*match.Engine
	var ps Problems
	for i, compile := range []func() (*match.Engine, error){
		func() (*match.Engine, error) { return match.CompileMoves(pl.pathRules) },
		func() (*match.Engine, error) { return match.Compile(match.Line, pl.lineRules) },
		func() (*match.Engine, error) { return match.Compile(match.Path, agentRules(rowsOf(agents), pl.homes)) },
		func() (*match.Engine, error) { return match.Compile(match.Path, pl.netRules) },
	} {
		e, err := compile()
		engines[i] = e
		ps = append(ps, pl.p.matchProblems(err)...)
	}
	return engines, ps
}

// matchProblems gives the matcher's complaints their places.
func (p *Policy) matchProblems(err error) Problems {
	var ps Problems
	for _, e := range leaves(err) {
		var ge *match.GlobError
		var le *match.LimitError
		switch {
		case errors.As(e, &ge):
			q := p.problemAt(ge.Rule)
			q.Key, q.Reason, q.Hint = "match", fmt.Sprintf("%q byte %d: %s", ge.Glob, ge.Offset, ge.Reason), ge.Hint
			ps = append(ps, q)
		case errors.As(e, &le):
			q := &Problem{}
			if len(le.Rules) > 0 {
				q = p.problemAt(le.Rules[0])
			}
			q.Reason = fmt.Sprintf("%s: more than %d, by %s", le.What, le.Limit, shortList(le.Rules))
			q.Hint = le.Hint
			ps = append(ps, q)
		default:
			ps = append(ps, &Problem{Reason: e.Error()})
		}
	}
	return ps
}

// leaves flattens joined errors.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}
