// SPDX-License-Identifier: Apache-2.0

// This file goes by who talks with whom: an agent starts a connector, and keeps the other ends of its input and output. What they say is
// not read.

package shadow

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Server is a process that may be an MCP server, and those above it, the nearest first: one of them may talk with it.
type Server struct {
	PID   uint32
	Above []uint32
}

// serversMax bounds the processes that are asked about: who has very many of them is suspected for the first.
const serversMax = 256

// Servers are the processes outside of what is known that run a connector's command, or are called like one.
func Servers(all []Process, commands [][]string) []Server {
	byPID := pids(all)
	var out []Server
	for i := range all {
		p := &all[i]
		if len(out) == serversMax {
			break
		}
		if _, is := serves(p, commands); !is || known(p, byPID) {
			continue
		}
		s := Server{PID: p.PID}
		for at := byPID[p.Parent]; at != nil && len(s.Above) < depthMax && at.PID > 1; at = byPID[at.Parent] {
			s.Above = append(s.Above, at.PID)
		}
		out = append(out, s)
	}
	return out
}

// called is how MCP servers are called: by their packages, programs and images.
var called = regexp.MustCompile(`(?i)(^|[-_./@])(mcp|modelcontextprotocol)([-_./@:]|$)`)

// wordsMax is how many words of a command line are looked at for a server's name: what comes later is what it is given.
const wordsMax = 3

// serves tells what makes a process an MCP server, if anything does.
func serves(p *Process, commands [][]string) (what string, is bool) {
	for _, line := range commands {
		if len(line) > 0 && sameLine(p.Argv, line) {
			return "the connector " + strings.Join(line, " "), true
		}
	}
	if name := path.Base(p.Program); called.MatchString(name) {
		return name + ", called like an MCP server", true
	}
	words := 0
	for i, arg := range p.Argv {
		if i > 0 && strings.HasPrefix(arg, "-") {
			continue
		}
		if words++; words > wordsMax+1 {
			break
		}
		if called.MatchString(arg) {
			return arg + ", called like an MCP server", true
		}
	}
	return "", false
}

// fromTalk goes by the servers with which the process talks. One that is talked with itself hands on what somebody else wants.
func (s *Suspicion) fromTalk(p *Process, byPID map[uint32]*Process, served map[uint32]bool, commands [][]string) {
	if served[p.PID] {
		return
	}
	for _, pid := range p.Talks {
		if c := byPID[pid]; c != nil {
			what, _ := serves(c, commands)
			s.add(strong, "it talks over pipes or sockets with process %d: %s", pid, what)
		}
	}
}

// served are the processes that others talk with.
func served(all []Process) map[uint32]bool {
	out := map[uint32]bool{}
	for i := range all {
		for _, pid := range all[i].Talks {
			out[pid] = true
		}
	}
	return out
}

// pids are processes by number.
func pids(all []Process) map[uint32]*Process {
	out := map[uint32]*Process{}
	for i := range all {
		out[all[i].PID] = &all[i]
	}
	return out
}

// talks reports whether a process is known to talk with another one.
func (p *Process) talks(with uint32) bool { return slices.Contains(p.Talks, with) }
