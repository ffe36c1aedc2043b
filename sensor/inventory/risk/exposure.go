// SPDX-License-Identifier: Apache-2.0

// This file puts together what items bring one by one: who has private data, content that anybody may have written, and a way
// out in one session has all that a stolen instruction needs.

package risk

import (
	"cmp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// Exposure is what the items of one user's agent, in one folder or everywhere, bring together. What the agent's own tools can
// do is not counted: it is there whatever is installed, and policy holds it by file.* and net.*.
type Exposure struct {
	User    string              `json:"user"`
	Agent   string              `json:"agent"`
	Project string              `json:"project,omitempty"`
	Session string              `json:"session,omitempty"`
	Brings  map[string][]string `json:"brings"`   // trait to items
	Whole   bool                `json:"combined"` // all three are there
	Chains  int                 `json:"chains"`   // ways from private data and untrusted content to a way out
	Remove  string              `json:"remove,omitempty"`
	Left    int                 `json:"chains_left"` // after that
	Unknown []string            `json:"unknown,omitempty"`
}

// Place is where items are put together: a session is one too.
type Place struct{ User, Agent, Project, Session string }

// Loads reports whether an agent in that place has an item: its own, everybody's, and what the folder brings.
func (p Place) Loads(it *inventory.Item) bool {
	return !it.Disabled && (it.Owner == p.User || it.Owner == "system") && slices.Contains(it.Agents, p.Agent) &&
		(it.Project == "" || it.Project == p.Project || strings.HasPrefix(p.Project, it.Project+"/"))
}

// Places are those that the items themselves tell of, by user, agent and folder.
func Places(items []inventory.Item) []Place {
	seen := map[Place]bool{}
	for i := range items {
		it := &items[i]
		if len(it.Traits) == 0 || it.Disabled {
			continue
		}
		for _, a := range it.Agents {
			if it.Owner != "system" {
				seen[Place{it.Owner, a, it.Project, ""}] = true
			}
		}
	}
	var out []Place
	for p := range seen {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.Project, b.Project))
	})
	return out
}

// Expose puts together what a place has.
func Expose(p Place, items []inventory.Item) Exposure {
	e := Exposure{User: p.User, Agent: p.Agent, Project: p.Project, Session: p.Session, Brings: map[string][]string{}}
	var loaded []*inventory.Item
	for i := range items {
		it := &items[i]
		if !p.Loads(it) {
			continue
		}
		if len(it.Traits) == 0 && it.Kind == inventory.KindConnector {
			e.Unknown = append(e.Unknown, it.ID())
		}
		loaded = append(loaded, it)
		for _, t := range it.Traits {
			e.Brings[t] = append(e.Brings[t], it.ID())
		}
	}
	e.Chains = chains(loaded, nil)
	e.Whole, e.Left = e.Chains > 0, e.Chains
	if !e.Whole {
		return e
	}
	for _, it := range loaded {
		if it.Kind != inventory.KindConnector && it.Kind != inventory.KindSkill {
			continue
		}
		if left := chains(loaded, it); left < e.Left {
			e.Remove, e.Left = it.ID(), left
		}
	}
	return e
}

// chains counts the ways: one for each choice of private data, untrusted content and way out.
func chains(items []*inventory.Item, without *inventory.Item) int {
	var n [3]int
	for _, it := range items {
		if it == without {
			continue
		}
		for i, t := range Traits {
			if slices.Contains(it.Traits, t) {
				n[i]++
			}
		}
	}
	return n[0] * n[1] * n[2]
}
