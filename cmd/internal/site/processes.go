// SPDX-License-Identifier: Apache-2.0

// This file lays running processes over the inventory: which agents run, and what behaves like one that nobody knows.

package site

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/discover"
	"github.com/reeve-sensor/reeve/sensor/inventory/shadow"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// agentOf is the agent of the catalogue that a process runs, by its program or by the script that this was given; or nil.
func agentOf(c *inventory.Catalogue, r *procfs.Running) (*inventory.Agent, string) {
	for i := range c.Agents {
		a := &c.Agents[i]
		if a.Runs(r.Program) {
			return a, r.Program
		}
		if len(a.Interpreters) == 0 {
			continue
		}
		for _, arg := range r.Args[min(1, len(r.Args)):] {
			if path.IsAbs(arg) && a.Runs(arg) {
				return a, arg
			}
		}
	}
	return nil, ""
}

// Processes are the host's processes as suspicion goes by them. session names that of a process, or "".
func Processes(c *inventory.Catalogue, list []procfs.Running, session func(pid uint32) string) []shadow.Process {
	names := map[uint32]string{}
	var out []shadow.Process
	for i := range list {
		r := &list[i]
		p := shadow.Process{PID: r.PID, Parent: r.Parent, Program: r.Program, Argv: r.Args, Env: r.Env, Session: session(r.PID)}
		if names[r.UID] == "" {
			names[r.UID], _ = procfs.User(r.UID)
		}
		p.User = names[r.UID]
		if a, _ := agentOf(c, r); a != nil {
			p.Known = a.Name
		}
		out = append(out, p)
	}
	return out
}

// Names are the environment names that processes are asked for.
func Names(c *inventory.Catalogue) []string {
	names := shadow.Names()
	for i := range c.Agents {
		for name := range c.Agents[i].Moved {
			names = append(names, name)
		}
	}
	return names
}

// Runs are what running agents were given beside their homes and projects, by user.
func Runs(ctx context.Context, c *inventory.Catalogue, list []procfs.Running) map[string][]discover.Run {
	out := map[string][]discover.Run{}
	for i := range list {
		r := &list[i]
		a, _ := agentOf(c, r)
		if a == nil {
			continue
		}
		moved := slices.DeleteFunc(slices.Sorted(maps.Keys(a.Moved)), func(name string) bool { return !slices.Contains(r.Env, name) })
		given := slices.ContainsFunc(r.Args, func(arg string) bool { return slices.Contains(a.Options, strings.SplitN(arg, "=", 2)[0]) })
		if len(moved) == 0 && !given {
			continue
		}
		p, err := procfs.Look(ctx, r.PID, time.Time{}, moved)
		if err != nil {
			continue // it has ended
		}
		name, _ := procfs.User(r.UID)
		run := discover.Run{Agent: a.Name, Cwd: p.Cwd, Moved: p.Env}
		if given {
			run.Argv = r.Args
		}
		out[name] = append(out[name], run)
	}
	return out
}

// Running tells of agents which of their processes run.
func Running(c *inventory.Catalogue, list []procfs.Running, items []inventory.Item) {
	files := map[string][]uint32{}
	for i := range list {
		if a, file := agentOf(c, &list[i]); a != nil {
			files[file] = append(files[file], list[i].PID)
		}
	}
	for i := range items {
		if it := &items[i]; it.Kind == inventory.KindAgent {
			it.Running = slices.Sorted(slices.Values(files[it.File]))
		}
	}
}
