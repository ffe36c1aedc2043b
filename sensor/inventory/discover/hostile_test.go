// SPDX-License-Identifier: Apache-2.0

// This file is what people, packages and agents may put in the way of a pass: none of it may end it, hang it or come out.

package discover

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

func pass(t testing.TB, files map[string]*fstest.MapFile) []inventory.Item {
	t.Helper()
	return everything(&Pass{FS: fstest.MapFS(files), Catalogue: catalogue(t), Options: Defaults})
}

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), Mode: 0o644} }

// find gives the items of a kind and a name.
func find(items []inventory.Item, kind inventory.Kind, name string) []inventory.Item {
	var out []inventory.Item
	for _, it := range items {
		if it.Kind == kind && it.Name == name {
			out = append(out, it)
		}
	}
	return out
}

func TestBrokenFilesAreItemsWithAnError(t *testing.T) {
	many := map[string]any{}
	for i := range connectorsMax + 10 {
		many[fmt.Sprintf("c%04d", i)] = map[string]any{"command": "x"}
	}
	crowd, err := json.Marshal(map[string]any{"mcpServers": many})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		file *fstest.MapFile
		want string
	}{
		"broken":     {text(`{"mcpServers":`), "not JSON: it ends too early"},
		"no JSON":    {text("sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaa"), "line 1: not JSON"},
		"huge":       {&fstest.MapFile{Data: make([]byte, settingsMax+1), Mode: 0o644}, "are looked at"},
		"deep":       {text(strings.Repeat("[", 100_000)), "nested too deeply"},
		"a pipe":     {&fstest.MapFile{Mode: 0o644 | fs.ModeNamedPipe}, "no regular file"},
		"a device":   {&fstest.MapFile{Mode: 0o644 | fs.ModeDevice}, "no regular file"},
		"a folder":   {&fstest.MapFile{Mode: 0o755 | fs.ModeDir}, "no regular file"},
		"very many":  {&fstest.MapFile{Data: crowd, Mode: 0o644}, "more than 1000 connectors"},
		"wrong type": {text(`{"mcpServers":{"x":["a"]}}`), ""},
		"a text":     {text(`{"mcpServers":"x"}`), ""},
	} {
		items := pass(t, map[string]*fstest.MapFile{"home/alice/.cursor/mcp.json": tc.file})
		found := find(items, inventory.KindFile, "mcp.json")
		if tc.want == "" {
			if len(found) != 0 {
				t.Errorf("%s: %+v", name, found)
			}
			continue
		}
		if len(found) != 1 || !strings.Contains(found[0].Error, tc.want) {
			t.Errorf("%s: %+v", name, found)
		}
		if len(found) == 1 && strings.Contains(found[0].Error, "sk-ant") {
			t.Errorf("%s: the error quotes the file", name)
		}
	}
}

func TestSearchFindsProjectsAndNoPackages(t *testing.T) {
	files := map[string]*fstest.MapFile{}
	for _, dir := range []string{
		"a", "src/pkg/b", "src/deep/er/c", // projects
		"src/x/node_modules/m", "go/pkg/mod/h.example/m", ".cache/m", "src/x/.git/m", "src/x/vendor/m", ".claude/plugins/cache/k/p/1", "src/skipped/m", "a/.claude/worktrees/m",
	} {
		files["home/alice/"+dir+"/.mcp.json"] = text(`{"mcpServers":{}}`)
	}
	o := Defaults
	o.Skip = []string{"skipped"}
	r := (&Pass{FS: fstest.MapFS(files), Catalogue: catalogue(t), Options: o}).Search(Home{"alice", "/home/alice"})
	if got := strings.Join(r.Projects, " "); got != "/home/alice/a /home/alice/src/deep/er/c /home/alice/src/pkg/b" {
		t.Error(got)
	}
}

func TestAgentsAreFoundWhereverTheyLie(t *testing.T) {
	module := "home/alice/.nvm/versions/node/v22.1.0/lib/node_modules/"
	items := pass(t, map[string]*fstest.MapFile{
		"home/alice/.local/share/claude/versions/2.1.330":            text("ELF"),
		module + "@google/gemini-cli/bundle/gemini.js":               text("x"),
		module + "@google/gemini-cli/package.json":                   text(`{"version":"0.61.0"}`),
		"usr/local/lib/node_modules/opencode-ai/bin/other":           text("x"),
		"usr/local/lib/node_modules/opencode-linux-x64/bin/opencode": text("ELF"),
		"usr/local/lib/node_modules/opencode-linux-x64/package.json": text(`{"version":"1.18.33"}`),
		"usr/bin/goose":        text("ELF"),
		"home/alice/bin/goose": text("not where it is installed"),
	})
	var got []string
	for _, it := range items {
		if it.Kind == inventory.KindAgent {
			got = append(got, fmt.Sprintf("%s %s of %s", it.Name, it.Version, it.Owner))
			if len(it.Identity.Content()) != 64 {
				t.Errorf("%+v", it)
			}
		}
	}
	if s := strings.Join(got, ", "); s != "claude-code 2.1.330 of alice, gemini-cli 0.61.0 of alice, goose  of system, opencode 1.18.33 of system" {
		t.Error(s)
	}
}

