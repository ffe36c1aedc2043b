// SPDX-License-Identifier: Apache-2.0

// This file brings catalogue and policy together: what the compiler needs to know of agents, and what a policy must not
// break.

package site

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"slices"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// sampleHome stands for every home in the recorded starts of agents.
const sampleHome = "/home/someone"

// Compiled are the agents as the compiler takes them.
func Compiled(c *inventory.Catalogue) []enforce.Agent {
	var out []enforce.Agent
	for _, a := range c.Agents {
		out = append(out, enforce.Agent{ID: a.ID, Name: a.Name, Host: a.Host, Observe: a.Observe, Relaunch: a.Relaunch, Exec: a.Exec,
			Scripts: a.Scripts, Interpreters: a.Interpreters})
	}
	return out
}

// Starts are the recorded starts of agents, which no policy may refuse.
func Starts(c *inventory.Catalogue) []enforce.Start {
	var out []enforce.Start
	for _, a := range c.Agents {
		s := enforce.Start{Agent: a.Title}
		for _, need := range a.Start.Needs(sampleHome) {
			if op, ok := enforce.ParseOp(need.Op); ok {
				s.Acts = append(s.Acts, enforce.Act{Op: op, Object: need.Object})
			}
		}
		out = append(out, s)
	}
	return out
}

// Files are the configured policy files and folders. The default folder may be missing.
func (c *Config) Files() []string {
	def := Defaults().Policy
	if !slices.Equal(c.Policy, def) {
		return c.Policy
	}
	if _, err := os.Stat(def[0]); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return def
}

// Options are what policies depend on beside their text: the homes of this machine's people, and where Reeve itself lives.
func (c *Config) Options() enforce.Options {
	return enforce.Options{Homes: passwdHomes("/etc/passwd"), HomeGlobs: c.Homes, Own: []string{c.Run, c.State, c.Pins}}
}

// firstPerson is the first uid of people, as distributions give them out; below are the system's own accounts.
const firstPerson = 1000

// passwdHomes are the homes of people in a passwd file. Users of a directory get theirs when they are first seen.
func passwdHomes(name string) []string {
	var homes []string
	for _, a := range passwd(name) {
		if a.uid >= firstPerson {
			homes = append(homes, a.home)
		}
	}
	return homes
}

// Groups asks the host's user database.
type Groups struct{}

// HasGroup reports whether the host knows a group.
func (Groups) HasGroup(name string) (bool, error) {
	_, err := user.LookupGroup(name)
	if _, unknown := errors.AsType[user.UnknownGroupError](err); unknown {
		return false, nil
	}
	return err == nil, err
}

// Load reads and checks a policy. Problems are all faults and warnings; the policy is nil where there is a fault.
func (c *Config) Load(paths []string, agents *inventory.Catalogue) (*enforce.Policy, enforce.Problems) {
	p, _ := enforce.Load(paths, c.Options())
	return c.verify(p, agents)
}

// Parse is Load for texts at hand.
func (c *Config) Parse(files map[string]string, agents *inventory.Catalogue) (*enforce.Policy, enforce.Problems) {
	p, _ := enforce.Parse(files, c.Options())
	return c.verify(p, agents)
}

// ParseSources is Load for what an earlier policy was made of.
func (c *Config) ParseSources(list []enforce.Source, agents *inventory.Catalogue) (*enforce.Policy, enforce.Problems) {
	p, _ := enforce.ParseSources(list, c.Options())
	return c.verify(p, agents)
}

// verify tells what reading found and what only this host shows.
func (c *Config) verify(p *enforce.Policy, agents *inventory.Catalogue) (*enforce.Policy, enforce.Problems) {
	ps := enforce.Check(p, enforce.CheckOptions{Options: c.Options(), Groups: Groups{}, Agents: Compiled(agents), Starts: Starts(agents), Plugins: c.responders()})
	if len(ps.Errors()) > 0 {
		return nil, ps
	}
	return p, ps
}
