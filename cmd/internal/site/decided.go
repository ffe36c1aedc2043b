// SPDX-License-Identifier: Apache-2.0

// This file folds what was decided about installed agents to one decision by person and agent: the kernel sees which agent starts, and not
// which of its installations.

package site

import (
	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/live"
)

// Decided is what the kernel is told of agents. A person may start the person's own installations and the system's: the agent is approved
// where each of them is, and revoked where one of them is. The items have their approvals, and nothing of the policy in them.
func Decided(c *inventory.Catalogue, items []inventory.Item, people []live.Person) sensor.Decisions {
	users := map[string][]uint32{discover.System: {bpf.CommandAnyone}}
	for i := range people {
		users[people[i].User] = append(users[people[i].User], people[i].UID)
	}
	ids := map[string]uint32{}
	for i := range c.Agents {
		ids[c.Agents[i].Name] = c.Agents[i].ID
	}
	out := sensor.Decisions{}
	for i := range items {
		it := &items[i]
		id, known := ids[it.Name]
		if it.Kind != inventory.KindAgent || !known {
			continue
		}
		for _, uid := range users[it.Owner] {
			fold(out, bpf.DecidedKey{Uid: uid, Agent: id}, decisions[it.Approval.State])
		}
	}
	for key := range out {
		if systems, there := out[bpf.DecidedKey{Uid: bpf.CommandAnyone, Agent: key.Agent}]; there {
			fold(out, key, systems)
		}
	}
	return out
}

func fold(out sensor.Decisions, key bpf.DecidedKey, flags bpf.StartFlag) {
	if old, twice := out[key]; twice {
		flags = sensor.Stricter(old, flags)
	}
	out[key] = flags
}
