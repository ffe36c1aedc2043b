// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// What hides from the home is found by the process that uses it.
func TestWhatARunWasGiven(t *testing.T) {
	files := fstest.MapFS{
		"srv/else/.claude.json":               text(`{"mcpServers":{"moved":{"command":"x"}}}`),
		"srv/else/skills/s/SKILL.md":          text("---\nname: s\n---\n"),
		"srv/else/settings.json":              text(`{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"y"}]}]}}`),
		"repo/mcp.json":                       text(`{"mcpServers":{"by-file":{"command":"x"}}}`),
		"home/alice/.claude.json":             text(`{"mcpServers":{"usual":{"command":"x"}}}`),
		"home/alice/.codex/config.toml":       text("[mcp_servers.usual]\ncommand = 'x'\n"),
		"srv/codex/config.toml":               text("[mcp_servers.codex]\ncommand = 'x'\n"),
		"srv/codex/skills/.system/b/SKILL.md": text("---\nname: b\n---\n"),
	}
	p := &Pass{FS: files, Catalogue: catalogue(t), Options: Defaults}
	inline := `{"mcpServers":{"inline":{"command":"x","args":["--token","` + canary + `"],"env":{"T":"` + canary + `"}}}}`
	for name, tc := range map[string]struct {
		run  Run
		want string
	}{
		"nothing":        {Run{Agent: "claude-code", Cwd: "/repo", Argv: []string{"claude", "-p", "x"}}, ""},
		"a folder":       {Run{Agent: "claude-code", Moved: map[string]string{"CLAUDE_CONFIG_DIR": "/srv/else/"}}, "connector:moved skill:s hook:Stop"},
		"where it is":    {Run{Agent: "claude-code", Moved: map[string]string{"CLAUDE_CONFIG_DIR": "/home/alice/.claude"}}, ""},
		"relative":       {Run{Agent: "claude-code", Moved: map[string]string{"CLAUDE_CONFIG_DIR": "else"}}, ""},
		"another agent":  {Run{Agent: "codex", Moved: map[string]string{"CODEX_HOME": "/srv/codex", "CLAUDE_CONFIG_DIR": "/srv/else"}}, "connector:codex skill:b"},
		"a file":         {Run{Agent: "claude-code", Cwd: "/repo", Argv: []string{"claude", "--mcp-config", "mcp.json", "none.json", "-p", "x"}}, "connector:by-file"},
		"by equals":      {Run{Agent: "claude-code", Cwd: "/", Argv: []string{"claude", "--mcp-config=/repo/mcp.json"}}, "connector:by-file"},
		"inline":         {Run{Agent: "claude-code", Cwd: "/repo", Argv: []string{"claude", "--mcp-config", inline, "mcp.json"}}, "connector:by-file connector:inline"},
		"inline, broken": {Run{Agent: "claude-code", Argv: []string{"claude", "--mcp-config", "{" + canary}}, "file:command line"},
		"with an at":     {Run{Agent: "copilot-cli", Cwd: "/repo", Argv: []string{"copilot", "--additional-mcp-config", "@mcp.json"}}, "connector:by-file"},
		"unknown":        {Run{Agent: "nobody", Cwd: "/repo", Argv: []string{"x", "--mcp-config", "mcp.json"}}, ""},
	} {
		items := p.Given(Home{"alice", "/home/alice"}, tc.run).Items
		inventory.Sort(items)
		var got []string
		for _, it := range items {
			got = append(got, it.ID())
			if strings.Contains(it.Error+it.Command(), canary) {
				t.Errorf("%s: a value came out: %+v", name, it)
			}
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: %s, want %s", name, s, tc.want)
		}
	}
}

func TestFetchedPackagesAreSummed(t *testing.T) {
	files := func(version, code string) map[string]*fstest.MapFile {
		return map[string]*fstest.MapFile{
			"home/alice/.cursor/mcp.json":                                  text(`{"mcpServers":{"a":{"command":"npx","args":["-y","@x/y@1.2.3"]}}}`),
			"home/alice/.npm/_npx/0a1b/node_modules/@x/y/package.json":     text(`{"version":"` + version + `"}`),
			"home/alice/.npm/_npx/0a1b/node_modules/@x/y/index.js":         text(code),
			"home/alice/.npm/_npx/ffff/node_modules/@x/other/package.json": text(`{"version":"1.2.3"}`),
		}
	}
	one, two, older := pass(t, files("1.2.3", "a")), pass(t, files("1.2.3", "b")), pass(t, files("1.2.2", "a"))
	for _, items := range [][]inventory.Item{one, two} {
		if len(items) != 1 || len(items[0].Installed) != 1 || items[0].Installed[0].Name != "npm:@x/y@1.2.3" || items[0].Digest != older[0].Digest {
			t.Fatalf("%+v", items)
		}
	}
	if one[0].Installed[0].Value == two[0].Installed[0].Value || len(older[0].Installed) != 0 {
		t.Errorf("%+v %+v %+v", one[0].Installed, two[0].Installed, older[0].Installed)
	}
}
