// SPDX-License-Identifier: Apache-2.0

// This file asks the policy about what the inventory found. sensor and enforce do not know each other.

package site

import (
	"os/user"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// operations are what policy is asked about an item.
var operations = map[inventory.Kind]enforce.Op{
	inventory.KindAgent: enforce.OpAgentStart, inventory.KindConnector: enforce.OpConnectorStart, inventory.KindSkill: enforce.OpSkillLoad,
}

// Govern lays what the policy says of items over what people decided: what it refuses is denied, what was revoked or has
// changed stays so, what it allows needs nobody's approval, and what it asks about waits for one.
func Govern(p *enforce.Policy, roleOf func(user string) string, items []inventory.Item) {
	for i := range items {
		it := &items[i]
		op, governed := operations[it.Kind]
		if !governed {
			continue
		}
		a := enforce.Explain(p, enforce.Query{Role: roleOf(it.Owner), Op: op, Object: Declared(p, it)})
		if by := heldAs(p, it); by != enforce.Undeclared {
			if b := enforce.Explain(p, enforce.Query{Role: roleOf(it.Owner), Op: op, Object: by}); b.Action < a.Action {
				a = b
			}
		}
		rule := "default"
		if a.Rule != nil {
			rule = a.Rule.ID
		}
		switch {
		case a.Action == enforce.Deny || a.Action == enforce.Kill:
			it.Approval.State, it.Approval.Rule = "denied", rule
		case a.Action != enforce.Ask && it.Approval.State == "pending":
			it.Approval.State, it.Approval.Rule = "allowed", rule
		}
	}
}

// Declared is what the policy calls an item.
func Declared(p *enforce.Policy, it *inventory.Item) string {
	switch it.Kind {
	case inventory.KindConnector:
		if name := p.ConnectorOf(it.Identity.Command, it.Identity.URL, it.Identity.Content()); name != enforce.Undeclared {
			return name
		}
		return p.ConnectorFrom(it.Identity.Publisher, it.Identity.Root)
	case inventory.KindSkill:
		return p.SkillOf(it.Identity.Content())
	case inventory.KindAgent:
		return it.Name // the kernel knows it by the catalogue
	}
	return enforce.Undeclared
}

// heldAs is what the policy calls a connector that has other content than is declared: its rules hold there where they refuse.
func heldAs(p *enforce.Policy, it *inventory.Item) string {
	if it.Kind != inventory.KindConnector || Declared(p, it) != enforce.Undeclared {
		return enforce.Undeclared
	}
	return p.ConnectorBy(it.Identity.Command)
}

// RoleOf is the role of a user by name, with the groups that the host knows.
func RoleOf(p *enforce.Policy) func(name string) string {
	known := map[string]string{}
	return func(name string) string {
		role, ok := known[name]
		if !ok {
			role = p.RoleOf(name, groupsOf(name))
			known[name] = role
		}
		return role
	}
}

func groupsOf(name string) []string {
	u, err := user.Lookup(name)
	if err != nil {
		return nil // a user whom the host does not know has the default role, unless named
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil
	}
	var names []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			names = append(names, g.Name)
		}
	}
	return names
}
