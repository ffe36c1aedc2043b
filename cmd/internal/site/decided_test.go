// SPDX-License-Identifier: Apache-2.0

package site

import (
	"maps"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	"github.com/reeve-sensor/reeve/sensor/inventory/live"
)

func TestDecisionsAboutAgentsAreFolded(t *testing.T) {
	const approved, revoked = bpf.StartApproved, bpf.StartRevoked
	c := &inventory.Catalogue{Agents: []inventory.Agent{{ID: 1, Name: "one"}, {ID: 2, Name: "two"}}}
	people := []live.Person{
		{Home: discover.Home{User: "alice"}, Person: disk.Person{UID: 1000}}, {Home: discover.Home{User: "bob"}, Person: disk.Person{UID: 1001}},
	}
	agent := func(name, owner, state string) inventory.Item {
		return inventory.Item{Kind: inventory.KindAgent, Name: name, Owner: owner, Approval: inventory.Approval{State: state}}
	}
	alice, bob := bpf.DecidedKey{Uid: 1000, Agent: 1}, bpf.DecidedKey{Uid: 1001, Agent: 1}
	all := bpf.DecidedKey{Uid: bpf.CommandAnyone, Agent: 1}
	for name, tc := range map[string]struct {
		items []inventory.Item
		want  sensor.Decisions
	}{
		"nothing":                      {nil, sensor.Decisions{}},
		"one person's":                 {[]inventory.Item{agent("one", "alice", "approved")}, sensor.Decisions{alice: approved}},
		"pinned is approved":           {[]inventory.Item{agent("one", "alice", "pinned")}, sensor.Decisions{alice: approved}},
		"changed is not":               {[]inventory.Item{agent("one", "alice", "changed")}, sensor.Decisions{alice: 0}},
		"two installations":            {[]inventory.Item{agent("one", "alice", "approved"), agent("one", "alice", "pending")}, sensor.Decisions{alice: 0}},
		"two, and one taken back":      {[]inventory.Item{agent("one", "alice", "revoked"), agent("one", "alice", "approved")}, sensor.Decisions{alice: revoked}},
		"the system's":                 {[]inventory.Item{agent("one", "system", "approved")}, sensor.Decisions{all: approved}},
		"the system's, and an own one": {[]inventory.Item{agent("one", "system", "approved"), agent("one", "bob", "pending")}, sensor.Decisions{all: approved, bob: 0}},
		"the system's is taken back":   {[]inventory.Item{agent("one", "alice", "approved"), agent("one", "system", "revoked")}, sensor.Decisions{all: revoked, alice: revoked}},
		"an own one is taken back":     {[]inventory.Item{agent("one", "system", "approved"), agent("one", "bob", "revoked")}, sensor.Decisions{all: approved, bob: revoked}},
		"two agents": {[]inventory.Item{agent("one", "alice", "approved"), agent("two", "alice", "revoked")},
			sensor.Decisions{alice: approved, {Uid: 1000, Agent: 2}: revoked}},
		"of no catalogue":  {[]inventory.Item{agent("three", "alice", "approved")}, sensor.Decisions{}},
		"of nobody here":   {[]inventory.Item{agent("one", "carol", "revoked")}, sensor.Decisions{}},
		"another kind's":   {[]inventory.Item{{Kind: inventory.KindSkill, Name: "one", Owner: "alice", Approval: inventory.Approval{State: "revoked"}}}, sensor.Decisions{}},
		"nobody was asked": {[]inventory.Item{agent("one", "bob", "pending")}, sensor.Decisions{bob: 0}},
	} {
		if got := Decided(c, tc.items, people); !maps.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
