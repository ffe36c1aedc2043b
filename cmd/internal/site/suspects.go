// SPDX-License-Identifier: Apache-2.0

// This file looks for agents that nobody knows of among the running processes: what they talk with, where they are connected to, and what that
// makes of them.

package site

import (
	"net/netip"
	"path"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/risk"
	"github.com/reeve-sensor/reeve/sensor/inventory/shadow"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// Talks adds to processes which of what may be an MCP server they talk with. commands are the command lines of connectors that settings name.
func Talks(processes []shadow.Process, commands [][]string) {
	servers := shadow.Servers(processes, commands)
	if len(servers) == 0 {
		return
	}
	at := map[uint32]*shadow.Process{}
	for i := range processes {
		at[processes[i].PID] = &processes[i]
	}
	talk := procfs.NewTalk()
	for _, s := range servers {
		if p := at[talk.Partner(s.PID, s.Above)]; p != nil {
			p.Talks = append(p.Talks, s.PID)
		}
	}
}

// Hosts adds to processes where models answer that they are connected to. What an error leaves out is not known of them.
func Hosts(processes []shadow.Process, endpoints shadow.Endpoints) error {
	if len(endpoints) == 0 {
		return nil
	}
	var order, strangers []uint32
	for i := range processes {
		if p := &processes[i]; p.Known != "" || p.Session != "" {
			order = append(order, p.PID) // nearly all such connections are theirs
		} else {
			strangers = append(strangers, p.PID)
		}
	}
	found, err := procfs.Connected(append(order, strangers...), func(a netip.Addr) bool { return endpoints[a] != "" })
	for i := range processes {
		p := &processes[i]
		for _, a := range found[p.PID] {
			p.Hosts = append(p.Hosts, shadow.Host{Name: endpoints[a], Address: a})
		}
	}
	return err
}

// Suspects are processes that behave like agents, as items.
func Suspects(processes []shadow.Process, commands [][]string) []inventory.Item {
	var out []inventory.Item
	for _, s := range shadow.Suspects(processes, commands) {
		it := inventory.Item{
			Kind: inventory.KindSuspect, Name: path.Base(s.Program), Owner: s.User, Scope: inventory.ScopeUser, File: s.Program,
			Running: []uint32{s.PID}, Evidence: s.Evidence,
		}
		if s.Agent != "" {
			it.Evidence = append(it.Evidence, "it looks like "+s.Agent)
		}
		it.Identity = inventory.Identity{Kind: it.Kind, Settings: []inventory.Part{{Name: "program", Value: s.Program}}}
		it.Digest = it.Identity.Digest()
		risk.Judge(&it)
		it.Risk = "high"
		it.Reasons = append(it.Reasons, inventory.Reason{Level: "high", Code: "not-in-the-catalogue", Text: "it behaves like an agent, and nothing follows or holds it"})
		out = append(out, it)
	}
	return out
}
