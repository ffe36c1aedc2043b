// SPDX-License-Identifier: Apache-2.0

// This file puts into connectors' commands what running sessions have for their variables, as their agents do: so that what a person
// decided about such a connector counts where it starts. Values are looked up as a session begins, or when a configuration comes to ask
// for them, and gone when the command is made; the command is kept as long as the session.

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// fillingsMax is how many commands one person's sessions may make of those that have variables. What is made beyond starts as a connector
// that nobody knows.
const fillingsMax = 256

// fillings are the commands that sessions make.
type fillings struct {
	agents      *inventory.Catalogue
	view        func(func(*session.Table))
	environment func(root session.Key, names []string) (map[string]string, error)

	made  map[uint64]*filling
	count map[uint32]int // of commands by user; what is equal is one to the kernel, and counted for each session
	names []string       // that any command asks for
	late  bool           // a session could not be asked yet
}

// filling is one session's.
type filling struct {
	uid      uint32
	agent    *inventory.Agent
	root     session.Key
	values   map[string]string   // while commands are made
	commands map[string][]string // by how they are spelled; nil where it is not known what becomes of them
}

func newFillings(s *stock) *fillings {
	view := func(f func(*session.Table)) {
		if s.view != nil { // else there are no sessions yet
			s.view(f)
		}
	}
	return &fillings{agents: s.agents, view: view, environment: environment, made: map[uint64]*filling{}}
}

// environment asks the first process of a session: what it was given, the agent has, however much it put between.
func environment(root session.Key, names []string) (map[string]string, error) {
	return procfs.Environment(root.PID, root.Started, names)
}

// wanted reports whether any command depends on what sessions have.
func (f *fillings) wanted() bool { return len(f.names) > 0 }

// sessions says which there are, so that it is seen when others begin or end.
func (f *fillings) sessions() string {
	var out strings.Builder
	f.view(func(t *session.Table) {
		for _, s := range t.Sessions() {
			if !s.Over() && s.Agent != 0 {
				fmt.Fprintf(&out, "%d %d %d\n", s.ID, s.Agent, s.Root.PID)
			}
		}
	})
	return out.String()
}

// begin takes in which sessions there are, and which variables the items ask for.
func (f *fillings) begin(items []inventory.Item) {
	f.names = nil
	for i := range items {
		f.names = append(f.names, inventory.Variables(items[i].Facts.Open.Argv())...)
	}
	slices.Sort(f.names)
	f.names = slices.Compact(f.names)
	living := map[uint64]*filling{}
	f.view(func(t *session.Table) {
		for _, s := range t.Sessions() {
			agent := f.agents.ByID(s.Agent)
			if s.Over() || agent == nil || s.Root.PID == 0 || !f.ofPerson(t, s) {
				continue
			}
			if living[s.ID] = f.made[s.ID]; living[s.ID] == nil || living[s.ID].agent != agent {
				living[s.ID] = &filling{uid: s.UID, agent: agent, root: s.Root, commands: map[string][]string{}}
			}
		}
	})
	f.made, f.count, f.late = living, map[uint32]int{}, false
	for _, x := range living {
		f.count[x.uid] += len(x.commands)
	}
}

// ofPerson reports whether a person gave a session its environment. One that began in another session was given what that made up,
// but for what only contains others: people type there. What is handed on unchanged, the outer session's commands have.
func (f *fillings) ofPerson(t *session.Table, s *session.Session) bool {
	for range session.DefaultLimits.Sessions {
		if s.Parent == 0 {
			return true
		}
		if s = t.Session(s.Parent); s == nil {
			return false
		}
		if agent := f.agents.ByID(s.Agent); agent == nil || !agent.Host {
			return false
		}
	}
	return false
}

// end forgets values.
func (f *fillings) end() {
	for _, x := range f.made {
		x.values = nil
	}
}

// of gives what a user's sessions make of an item's command, each once.
func (f *fillings) of(it *inventory.Item, uid uint32) [][]string {
	spelled := it.Facts.Open.Argv()
	if len(spelled) == 0 || it.Scope == inventory.ScopeExtension { // whose variables are not the environment's
		return nil
	}
	var out [][]string
	for _, x := range f.made {
		if x.uid != uid || !slices.Contains(it.Agents, x.agent.Name) {
			continue
		}
		argv := f.command(x, spelled)
		if argv != nil && !slices.ContainsFunc(out, func(other []string) bool { return slices.Equal(other, argv) }) {
			out = append(out, argv)
		}
	}
	return out
}

// command is what a session makes of a command, worked out the first time that it is asked for: what the agent does to its own environment
// later changes nothing.
func (f *fillings) command(x *filling, spelled []string) []string {
	key := strings.Join(spelled, "\x00")
	argv, known := x.commands[key]
	if known || f.count[x.uid] >= fillingsMax {
		return argv
	}
	if x.values == nil {
		values, err := f.environment(x.root, f.names)
		if err != nil { // it is over, or has only begun
			f.late = f.late || errors.Is(err, procfs.ErrStarting)
			return nil
		}
		x.values = values
	}
	argv, ok := x.agent.Expand(spelled, func(name string) (string, bool) {
		value, set := x.values[name]
		return value[:min(len(value), bpf.CommandText)], set
	})
	if !ok || len(strings.Join(argv, "\x00")) >= bpf.CommandText { // longer than what the kernel knows all of
		argv = nil
	}
	x.commands[key] = argv
	f.count[x.uid]++
	return argv
}