func TestBoundsAreTold(t *testing.T) {
	files := map[string]*fstest.MapFile{"home/alice/.claude/skills/big/SKILL.md": text("---\nname: big\n---\n")}
	for i := range filesMax + 5 {
		files[fmt.Sprintf("home/alice/.claude/skills/big/data/%d", i)] = text("x")
	}
	for i := range matchesMax + 5 {
		files[fmt.Sprintf("home/alice/.claude/commands/c%d.md", i)] = text("x")
	}
	deep := "home/alice"
	for i := range Defaults.Depth + 3 {
		deep += fmt.Sprintf("/d%d", i)
	}
	files[deep+"/.mcp.json"] = text(`{"mcpServers":{"far":{"command":"x"}}}`)
	items := pass(t, files)
	if big := find(items, inventory.KindSkill, "big"); len(big) != 1 || big[0].Error == "" || big[0].Identity.Loose == "" {
		t.Errorf("%+v", big)
	}
	if c := find(items, inventory.KindFile, "*.md"); len(c) != 1 || !strings.Contains(c[0].Error, "more files") {
		t.Errorf("%+v", c)
	}
	if h := find(items, inventory.KindFile, "alice"); len(h) != 1 || !strings.Contains(h[0].Error, "deep") {
		t.Errorf("%+v", h)
	}
	if len(find(items, inventory.KindConnector, "far")) != 0 {
		t.Error("a search went deeper than it may")
	}
	o := Defaults
	o.Entries = 100
	p := &Pass{FS: fstest.MapFS(files), Catalogue: catalogue(t), Options: o}
	if r := p.Search(Home{"alice", "/home/alice"}); len(r.Items) != 1 || !strings.Contains(r.Items[0].Error, "more than 100 entries") {
		t.Errorf("%+v", r.Items)
	}
}

func archive(t *testing.T, members map[string]string) *fstest.MapFile {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range members {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: out.Bytes(), Mode: 0o644}
}

func TestHostileExtensions(t *testing.T) {
	for name, tc := range map[string]struct {
		file *fstest.MapFile
		want string
	}{
		"no archive":         {text("PK"), "zip: not a valid zip file"},
		"no manifest":        {archive(t, map[string]string{"x": "y"}), "no manifest.json"},
		"a bomb":             {archive(t, map[string]string{"manifest.json": strings.Repeat(" ", 8<<20)}), "more than"},
		"a broken manifest":  {archive(t, map[string]string{"manifest.json": "{"}), "manifest.json: "},
		"leads out of there": {archive(t, map[string]string{"../manifest.json": "{}"}), "zip: insecure file path"},
	} {
		items := pass(t, map[string]*fstest.MapFile{"home/alice/Downloads/x.mcpb": tc.file})
		if len(items) != 1 || !strings.Contains(items[0].Error, strings.TrimPrefix(tc.want, "zip: insecure file path")) || items[0].Error == "" {
			t.Errorf("%s: %+v", name, items)
		}
	}
}

func TestPluginsOfPluginsEnd(t *testing.T) {
	root := map[string]*fstest.MapFile{}
	dir := "home/alice/.claude/plugins/cache/m/p/1"
	for range 4 {
		root[dir+"/.claude-plugin/plugin.json"] = text(`{"name":"p"}`)
		dir += "/plugins/cache/m/p/1"
	}
	if items := pass(t, root); len(find(items, inventory.KindPlugin, "p@m")) != 1 {
		t.Errorf("%+v", items)
	}
}

func TestPluginNamesFilesOfItsOwn(t *testing.T) {
	dir := "home/alice/.claude/plugins/cache/m/p/1/"
	items := pass(t, map[string]*fstest.MapFile{
		dir + ".claude-plugin/plugin.json": text(`{"name":"p","mcpServers":["./conf/mcp.json","../../../../../../../../etc/x.json",{"inline":{"command":"y"}}],"hooks":"./conf/hooks.json"}`),
		dir + "conf/mcp.json":              text(`{"mcpServers":{"far":{"command":"x"}}}`),
		dir + "conf/hooks.json":            text(`{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"z"}]}]}}`),
		"etc/x.json":                       text(`{"mcpServers":{"taken":{"command":"x"}}}`),
	})
	for _, want := range []string{"far", "inline"} {
		if it := find(items, inventory.KindConnector, want); len(it) != 1 || it[0].Part != "p@m" {
			t.Errorf("%s: %+v", want, it)
		}
	}
	if len(find(items, inventory.KindHook, "Stop")) != 1 || len(find(items, inventory.KindConnector, "taken")) != 0 {
		t.Errorf("%+v", items)
	}
}

