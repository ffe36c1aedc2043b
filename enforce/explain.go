// SPDX-License-Identifier: Apache-2.0

// This file says why: the rule that decides, where it is written, what would decide without it. It goes rule by rule with
// the plain matcher and knows nothing of groups, rows and automata, so it is also what the oracle is tested against.

package enforce

import (
	"fmt"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// Query is a question about a policy, in names.
type Query struct {
	Role      string // "" is default
	Principal string // "" is agent
	Unpinned  bool   // what the principal runs is not known by its content: it may do what the agent may do too, and no more
	Taints    []string
	Op        Op
	View      View
	Object    string
	By        string   // of net.addr: the name that led to the address; "" where none did
	Homes     []string // as in Options
}

// Answer is what a policy says to a Query.
type Answer struct {
	Action   Action
	Rule     *Rule  // nil: the default holds
	Glob     string // of the rule, as expanded, that matched
	Default  string // what decides where no rule does
	Next     *Rule  // the runner-up; nil: the default
	NextActs Action
	Applied  bool // false where the role observes
	Agents   bool // the principal is not known by its content, and this is the agent's answer, which is stricter
	Held     bool // false where this build's kernel programs do not refuse the operation yet
	Role     string
	Op       Op
}

// hit is a rule that matches, and the glob by which it does.
type hit struct {
	rule *Rule
	glob string
}

// Check tells of names that the policy does not have. Explain takes them as the kernel takes numbers that it does not
// know (the default role, nobody's principal, no taint), which is not what a person means who has misspelt one.
func (q Query) Check(p *Policy) error {
	var ps Problems
	look := func(what, name string, known []string) {
		if name != "" && !slices.Contains(known, name) {
			ps = append(ps, &Problem{Reason: fmt.Sprintf("the policy has no %s %q", what, name), Hint: didYouMean(name, known)})
		}
	}
	var roles []string
	for i := range p.Roles {
		roles = append(roles, p.Roles[i].Name)
	}
	look("role", q.Role, roles)
	look("principal", q.Principal, p.Principals()[1:])
	if kind, ok := nameKinds[q.Op]; ok && q.Object != Undeclared && !p.declares(kind+q.Object) {
		ps = append(ps, &Problem{Reason: fmt.Sprintf("the policy declares no %s%s", kind, q.Object),
			Hint: "what it does not declare is called ?, whatever others call it"})
	}
	for _, t := range q.Taints {
		look("taint", t, p.Taints)
	}
	return ps.err()
}

// named fills in what a Query leaves open.
func (q Query) named(p *Policy) Query {
	if p.role(q.Role) == nil {
		q.Role = DefaultRole
	}
	if q.Principal == "" {
		q.Principal = "agent"
	}
	return q
}

// Explain answers a Query.
func Explain(p *Policy, q Query) Answer {
	q = q.named(p)
	unpinned := q.Unpinned
	q.Unpinned = false
	own := explainAs(p, q)
	if !unpinned {
		return own
	}
	q.Principal = "agent"
	agents := explainAs(p, q)
	agents.Agents = true
	if agents.Action < own.Action || agents.Action == own.Action && p.earlier(agents.Rule, own.Rule) {
		return agents
	}
	return own
}

// earlier reports whether a rule stands before another one, or a rule in the place of a default.
func (p *Policy) earlier(a, b *Rule) bool {
	if a == nil || b == nil {
		return a != nil
	}
	for i := range p.Rules {
		if r := &p.Rules[i]; r == a || r == b {
			return r == a && a != b
		}
	}
	return false
}

// explainAs answers for the principal that is named, as one that is known by its content.
func explainAs(p *Policy, q Query) Answer {
	if q.By != "" && q.Op == OpNetAddr {
		return explainReached(p, q)
	}
	a := Answer{Applied: p.Mode(q.Role) == Enforce, Held: Held(q.Op), Role: q.Role, Op: q.Op}
	a.Action = p.viewDefault(q.Role, q.Op, q.View)
	if q.Op == OpNetFamily && OrdinaryFamily(q.Object) {
		a.Action = Allow
	}
	a.NextActs = a.Action
	a.Default = p.defaultWords(q)
	if _, ok := TableText(q.Op, []byte(q.Object)); q.View >= ViewRefused || !ok {
		a.Action, a.Default = Deny, "what could not be named is denied"
		return a
	}
	hits := p.hits(q)
	if len(hits) == 0 {
		return a
	}
	slices.SortStableFunc(hits, func(x, y hit) int { return int(x.rule.Action) - int(y.rule.Action) })
	a.Rule, a.Glob, a.Action = hits[0].rule, hits[0].glob, hits[0].rule.Action
	if len(hits) > 1 {
		a.Next, a.NextActs = hits[1].rule, hits[1].rule.Action
	}
	return a
}

// explainReached answers for an address that a name led to: it is the name's affair, and stands against it only where a rule refuses
// the number.
func explainReached(p *Policy, q Query) Answer {
	by := q
	by.Op, by.Object, by.By = OpNetDomain, q.By, ""
	if e, ok := parseEndpoint(q.Object); ok && e.port != "" {
		by.Object += ":" + e.port
	}
	a := Explain(p, by)
	text, ok := addrText(q.Object, byName)
	if !ok {
		return Answer{Action: Deny, Default: "what could not be named is denied", Held: true, Role: q.Role, Op: q.Op, Applied: a.Applied}
	}
	homes := p.homes(Options{Homes: q.Homes})
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Action >= a.Action || !p.concerns(r, q) || p.spelt(r, r.Except, true, text, homes) != "" {
			continue
		}
		if g := p.spelt(r, r.Match, false, text, homes); g != "" {
			a.Next, a.NextActs = a.Rule, a.Action
			a.Rule, a.Glob, a.Action, a.Op = r, g, r.Action, q.Op
		}
	}
	return a
}

