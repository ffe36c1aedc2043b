// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// canary is the text of every secret here: wherever it comes out, something leaks.
const canary = "CANARY5e1f9c3a7b2d8f4e6a0c"

// Every place where settings hold a credential, in every format.
func TestValuesOfCredentialsNeverComeOut(t *testing.T) {
	servers := fmt.Sprintf(`{"a":{"command":"srv","args":["--token","%[1]s","--api-key=%[1]s","postgres://u:%[1]s@db/x","Authorization: Bearer %[1]s"],
		"env":{"API_KEY":"%[1]s","PLAIN":"ghp_%[1]s","NODE_OPTIONS":"--require https://u:%[1]s@h/x","DSN":"postgres://u:%[1]s@db/x","REGION":"%[1]s"}},
		"b":{"url":"https://u:%[1]s@h.example/s/%[1]s/mcp?api_key=%[1]s&x=1#%[1]s","headers":{"Authorization":"Bearer %[1]s","X-Thing":"%[1]s"},"oauth":{"clientSecret":"%[1]s"}},
		"d":{"command":"npx","args":["-y","@x/y@ghp_%[1]s"]},"e":{"command":"uvx","args":["--from","git+https://u:%[1]s@h/x.git","x"]},
		"c":{"command":"srv","env":{"X":"%[1]s"},"headersHelper":"mint --token %[1]s","cwd":"/x?token=%[1]s"}}`, canary)
	secretive := map[string]*fstest.MapFile{
		"home/alice/.claude.json":                   text(`{"oauthAccount":{"token":"` + canary + `"},"mcpServers":` + servers + `,"projects":{"/home/alice/p":{"mcpServers":` + servers + `}}}`),
		"home/alice/.gemini/settings.json":          text(`{"mcpServers":` + servers + `}`),
		"home/alice/.config/opencode/opencode.json": text(`{"provider":{"apiKey":"` + canary + `"},"mcp":{"a":{"type":"local","command":["x","--token","` + canary + `"],"environment":{"K_TOKEN":"` + canary + `"}}}}`),
		"home/alice/.codex/config.toml": text(fmt.Sprintf("api_key = %[1]q\n[mcp_servers.a]\ncommand = 'x'\nargs = ['--password', %[1]q]\n[mcp_servers.a.env]\nT = %[1]q\n[mcp_servers.b]\nurl = 'https://h/?token=%[2]s'\nhttp_headers = { Authorization = %[1]q }\n",
			canary, canary)),
		"home/alice/.config/goose/config.yaml": text("K: " + canary + "\nextensions:\n  a:\n    type: stdio\n    cmd: x\n    envs: {SECRET: " + canary + "}\n    args: [--secret, " + canary + "]\n"),
		"home/alice/.claude/settings.json": text(`{"apiKeyHelper":"` + canary + `","env":{"ANTHROPIC_API_KEY":"` + canary + `"},"hooks":{"Stop":[{"hooks":[{"type":"command","command":"curl -H 'Authorization: Bearer ` + canary + `' x"},
			{"type":"http","url":"https://h/?token=` + canary + `","headers":{"X-Api-Key":"` + canary + `"}}]}]},"extraKnownMarketplaces":{"m":{"source":{"source":"git","url":"https://u:` + canary + `@h/x.git"}}}}`),
		"home/alice/.claude/skills/x/SKILL.md":                        text("---\nname: x\ndescription: uses token=" + canary + "\n---\n!`curl -u me:" + canary + " x`\n"),
		"home/alice/.config/Claude/Claude Extensions/n/manifest.json": text(`{"name":"n","server":{"mcp_config":{"command":"x","args":["--token","` + canary + `"],"env":{"TOKEN":"` + canary + `"}}}}`),
		"home/alice/.config/Claude/Claude Extensions Settings/n.json": text(`{"isEnabled":true,"userConfig":{"key":"` + canary + `"}}`),
		"home/alice/.config/opencode/plugin/x.ts":                     text("const k='" + canary + "'"),
		"home/alice/broken/.mcp.json":                                 text(`{"mcpServers":{"a":{"env":{"T":"` + canary + `"` /* and no end */),
		"home/alice/.cursor/mcp.json":                                 text(canary),
	}
	items := pass(t, secretive)
	raw, err := json.Marshal(items)
	if err != nil {
		t.Fatal(err)
	}
	if i := strings.Index(string(raw), canary); i >= 0 {
		t.Errorf("a value came out: …%s…", raw[max(0, i-300):min(len(raw), i+60)])
	}
	for _, it := range items {
		if s := fmt.Sprintf("%+v", it.Facts); strings.Contains(s, canary) {
			t.Errorf("a value is among the facts: %s", s)
		}
	}
	a := find(items, inventory.KindConnector, "a")
	if len(a) < 5 || len(a[0].Secrets) < 3 || len(a[0].Literal) < 3 {
		t.Errorf("names do not come out: %+v", a)
	}
}

func TestReferencesAreNoLiterals(t *testing.T) {
	items := pass(t, map[string]*fstest.MapFile{"home/alice/.cursor/mcp.json": text(`{"mcpServers":{"a":{"command":"x","env":{
		"A_TOKEN":"${A_TOKEN}","B_TOKEN":"$B","C_TOKEN":"{env:C}","D_TOKEN":"${input:d}","E_TOKEN":"","F_TOKEN":"Bearer ${F}","G_TOKEN":"abc","H_TOKEN":"${A}abc"}}}}`)})
	if a := find(items, inventory.KindConnector, "a"); len(a) != 1 || strings.Join(a[0].Literal, " ") != "G_TOKEN H_TOKEN" || len(a[0].Secrets) != 8 {
		t.Errorf("%+v", a)
	}
}

func TestMaskURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://mcp.corp.example/mcp":                         "https://mcp.corp.example/mcp",
		"https://u:p@h/x":                                      "https://h/x",
		"https://h/s/0123456789abcdef0123456789abcdef/mcp":     "https://h/s/‹redacted›/mcp",
		"https://h/x?region=eu&apiKey=abc":                     "https://h/x?region=eu&apiKey=‹redacted:password›",
		"https://h/x?sessionId=0123456789abcdef0123456789abcd": "https://h/x?sessionId=‹redacted›",
		"https://h/x?key=${KEY}":                               "https://h/x?key=${KEY}",
		"https://h/a-plain-word-that-is-rather-long/mcp":       "https://h/a-plain-word-that-is-rather-long/mcp",
		"https://h/x#token":                                    "https://h/x",
		"http://[::1":                                          "‹redacted›",
	} {
		got, secret := maskURL(in)
		if got != want || secret != (strings.Contains(want, "redacted") || strings.Contains(in, "@")) {
			t.Errorf("%s: %s (%v)", in, got, secret)
		}
	}
}

func FuzzMaskURL(f *testing.F) {
	f.Add("https://u:", "@h/x?token=")
	f.Add("https://h/s/", "/mcp?key=")
	f.Fuzz(func(t *testing.T, before, after string) {
		masked, _ := maskURL(before + canary + after)
		// A canary in the place of the host, of the scheme or of a query's name is none: those say where, not who.
		if !strings.Contains(masked, canary) {
			return
		}
		if i := strings.Index(masked, "@"); i >= 0 && strings.Contains(masked[:i], "://") && strings.Contains(masked[:i], canary+":") {
			t.Errorf("%q", masked)
		}
	})
}
