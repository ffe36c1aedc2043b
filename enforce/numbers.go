// SPDX-License-Identifier: Apache-2.0

// This file keeps numbers. Running sessions carry the kernel's numbers of their role, principal and taints, so a policy
// that follows another one numbers what both name alike.

package enforce

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Numbers are the names of what a table numbers, by number.
type Numbers struct {
	Generation uint64   `json:"-"` // of the table
	Roles      []string `json:"roles"`
	Principals []string `json:"principals"`
	Taints     []string `json:"taints"`
}

// Numbers are those of the image.
func (im *Image) Numbers() *Numbers {
	return &Numbers{im.Generation, im.Roles, im.Principals, im.Taints}
}

// encode is how a table carries them, so that they cannot be parted from it.
func (n *Numbers) encode() []byte {
	text, err := json.Marshal(n)
	if err != nil {
		panic(err) // strings alone
	}
	return text
}

// ReadNumbers finds the numbers in a table that is in force: another daemon put it there. The error is an ErrTable.
func ReadNumbers(table []byte) (*Numbers, error) {
	if len(table) < headerSize || le.Uint32(table) != tableMagic {
		return nil, ErrTable
	}
	from, size := uint64(le.Uint32(table[namesAt:])), uint64(le.Uint32(table[namesAt+4:]))
	if from+size > uint64(len(table)) {
		return nil, fmt.Errorf("%w: its names lie outside", ErrTable)
	}
	n := &Numbers{Generation: le.Uint64(table[8:])}
	if err := json.Unmarshal(table[from:from+size], n); err != nil {
		return nil, fmt.Errorf("%w: its names: %w", ErrTable, err)
	}
	return n, nil
}

// Follow makes the policy go on with the numbers of the one before. Call it before Compile. What that one named and the
// policy does not keeps its number and means nothing any more; a role so left acts as "default".
func (p *Policy) Follow(n *Numbers) {
	p.before = n
	p.collectTaints()
}

// overrun tells where numbers kept for running sessions leave no room.
func (p *Policy) overrun() Problems {
	if p.before == nil {
		return nil
	}
	for _, n := range []struct {
		what        string
		have, limit int
	}{{"roles", len(p.RoleNames()), maxRoles}, {"principals", len(p.Principals()), maxPrincipals}, {"taints", len(p.Taints), maxTaints}} {
		if n.have > n.limit {
			return Problems{{Reason: fmt.Sprintf("%d %s with those that running sessions may still have, the kernel's table holds %d", n.have, n.what, n.limit),
				Hint: "restart reeved when no session runs: numbers begin anew"}}
		}
	}
	return nil
}

// RoleNames are the names of roles by the kernel's number.
func (p *Policy) RoleNames() []string {
	var names []string
	if p.before != nil {
		names = slices.Clone(p.before.Roles)
	}
	for i := range p.Roles {
		names = appendNew(names, p.Roles[i].Name)
	}
	return names
}

// Retired reports whether the policy has no role of that number any more.
func (im *Image) Retired(role uint32) bool {
	return int(role) >= len(im.Roles) || im.policy.role(im.Roles[role]) == nil
}

// actsAs is the role whose rules hold for a role of that name.
func (p *Policy) actsAs(name string) string {
	if p.role(name) == nil {
		return "default"
	}
	return name
}

func appendNew(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}