// spelt is the glob of a rule's that means an object of a network, as the table spells it, or "".
func (p *Policy) spelt(r *Rule, globs []string, except bool, text string, homes []string) string {
	for _, g := range p.expand(r, globs, homes) {
		if slices.ContainsFunc(netGlobs(r, []string{g}, except), func(spelt string) bool { return match.Match(match.Path, spelt, text) }) {
			return g
		}
	}
	return ""
}

// hits are the rules that hold for the subject and match the object, in the policy's order.
func (p *Policy) hits(q Query) []hit {
	var hits []hit
	homes := p.homes(Options{Homes: q.Homes})
	for i := range p.Rules {
		r := &p.Rules[i]
		if !p.concerns(r, q) {
			continue
		}
		if q.View != ViewHost {
			if r.overAll() {
				hits = append(hits, hit{r, "**"})
			}
			continue
		}
		if g := p.matches(r, q.Object, homes); g != "" {
			hits = append(hits, hit{r, g})
		}
	}
	return hits
}

// matches is the glob by which a rule matches an object and does not except it, or "".
func (p *Policy) matches(r *Rule, object string, homes []string) string {
	by := func(globs []string, except bool) string {
		match := texts[r.text()].match
		if r.text() == textDomain && r.looksUp(except) {
			match = matchName
		}
		globs = p.expand(r, globs, homes)
		if i := slices.IndexFunc(globs, func(g string) bool { return match(g, object) }); i >= 0 {
			return globs[i]
		}
		return ""
	}
	if g := by(r.Match, false); g != "" && by(r.Except, true) == "" {
		return g
	}
	return ""
}

// concerns reports whether a rule speaks of the operation and the subject.
func (p *Policy) concerns(r *Rule, q Query) bool {
	return slices.Contains(r.effectiveOps(), q.Op) && p.binds(r, q.Role) &&
		(r.Principal == "" || r.Principal == q.Principal || q.Unpinned && r.Principal == "agent") &&
		(len(r.When) == 0 || slices.ContainsFunc(r.When, func(t string) bool { return slices.Contains(q.Taints, t) }))
}

func (p *Policy) defaultWords(q Query) string {
	info := q.Op.info()
	class := info.class
	if q.Op == OpNetFamily && OrdinaryFamily(q.Object) {
		return "no rule mentions it, and what it reaches is asked by name and address"
	}
	switch {
	case q.View == ViewForeign && info.foreign:
		class = ClassForeign
	case q.View == ViewNameless && info.nameless:
		class = ClassNameless
	case q.View != ViewHost:
		class = ClassNone
	}
	if class == ClassNone {
		return fmt.Sprintf("no rule mentions it, and %s has no default but allow", q.Op)
	}
	return fmt.Sprintf("no rule mentions it; role %s has defaults.%s = %q", q.Role, class, p.Default(q.Role, class))
}

// Line is the answer in short: ACTION RULE-ID, or ACTION default.
func (a Answer) Line() string {
	if a.Rule == nil {
		return a.Action.String() + " default"
	}
	return a.Action.String() + " " + a.Rule.ID
}

// String is what `reeve policy explain` prints.
func (a Answer) String() string {
	lines := []string{a.Line()}
	if !a.Applied && a.Action != Allow {
		lines = append(lines, fmt.Sprintf("not applied: role %s observes", a.Role))
	}
	if a.Rule == nil {
		lines = append(lines, a.Default)
	} else {
		lines = append(lines, a.Rule.Place.String())
		if a.Rule.Reason != "" {
			lines = append(lines, "reason: "+a.Rule.Reason)
		}
		lines = append(lines, fmt.Sprintf("matched by %q", a.Glob))
		if a.Next != nil {
			lines = append(lines, fmt.Sprintf("without it: %s %s (%s)", a.NextActs, a.Next.ID, a.Next.Place))
		} else {
			lines = append(lines, fmt.Sprintf("without it: %s default", a.NextActs))
		}
	}
	if a.Op == OpExecArgv && a.Action.Refuses() {
		lines = append(lines, "note: a command line is known only after the exec, so the process is killed before its first instruction")
	}
	if a.Agents {
		lines = append(lines, "note: this is the agent's answer; what the principal runs is not known by its content, so it may do no more")
	}
	if a.Op.ofName() && a.Held && a.Action.Refuses() {
		lines = append(lines, "note: what starts is known only after the exec, so the process is killed before its first instruction")
	}
	if !a.Held {
		lines = append(lines, fmt.Sprintf("note: %s is checked and explained, but not yet held by this build", a.Op))
	}
	return strings.Join(lines, "\n") + "\n"
}
