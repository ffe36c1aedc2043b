// SPDX-License-Identifier: Apache-2.0

// This file finds everything that a policy says and cannot mean. What needs more than the policy itself (groups of the
// host, the agents' own starts) is in safety.go.

package enforce

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Limits of the kernel's table, from enum policy_limits.
const (
	maxRoles      = 64
	maxPrincipals = 64
	maxTaints     = 16
	maxAgents     = 64

	commandText = 1024 // COMMAND_TEXT, of enum abi
	commandPath = 512  // COMMAND_PATH
	commandArgs = 256  // COMMAND_ARGS
)

var severities = []string{"info", "low", "medium", "high", "critical"}

var (
	plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.@/-]*$`)
	hexDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)
	responder = regexp.MustCompile(`^[a-z][a-z0-9-]*(:[a-z][a-z0-9-]*)?$`)
)

// checker collects the problems of one policy.
type checker struct {
	p      *Policy
	ps     Problems
	taints []string // that some rule sets
}

func (c *checker) add(place Place, what, key, hint, format string, args ...any) {
	c.ps = append(c.ps, &Problem{Place: place, Rule: what, Key: key, Hint: hint, Reason: fmt.Sprintf(format, args...)})
}

func (c *checker) rule(r *Rule, key, hint, format string, args ...any) {
	c.add(Place{r.File, r.keys.of(key)}, fmt.Sprintf("rule %q", r.ID), key, hint, format, args...)
}

func (c *checker) role(r *Role, key, hint, format string, args ...any) {
	c.add(Place{r.File, r.keys.of(key)}, fmt.Sprintf("role %q", r.Name), key, hint, format, args...)
}

func (c *checker) warn() { c.ps[len(c.ps)-1].Warning = true }

// verify checks the policy as such.
func (p *Policy) verify(o Options) Problems {
	c := &checker{p: p}
	for i := range p.Rules {
		if t := p.Rules[i].Taint; t != "" && !slices.Contains(c.taints, t) {
			c.taints = append(c.taints, t)
		}
	}
	for i := range p.Rules {
		c.checkRule(&p.Rules[i])
	}
	for i := range p.Roles {
		c.checkRole(&p.Roles[i])
	}
	for i := range p.Sets {
		c.checkSet(&p.Sets[i])
	}
	c.checkDeclared()
	c.checkLimits()
	for _, h := range p.Homes {
		if reason, hint := checkPath(h); reason != "" || hasTilde(h) {
			c.add(Place{}, "", "homes", hint, "%q %s", h, orElse(reason, "is what homes define"))
		}
	}
	return c.ps
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (c *checker) checkRule(r *Rule) {
	if r.ID == "" {
		return // told when it was read; a fault of something without a name would only repeat it
	}
	if strings.HasPrefix(r.ID, guardPrefix) && r.Place != builtIn {
		c.rule(r, "id", "give it a name of your own", "begins as the rules do that guard Reeve itself, which nobody replaces")
	}
	if len(r.On) == 0 {
		if _, written := r.keys["on[0]"]; !written {
			c.rule(r, "on", `on = ["file.read"]`, "names no operation")
		}
		return
	}
	if !c.oneKind(r) {
		return
	}
	if r.Action == actionUnset {
		c.rule(r, "action", "one of "+strings.Join(actionNames[:], ", "), "is missing")
	}
	if len(r.Match) == 0 {
		c.rule(r, "match", `match = ["**"] is everything`, "is empty, so the rule matches nothing")
	}
	c.checkGlobs(r, "match", r.Match)
	c.checkGlobs(r, "except", r.Except)
	c.checkWho(r)
	c.checkTaints(r)
	c.checkUse(r)
	c.checkWords(r)
}

// oneKind refuses a rule whose operations have objects of different kinds: one glob cannot mean both.
func (c *checker) oneKind(r *Rule) bool {
	for _, op := range r.On[1:] {
		if op.info().text != r.text() {
			c.rule(r, "on", "make two rules of it", "mixes %s (%s) and %s (%s)", r.On[0], r.text(), op, op.info().text)
			return false
		}
	}
	return true
}

func (c *checker) checkGlobs(r *Rule, key string, globs []string) {
	for i, g := range globs {
		at := fmt.Sprintf("%s[%d]", key, i)
		name, isSet := strings.CutPrefix(g, "@")
		if isSet && c.p.set(name) == nil && r.text() != textSocket {
			var names []string
			for i := range c.p.Sets {
				names = append(names, c.p.Sets[i].Name)
			}
			c.rule(r, at, didYouMean(name, names), "set %q %s", name, undeclared)
			continue
		}
		members := []string{g}
		if s := c.p.setOf(g); s != nil {
			members = s.Globs
		}
		for _, m := range members {
			if reason, hint := texts[r.text()].check(m); reason != "" {
				c.rule(r, at, hint, "%q %s", m, reason)
			}
		}
	}
}

func (c *checker) checkWho(r *Rule) {
	for i, name := range r.Roles {
		if c.p.role(name) == nil {
			c.rule(r, fmt.Sprintf("roles[%d]", i), didYouMean(name, c.roleNames()), "role %q %s", name, undeclared)
		}
	}
	known := c.p.Principals()
	if r.Principal == "" || slices.Contains(known, r.Principal) {
		c.checkPinned(r)
		return
	}
	hint := didYouMean(r.Principal, known)
	if kind, name, ok := strings.Cut(r.Principal, ":"); ok && (kind == "connector" || kind == "skill") && !strings.HasPrefix(hint, "did") {
		hint = fmt.Sprintf("declare it: [[%s]] name = %q", kind, name)
	}
	c.rule(r, "principal", hint, "%q %s", r.Principal, undeclared)
}

// checkPinned warns of what is allowed to somebody who is not known by content, and may do no more than the agent.
func (c *checker) checkPinned(r *Rule) {
	if !c.p.Unpinned(r.Principal) || r.Action != Allow {
		return
	}
	why, hint := "is declared without sha256 and", "declare it with sha256, or allow it to the agent too"
	if strings.HasPrefix(r.Principal, nameKinds[OpSkillLoad]) {
		why, hint = "as any skill", "allow it to the agent too"
	}
	c.rule(r, "principal", hint, "allows it to %s, which %s may do no more than the agent", r.Principal, why)
	c.warn()
}

func (c *checker) roleNames() []string {
	var names []string
	for i := range c.p.Roles {
		names = append(names, c.p.Roles[i].Name)
	}
	return names
}

func (c *checker) checkTaints(r *Rule) {
	for _, t := range r.When {
		if !slices.Contains(c.taints, t) {
			c.rule(r, "when.taint", didYouMean(t, c.taints), "taint %q %s: no rule sets it", t, undeclared)
		}
	}
	if r.Taint != "" && !plainName.MatchString(r.Taint) {
		c.rule(r, "taint", "letters, digits and -", "%q is no name", r.Taint)
	}
}

// checkUse finds rules that can never decide anything.
func (c *checker) checkUse(r *Rule) {
	all := len(r.Match) > 0
	for _, m := range r.Match {
		all = all && (slices.Contains(r.Except, m) || slices.Contains(r.Except, "**"))
	}
	if all {
		c.rule(r, "except", "remove the except, or the rule", "takes back everything that match names: the rule can never apply")
		return
	}
	if r.Action != Allow || r.Taint != "" || strings.HasPrefix(r.File, "preset:") {
		return
	}
	for i := range c.p.Roles {
		for _, op := range r.On {
			if c.p.binds(r, c.p.Roles[i].Name) && c.p.Default(c.p.Roles[i].Name, op.info().class) != Allow {
				return
			}
		}
	}
	c.rule(r, "action", "to loosen a preset's rule, replace it by its id or set enabled = false",
		"allows what is allowed by default: the rule changes nothing, since stricter rules win")
	c.warn()
}

func (c *checker) checkWords(r *Rule) {
	if r.Severity != "" && !slices.Contains(severities, r.Severity) {
		c.rule(r, "severity", didYouMean(r.Severity, severities), "unknown severity %q", r.Severity)
	}
	for i, s := range r.Respond {
		if !responder.MatchString(s) {
			c.rule(r, fmt.Sprintf("respond[%d]", i), `as "contain:freeze" or "syslog"`, "%q is no plugin or plugin:action", s)
		}
	}
	if !plainName.MatchString(r.ID) {
		c.rule(r, "id", "letters, digits and -", "%q is no name", r.ID)
	}
}

func (c *checker) checkRole(r *Role) {
	for i, parent := range r.Extends {
		if c.p.role(parent) == nil {
			c.role(r, fmt.Sprintf("extends[%d]", i), didYouMean(parent, c.roleNames()), "role %q %s", parent, undeclared)
		}
	}
	if path := c.p.cycle(r); path != nil {
		c.role(r, "extends", "let one of them stand alone", "goes in a circle: %s", strings.Join(path, " extends "))
	}
	if r.Name == DefaultRole && len(r.Users)+len(r.Groups) > 0 {
		c.role(r, "users", "give them a role of their own", "the default role takes whoever no other role takes, and nobody by name")
	}
	if !plainName.MatchString(r.Name) {
		c.role(r, "name", "letters, digits and -", "%q is no name", r.Name)
	}
}

// cycle is a way from a role back to itself, or nil. Only the first role of a circle in file order tells of it.
func (p *Policy) cycle(r *Role) []string {
	var walk func(name string, way []string) []string
	walk = func(name string, way []string) []string {
		if i := slices.Index(way, name); i >= 0 {
			if i == 0 {
				return append(way, name)
			}
			return nil
		}
		at := p.role(name)
		if at == nil {
			return nil
		}
		for _, parent := range at.Extends {
			if found := walk(parent, append(slices.Clone(way), name)); found != nil {
				return found
			}
		}
		return nil
	}
	way := walk(r.Name, nil)
	for i := range p.Roles {
		if slices.Contains(way, p.Roles[i].Name) {
			if p.Roles[i].Name == r.Name {
				return way
			}
			return nil
		}
	}
	return nil
}

func (c *checker) checkSet(s *Set) {
	for _, g := range s.Globs {
		if strings.HasPrefix(g, "@") && c.p.setOf(g) != nil {
			c.add(s.Place, fmt.Sprintf("set %q", s.Name), "", "write its globs here", "names the set %q: sets hold globs only", g)
		}
	}
	if len(s.Globs) == 0 && !s.unread {
		c.add(s.Place, fmt.Sprintf("set %q", s.Name), "", "", "is empty: rules that use it match nothing by it")
		c.warn()
	}
}

// checkDeclared checks connectors and skills: a principal without content or source is a label, not an identity.
func (c *checker) checkDeclared() {
	for i := range c.p.Connectors {
		k := &c.p.Connectors[i]
		what := fmt.Sprintf("connector %q", k.Name)
		if given := count(len(k.Command) > 0, k.URL != "", k.Publisher != ""); given != 1 {
			c.add(k.Place, what, "command", `command = ["npx", "-y", "name@1.2.3"], url = "https://..." or publisher = "..."`, "needs a command, a url or a publisher, and only one of them")
		}
		c.publisher(k, what)
		c.digest(k.Place, what, k.SHA256)
		c.command(k, what)
	}
	for i := range c.p.Skills {
		s := &c.p.Skills[i]
		what := fmt.Sprintf("skill %q", s.Name)
		if s.SHA256 == "" && s.Publisher == "" {
			c.add(s.Place, what, "sha256", "", "needs the sha256 of its content or a publisher")
		}
		c.digest(s.Place, what, s.SHA256)
		if s.Publisher != "" {
			hint := "declare its sha256"
			if s.SHA256 != "" {
				hint = "leave it out"
			}
			c.add(s.Place, what, "publisher", hint, "skills have no signatures: a publisher makes none of them this one")
			c.warn()
		}
	}
}

func count(given ...bool) (n int) {
	for _, is := range given {
		if is {
			n++
		}
	}
	return n
}

// publisher checks how a connector names who signed it.
func (c *checker) publisher(k *Connector, what string) {
	if k.Publisher == "" {
		return
	}
	if k.SHA256 != "" {
		c.add(k.Place, what, "sha256", "declare it by its command and sha256, or by its publisher", "has a publisher, whose every release it is")
	}
	name, root, given := strings.Cut(k.Publisher, rootMark)
	if given {
		c.digest(k.Place, what, root)
	}
	if name == "" || name != strings.TrimSpace(name) || given && root == "" {
		c.add(k.Place, what, "publisher", `publisher = "Example Ltd" or "Example Ltd sha256:..."`, "is no name of a publisher")
	}
}

// command checks that the kernel can tell a connector from all others.
func (c *checker) command(k *Connector, what string) {
	size := commandPath // whatever the program's path is
	for _, arg := range k.Command[min(len(k.Command), 1):] {
		size += len(arg) + 1
	}
	if size > commandText || len(k.Command) > commandArgs {
		c.add(k.Place, what, "command", "put the arguments into a script", "has more than %d bytes or %d of arguments, by which the kernel cannot know it",
			commandText-commandPath, commandArgs-1)
	}
	if i := slices.IndexFunc(k.Command, func(arg string) bool { return strings.ContainsRune(arg, 0) }); i >= 0 {
		c.add(k.Place, what, "command", "", "holds a byte that no argument can have")
	}
	for i := range c.p.Connectors {
		other := &c.p.Connectors[i]
		if other == k {
			return
		}
		if slices.Equal(other.Command, k.Command) && other.URL == k.URL && other.SHA256 == k.SHA256 && other.Publisher == k.Publisher {
			c.add(k.Place, what, "command", "declare it once; rules may name it as often as they like", "is what connector %q is (%s)", other.Name, other.Place)
			return
		}
	}
}

func (c *checker) digest(place Place, what, sum string) {
	if sum != "" && !hexDigest.MatchString(sum) {
		c.add(place, what, "sha256", "64 digits of 0-9a-f, as sha256sum prints them", "%q is no SHA-256", sum)
	}
}

func (c *checker) checkLimits() {
	for _, l := range []struct {
		what     string
		n, limit int
		hint     string
	}{
		{"taints", len(c.p.Taints), maxTaints, "use one taint for what has the same consequence: " + strings.Join(c.p.Taints, ", ")},
		{"roles", len(c.p.Roles), maxRoles, "roles that differ in users only can be one"},
		{"connectors and skills", len(c.p.Principals()) - 3, maxPrincipals - 3, "declare those that rules name"},
	} {
		if l.n > l.limit {
			c.add(c.lastOf(l.what), "", "", l.hint, "%d %s, the kernel's table holds %d", l.n, l.what, l.limit)
		}
	}
}

// lastOf is where the last of something too many stands.
func (c *checker) lastOf(what string) Place {
	switch {
	case what == "taints":
		last := c.p.Taints[len(c.p.Taints)-1]
		i := slices.IndexFunc(c.p.Rules, func(r Rule) bool { return r.Taint == last || slices.Contains(r.When, last) })
		return c.p.Rules[i].Place
	case what == "roles":
		return c.p.Roles[len(c.p.Roles)-1].Place
	case len(c.p.Skills) > 0:
		return c.p.Skills[len(c.p.Skills)-1].Place
	}
	return c.p.Connectors[len(c.p.Connectors)-1].Place
}
