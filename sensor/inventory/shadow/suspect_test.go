// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestSuspects(t *testing.T) {
	shell := Process{PID: 10, Parent: 1, Program: "/bin/bash", Argv: []string{"bash"}}
	agent := func(change func(*Process)) Process {
		p := Process{PID: 20, Parent: 10, Program: "/home/a/tool", Argv: []string{"tool"}}
		change(&p)
		return p
	}
	plain := agent(func(*Process) {})
	child := func(env ...string) Process {
		return Process{PID: 30, Parent: 20, Program: "/bin/sh", Argv: []string{"sh", "-c", "ls"}, Env: env}
	}
	at := netip.MustParseAddr("192.0.2.1")
	server := Process{PID: 31, Parent: 20, Program: "/usr/bin/node", Argv: []string{"node", "/usr/bin/npx", "-y", "@x/y@1.2.3"}}
	for name, tc := range map[string]struct {
		all  []Process
		want string // of the evidence; "" is none
		pid  uint32
	}{
		"nothing":                   {[]Process{shell, plain, child()}, "", 0},
		"marks its children":        {[]Process{shell, plain, child("CLAUDECODE")}, "it gave process 30 CLAUDECODE, as Claude Code does", 20},
		"marks itself":              {[]Process{shell, agent(func(p *Process) { p.Env = []string{"OPENCODE"} }), child("OPENCODE")}, "it gave itself OPENCODE", 20},
		"one word is not enough":    {[]Process{shell, agent(func(p *Process) { p.Env = []string{"AGENT"} })}, "", 0},
		"inherited":                 {[]Process{{PID: 10, Parent: 1, Env: []string{"CLAUDECODE"}}, agent(func(p *Process) { p.Env = []string{"CLAUDECODE"} }), child("CLAUDECODE")}, "", 0},
		"it is known":               {[]Process{shell, agent(func(p *Process) { p.Known = "claude-code" }), child("CLAUDECODE")}, "", 0},
		"of a session":              {[]Process{shell, agent(func(p *Process) { p.Session = "x-1" }), child("CLAUDECODE")}, "", 0},
		"below a known one":         {[]Process{{PID: 10, Parent: 1, Known: "codex"}, plain, child("CLAUDECODE")}, "", 0},
		"starts a connector":        {[]Process{shell, plain, server}, "it started the connector npx -y @x/y@1.2.3", 20},
		"talks with a connector":    {[]Process{shell, agent(func(p *Process) { p.Talks = []uint32{31} }), server}, "it talks over pipes or sockets with process 31: the connector npx -y @x/y@1.2.3", 20},
		"below what it started":     {[]Process{shell, agent(func(p *Process) { p.Talks = []uint32{32} }), child(), {PID: 32, Parent: 30, Argv: []string{"node", "/x/mcp-server-git"}}}, "process 32: /x/mcp-server-git, called like", 20},
		"hands on what it is told":  {[]Process{{PID: 10, Parent: 1, Known: "codex", Talks: []uint32{20}}, {PID: 20, Talks: []uint32{31}}, server}, "", 0},
		"a key is not enough":       {[]Process{shell, agent(func(p *Process) { p.Env = []string{"OPENAI_API_KEY"} })}, "", 0},
		"called so, and with a key": {[]Process{shell, agent(func(p *Process) { p.Program, p.Env = "/home/a/bin/aider", []string{"OPENAI_API_KEY"} })}, "called like an agent's", 20},
		"called so":                 {[]Process{shell, agent(func(p *Process) { p.Program = "/home/a/bin/aider" })}, "", 0},
		"unleashed, and a host": {[]Process{shell, agent(func(p *Process) {
			p.Argv, p.Hosts = []string{"t", "--dangerously-skip-permissions"}, []Host{{"chatgpt.com", at}}
		})}, "it is connected to 192.0.2.1, where chatgpt.com answered a session", 20},
		"a model alone":     {[]Process{shell, agent(func(p *Process) { p.Hosts = []Host{{"api.anthropic.com", at}} })}, "where api.anthropic.com answered", 20},
		"where people go":   {[]Process{shell, agent(func(p *Process) { p.Hosts = []Host{{"chatgpt.com", at}, {"chatgpt.com", at}} })}, "", 0},
		"where no model is": {[]Process{shell, agent(func(p *Process) { p.Hosts = []Host{{"example.com", at}, {"www.example.com", at}} })}, "", 0},
		"a host by a star": {[]Process{shell, agent(func(p *Process) {
			p.Argv, p.Hosts = []string{"t", "--mcp-config=x"}, []Host{{"api.individual.githubcopilot.com", at}}
		})}, "--mcp-config", 20},
		"values are no names":        {[]Process{shell, agent(func(p *Process) { p.Env = []string{"CLAUDECODE=1"} })}, "", 0},
		"a loop of parents":          {[]Process{{PID: 5, Parent: 6}, {PID: 6, Parent: 5}, {PID: 7, Parent: 7}}, "", 0},
		"two markers are two pieces": {[]Process{shell, plain, child("CODEX_CI", "CODEX_THREAD_ID")}, "CODEX_THREAD_ID", 20},
	} {
		got := Suspects(tc.all, [][]string{{"npx", "-y", "@x/y@1.2.3"}, nil})
		if tc.want == "" {
			if len(got) != 0 {
				t.Errorf("%s: %+v", name, got)
			}
			continue
		}
		if len(got) != 1 || got[0].PID != tc.pid || !strings.Contains(strings.Join(got[0].Evidence, "; "), tc.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestNamesAreAllThatIsLookedAt(t *testing.T) {
	names := Names()
	for _, m := range markers {
		if !slices.Contains(names, m.name) {
			t.Errorf("%s is not read", m.name)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("a name is there twice")
	}
}
