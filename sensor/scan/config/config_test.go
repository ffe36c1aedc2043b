// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"
)

func TestCommentsAndCommasAreAllowed(t *testing.T) {
	r, ok := Read(t.Context(), "json", "x.json", []byte("{\n// a comment\n\"mcpServers\": {\"a\": {\"command\": \"npx\", \"args\": [\"x\",]},}\n}"))
	if !ok || len(r.Commands) != 1 || r.Commands[0].Text != "npx x" {
		t.Errorf("%v %+v", ok, r.Commands)
	}
}

func TestTOMLHasServersToo(t *testing.T) {
	r, ok := Read(t.Context(), "toml", "config.toml", []byte("[mcp_servers.a]\ncommand = \"npx\"\nargs = [\"-y\", \"b\"]\n"))
	if !ok || len(r.Commands) != 1 || r.Servers[0] != "a" {
		t.Errorf("%v %+v", ok, r)
	}
}

func TestNestingIsBounded(t *testing.T) {
	r, ok := Read(t.Context(), "json", "x.json", []byte(strings.Repeat(`{"a":`, 500)+"1"+strings.Repeat("}", 500)))
	if !ok || len(r.Faults) != 1 {
		t.Errorf("%v %+v", ok, r.Faults)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("json", `{"hooks": {"Stop": [{"hooks": [{"command": "x"}]}]}, "tools": [{"name": "a", "description": "b", "inputSchema": {"c": ["d"]}}]}`)
	f.Add("toml", "a = [1, {b = 'c'}]")
	f.Fuzz(func(t *testing.T, lang, s string) { Read(t.Context(), lang, "x", []byte(s)) })
}
