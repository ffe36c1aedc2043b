// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestServersAreCalledLikeThem(t *testing.T) {
	commands := [][]string{{"/opt/files", "--all"}, nil}
	for line, want := range map[string]bool{
		"npx -y @modelcontextprotocol/server-filesystem /srv": true, "uvx mcp-server-git": true, "docker run -i --rm mcp/github": true,
		"docker run -i --rm ghcr.io/x/github-mcp-server:1.0": true, "python3 -m mcp_server_fetch": true, "uv run --directory /x mcp-y": true,
		"node /home/a/.npm/_npx/1/node_modules/.bin/mcp-server-x": true, "/opt/files --all": true, "node /opt/files --all": true, "MCP-proxy": true,
		"/opt/files --one": false, "bash": false, "vim a b c notes-mcp.md": false, "grep --color=mcp x": false, "mcpherson": false, "": false,
	} {
		p := Process{PID: 2, Argv: strings.Fields(line)}
		if _, is := serves(&p, commands); is != want {
			t.Errorf("%q: %t", line, is)
		}
	}
	if _, is := serves(&Process{Program: "/home/a/bin/files-mcp", Argv: []string{"x"}}, nil); !is {
		t.Error("not by its program")
	}
}

// Who is above a server is asked about, but for what is known anyway; a parent that is its own ends the way.
func TestServersHaveThoseAbove(t *testing.T) {
	server := func(pid, parent uint32) Process {
		return Process{PID: pid, Parent: parent, Argv: []string{"uvx", "mcp-x"}}
	}
	all := []Process{
		{PID: 1}, {PID: 10, Parent: 1}, {PID: 11, Parent: 10}, server(12, 11), {PID: 20, Parent: 1, Known: "codex"}, {PID: 21, Parent: 20}, server(22, 21),
		{PID: 30, Parent: 30}, server(31, 30), server(40, 1), {PID: 50, Parent: 1, Session: "x"}, server(51, 50),
	}
	got := Servers(all, nil)
	if len(got) != 3 || got[0].PID != 12 || !slices.Equal(got[0].Above, []uint32{11, 10}) || got[1].PID != 31 || len(got[1].Above) != depthMax ||
		got[2].PID != 40 || len(got[2].Above) != 0 {
		t.Errorf("%+v", got)
	}
	all = nil
	for i := range uint32(2 * serversMax) {
		all = append(all, server(100+i, 1))
	}
	if got := Servers(all, nil); len(got) != serversMax {
		t.Errorf("%d servers", len(got))
	}
}

func TestTalkIsToldOnce(t *testing.T) {
	server := Process{PID: 31, Parent: 20, Argv: []string{"npx", "-y", "@x/y@1.2.3"}}
	got := Suspects([]Process{{PID: 20, Parent: 10, Talks: []uint32{31}}, server}, [][]string{server.Argv})
	if len(got) != 1 || len(got[0].Evidence) != 1 {
		t.Errorf("%s", fmt.Sprint(got))
	}
}
