// SPDX-License-Identifier: Apache-2.0

// This file says what a policy calls a thing that was found: the name of what it declares and is just that, or `?`. Names that
// others gave it do not count.

package enforce

import (
	"slices"
	"strings"
)

// Undeclared is the object of connector.start, skill.load and agent.start for what the policy does not declare.
const Undeclared = "?"

// ConnectorOf is the declared name of a connector by its exact command line and the SHA-256 of what lies on disk, or by its
// URL. A declaration without sha256 takes any content.
func (p *Policy) ConnectorOf(command []string, url, sha256 string) string {
	for i := range p.Connectors {
		c := &p.Connectors[i]
		switch {
		case c.SHA256 != "" && c.SHA256 != sha256:
		case c.URL != "":
			if c.URL == url {
				return c.Name
			}
		case len(command) > 0 && slices.Equal(c.Command, command):
			return c.Name
		}
	}
	return Undeclared
}

// ConnectorFrom is the declared name of an extension whose publisher was verified, by that publisher and the SHA-256 of the root to
// which its certificates lead; of several the first that names the root, else the first. Who was not verified has no name here.
func (p *Policy) ConnectorFrom(publisher, root string) string {
	if publisher == "" || root == "" {
		return Undeclared
	}
	loose := Undeclared
	for i := range p.Connectors {
		switch name, its, bound := strings.Cut(p.Connectors[i].Publisher, rootMark); {
		case name != publisher:
		case bound && its == root:
			return p.Connectors[i].Name
		case !bound && loose == Undeclared:
			loose = p.Connectors[i].Name
		}
	}
	return loose
}

// rootMark stands between a publisher's name and the root that it must lead to.
const rootMark = " sha256:"

// ConnectorBy is the declared name of a connector by its command alone, whatever content is declared; of several the first.
func (p *Policy) ConnectorBy(command []string) string {
	i := slices.IndexFunc(p.Connectors, func(c Connector) bool { return len(command) > 0 && slices.Equal(c.Command, command) })
	if i < 0 {
		return Undeclared
	}
	return p.Connectors[i].Name
}

// SkillOf is the declared name of a skill by the SHA-256 of its content. A publisher names none: skills have no signatures, and
// whatever names one in them was written by whoever wrote the skill.
func (p *Policy) SkillOf(sha256 string) string {
	for i := range p.Skills {
		if s := &p.Skills[i]; s.SHA256 != "" && s.SHA256 == sha256 {
			return s.Name
		}
	}
	return Undeclared
}
