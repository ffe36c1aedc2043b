// SPDX-License-Identifier: Apache-2.0

// This file says what a policy calls a thing that was found: the name of what it declares and is just that, or `?`. Names that
// others gave it do not count.

package enforce

import "slices"

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

// ConnectorBy is the declared name of a connector by its command alone, whatever content is declared; of several the first.
func (p *Policy) ConnectorBy(command []string) string {
	i := slices.IndexFunc(p.Connectors, func(c Connector) bool { return len(command) > 0 && slices.Equal(c.Command, command) })
	if i < 0 {
		return Undeclared
	}
	return p.Connectors[i].Name
}

// SkillOf is the declared name of a skill by the SHA-256 of its content. A publisher alone names none: no signature is read.
func (p *Policy) SkillOf(sha256 string) string {
	for i := range p.Skills {
		if s := &p.Skills[i]; s.SHA256 != "" && s.SHA256 == sha256 {
			return s.Name
		}
	}
	return Undeclared
}