func TestPlaceOfAPluginStaysInItsMarketplace(t *testing.T) {
	items := pass(t, map[string]*fstest.MapFile{
		"home/alice/.copilot/settings.json":         text(`{"extraKnownMarketplaces":{"m":{"source":{"source":"directory","path":"/opt/m"}}},"enabledPlugins":{"p@m":true}}`),
		"opt/m/.claude-plugin/marketplace.json":     text(`{"plugins":[{"name":"p","source":"./../../secret"}]}`),
		"secret/.claude-plugin/plugin.json":         text(`{"name":"taken"}`),
		"opt/m/secret/.claude-plugin/plugin.json":   text(`{"name":"p","version":"1.0.0"}`),
		"opt/m/secret/skills/a/SKILL.md":            text("---\nname: inner\n---\n"),
		"home/alice/.claude/skills/ok/SKILL.md":     text("no front matter, !`id`"),
		"home/alice/.claude/skills/broken/SKILL.md": text("---\na: [\n---\n"),
	})
	if len(find(items, inventory.KindPlugin, "taken@m")) != 0 || len(find(items, inventory.KindPlugin, "p@m")) != 1 || len(find(items, inventory.KindSkill, "inner")) != 1 {
		t.Errorf("%+v", items)
	}
	if ok := find(items, inventory.KindSkill, "ok"); len(ok) != 1 || len(ok[0].Facts.Loads) != 1 {
		t.Errorf("%+v", ok)
	}
	if b := find(items, inventory.KindFile, "SKILL.md"); len(b) != 1 || b[0].Error == "" {
		t.Errorf("%+v", b)
	}
}

func TestNamesAreOneLine(t *testing.T) {
	items := pass(t, map[string]*fstest.MapFile{
		"home/alice/.cursor/mcp.json": text(`{"mcpServers":{"a\u001b[31m\nb":{"command":"x"},"` + strings.Repeat("n", 9000) + `":{"command":"x"}}}`),
	})
	for _, it := range items {
		if strings.ContainsAny(it.Name, "\x1b\n") || len(it.Name) > nameMax+8 {
			t.Errorf("%q", it.Name)
		}
	}
}

func FuzzPass(f *testing.F) {
	c, err := inventory.Builtin()
	if err != nil {
		f.Fatal(err)
	}
	names := []string{
		"home/alice/.claude.json", "home/alice/.claude/settings.json", "home/alice/.codex/config.toml", "home/alice/.config/goose/config.yaml",
		"home/alice/.claude/skills/x/SKILL.md", "home/alice/.claude/plugins/cache/m/p/1/.claude-plugin/plugin.json", "home/alice/x.mcpb",
		"home/alice/.config/Claude/Claude Extensions/x/manifest.json", "home/alice/.config/opencode/opencode.json", "home/alice/.gemini/commands/x.toml",
		"home/alice/.copilot/settings.json", "home/alice/.cursor/hooks.json",
	}
	f.Add(byte(0), []byte(`{"mcpServers":{"a":{"command":"npx","args":["-y","x"],"env":{"API_KEY":"CANARYCANARY"}}},"projects":{"/home/alice/p":{"mcpServers":{"b":{"url":"https://u:CANARYCANARY@h/?key=CANARYCANARY"}}}}}`))
	f.Add(byte(1), []byte(`{"hooks":{"A":[{"matcher":"x","hooks":[{"type":"command","command":"a","args":["b"]}]}]},"enabledPlugins":{"p@m":false},"enableAllProjectMcpServers":true}`))
	f.Add(byte(2), []byte("[mcp_servers.a]\ncommand='x'\n[marketplaces.m]\nsource_type='local'\nsource='/opt/m'\n[plugins.'p@m']\nenabled=true\n"))
	f.Add(byte(3), []byte("extensions:\n  a: {type: stdio, cmd: npx, args: [x], env_keys: [K]}\n"))
	f.Add(byte(4), []byte("---\nname: x\nallowed-tools: Bash(a, b), Read\nhooks: {PreToolUse: [{hooks: [{command: x}]}]}\n---\n!`id`\n"))
	f.Add(byte(5), []byte(`{"name":"p","version":"1","mcpServers":{"a":{"command":"${CLAUDE_PLUGIN_ROOT}/x"}},"hooks":{}}`))
	f.Add(byte(7), []byte(`{"name":"x","server":{"mcp_config":{"command":"node","platform_overrides":{"linux":{"command":"y"}}}},"tools":[{"name":"a","description":"b"}]}`))
	f.Add(byte(7), []byte(`{"server":{"mcp_config":{"command":"node","args":["${user_config.a}","--b=${user_config.b}"]}},"user_config":{"a":{"default":["x","y"]},"b":{"default":1}}}`))
	f.Add(byte(8), []byte(`{"mcp":{"a":{"type":"local","command":["x","y"],"environment":{"T":"CANARYCANARY"}}},"plugin":["a@1.0.0","./b"]}`))
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		fsys := fstest.MapFS{names[int(which)%len(names)]: {Data: data, Mode: 0o644}}
		for _, it := range everything(&Pass{FS: fsys, Catalogue: c, Options: Defaults}) {
			if it.Name == "" && it.Error == "" && it.Kind == "" || it.File == "" || it.Owner == "" || len(it.Digest) != 64 {
				t.Fatalf("%+v", it)
			}
		}
	})
}
