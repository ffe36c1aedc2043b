// SPDX-License-Identifier: Apache-2.0

// This file is the model of a policy: what a set of files and the preset under them say together. It knows neither TOML
// nor the kernel.

package enforce

import (
	"fmt"
	"slices"
	"strings"
)

// Action is what a rule or a default does, strictest first: the lower number wins.
type Action uint8

// The actions. Their numbers are those of enum action in bpf/include/policy.h.
const (
	Kill Action = iota
	Deny
	Ask
	Audit
	Allow
	actionCount

	actionUnset Action = 255 // a rule that does not say
)

var actionNames = [actionCount]string{"kill", "deny", "ask", "audit", "allow"}

func (a Action) String() string {
	if a < actionCount {
		return actionNames[a]
	}
	return "?"
}

// Refuses reports whether a stops the operation. Ask does, until it is granted.
func (a Action) Refuses() bool { return a <= Ask }

// ParseAction finds an action by its name in policies.
func ParseAction(name string) (Action, bool) {
	i := slices.Index(actionNames[:], name)
	return Action(i), i >= 0
}

// Mode says whether a role's verdicts are applied.
type Mode uint8

// A role whose Mode is unset takes it from what it extends.
const (
	ModeUnset Mode = iota
	Observe
	Enforce
)

var modeNames = [...]string{"", "observe", "enforce"}

func (m Mode) String() string { return modeNames[m] }

// DefaultRole is the role of everyone whom no other role takes. It always exists, at index 0.
const DefaultRole = "default"

// Place is where something was written.
type Place struct {
	File string // a path, or preset:NAME.toml
	Line int
}

func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Policy is one whole policy: the preset at its base with the site's files laid over it.
type Policy struct {
	Base       string
	Homes      []string // globs of homes, beside /root and /home/*
	Roles      []Role   // default first, then in file order
	Rules      []Rule   // in force, in order: the preset's, then the site's
	Connectors []Connector
	Skills     []Skill
	Sets       []Set
	Taints     []string // in the order in which rules first name them; the index is the kernel's bit
	Sources    []Source // what it was read from, the preset left out; lists that sets are fed from are not kept

	before *Numbers // whose numbers go on
	found  finding
}

// Role is what a person is to the organisation.
type Role struct {
	Place
	Name          string
	Users, Groups []string
	Extends       []string
	Mode          Mode
	Defaults      map[Class]Action
	keys          keyLines
}

// Rule decides for the objects it matches and does not except. Globs are as written: `~` and `@set` are not expanded.
type Rule struct {
	Place
	ID            string
	On            []Op
	Match, Except []string
	Action        Action
	Principal     string   // "" is any
	When          []string // the rule holds only where one of these taints does
	Taint         string   // what the session is marked with
	Roles         []string // none is all
	Reason        string
	Respond       []string
	Severity      string
	Tags          []string
	Disabled      bool
	keys          keyLines
}

// Connector declares an MCP server, so that rules may name it as principal: by its command, its URL, or whose signed extension it is.
type Connector struct {
	Place
	Name      string
	Command   []string
	SHA256    string
	URL       string
	Publisher string // NAME, or NAME sha256:ROOT
}

// Skill declares an Agent Skill, so that rules may name it as principal.
type Skill struct {
	Place
	Name      string
	SHA256    string
	Publisher string
}

// Set is a named list of globs that rules use as @name.
type Set struct {
	Place
	Name   string
	Globs  []string
	unread bool // Globs are not all that is meant
}

// Text is the kind of object the rule's operations have.
func (r *Rule) text() text {
	if len(r.On) == 0 {
		return textName
	}
	return r.On[0].info().text
}

// Rule finds a rule in force by its id.
func (p *Policy) Rule(id string) *Rule {
	for i := range p.Rules {
		if p.Rules[i].ID == id {
			return &p.Rules[i]
		}
	}
	return nil
}

func (p *Policy) set(name string) *Set {
	for i := range p.Sets {
		if p.Sets[i].Name == name {
			return &p.Sets[i]
		}
	}
	return nil
}

// principalAgent is the number of the agent itself.
const principalAgent = 1

// Principals are the names of principals by the kernel's number. The first is that of rules which name none.
func (p *Policy) Principals() []string {
	names := []string{"any", "agent", "written"}
	if p.before != nil {
		names = slices.Clone(p.before.Principals)
	}
	for i := range p.Connectors {
		names = appendNew(names, "connector:"+p.Connectors[i].Name)
	}
	for i := range p.Skills {
		names = appendNew(names, "skill:"+p.Skills[i].Name)
	}
	return names
}

// collectTaints numbers the taints that rules in force set or ask for.
func (p *Policy) collectTaints() {
	p.Taints = nil
	if p.before != nil {
		p.Taints = slices.Clone(p.before.Taints)
	}
	add := func(name string) {
		if name != "" && !slices.Contains(p.Taints, name) {
			p.Taints = append(p.Taints, name)
		}
	}
	for i := range p.Rules {
		add(p.Rules[i].Taint)
	}
	for i := range p.Rules {
		for _, t := range p.Rules[i].When {
			add(t)
		}
	}
}

// String names the rule as reports do: its id, where it is written and why it exists.
func (r *Rule) String() string {
	return strings.TrimSuffix(fmt.Sprintf("%s (%s): %s", r.ID, r.Place, r.Reason), ": ")
}
