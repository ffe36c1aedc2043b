// SPDX-License-Identifier: Apache-2.0

package discover

// What a person sets for an extension is put into its command line as the packer's own code does it.

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

func decode(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func tree(t *testing.T, raw []byte) *formats.Node {
	t.Helper()
	root, err := formats.Parse(formats.JSON, raw)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// The command line of an extension is the one that its packer's own code makes of it.
func TestChoicesAreThePackers(t *testing.T) {
	var cases []struct {
		Note     string
		Args     []string
		Declared json.RawMessage `json:"user_config"`
		Set      json.RawMessage
	}
	var made []struct {
		Note string
		Args []string
	}
	decode(t, "testdata/choices/cases.json", &cases)
	decode(t, "testdata/choices/mcpb-2.1.2.json", &made)
	if len(cases) != len(made) || len(cases) == 0 {
		t.Fatalf("%d cases, %d made", len(cases), len(made))
	}
	s := &source{part: &part{}, plugin: plugin{dir: "/x"}}
	for i, c := range cases {
		got, _, open := choicesOf(tree(t, c.Declared), tree(t, c.Set)).fill(s.places(c.Args))
		if made[i].Note != c.Note || !slices.Equal(got, made[i].Args) || len(open) != 0 {
			t.Errorf("%s: %q, open %q; the packer has %q", c.Note, got, open, made[i].Args)
		}
	}
}

// What is secret stays out, and what is not known is said.
func TestWhatOfAnExtensionIsLeftOpen(t *testing.T) {
	const dir = "home/alice/.config/Claude/Claude Extensions/x/"
	for name, tc := range map[string]struct {
		args, declared, set string
		command             string
		starts              string // the rest is left open
		certain             string
	}{
		"set":                    {`"${user_config.dir}"`, `"dir":{}`, `"dir":"/n"`, "node /n", "node /n", ""},
		"a secret by its name":   {`"--k=${user_config.api_key}"`, `"api_key":{}`, `"api_key":"s3cr3t"`, "node --k=${user_config.api_key}", "node --k=s3cr3t", ""},
		"several of them":        {`"${user_config.tokens}"`, `"tokens":{}`, `"tokens":["s3cr3t","x"]`, "node ${user_config.tokens}", "node s3cr3t x", ""},
		"a credential":           {`"--key=${user_config.key}"`, `"key":{"sensitive":true}`, `"key":"s3cr3t"`, "node --key=${user_config.key}", "", "node --key="},
		"several credentials":    {`"-k","${user_config.keys}"`, `"keys":{"sensitive":true}`, `"keys":["s3cr3t","x"]`, "node -k ${user_config.keys}", "", ""},
		"a default with a place": {`"${user_config.dir}"`, `"dir":{"default":"${DOCUMENTS}/n"}`, ``, "node ${user_config.dir}", "", "node "},
		"that was set":           {`"${user_config.dir}"`, `"dir":{"default":"${DOCUMENTS}/n"}`, `"dir":"/n"`, "node /n", "node /n", ""},
		"another variable":       {`"a","${DOCUMENTS}"`, ``, ``, "node a ${DOCUMENTS}", "", "node a\x00"},
	} {
		items := pass(t, map[string]*fstest.MapFile{
			dir + "manifest.json": text(`{"name":"x","server":{"mcp_config":{"command":"node","args":[` + tc.args + `]}},"user_config":{` + tc.declared + `}}`),
			"home/alice/.config/Claude/Claude Extensions Settings/x.json": text(`{"userConfig":{` + tc.set + `}}`),
		})
		found := find(items, inventory.KindConnector, "x")
		if len(found) != 1 {
			t.Fatalf("%s: %+v", name, items)
		}
		it := found[0]
		if got := strings.Join(it.Identity.Command, " "); got != tc.command || (it.Identity.Loose == "") != (tc.starts != "") {
			t.Errorf("%s: %q, loose %q", name, got, it.Identity.Loose)
		}
		if got := certain(&it); got != tc.certain || (it.NotHeld == "") != (tc.starts+tc.certain != "") {
			t.Errorf("%s: %q is certain, not held %q", name, got, it.NotHeld)
		}
		if started := strings.Join(it.Facts.Started.Argv(), " "); started != tc.starts || it.Facts.Secret != strings.Contains(started, "s3cr3t") {
			t.Errorf("%s: it is started by %q, which has a secret: %t", name, started, it.Facts.Secret)
		}
	}
}

// certain is what of an open command does not depend on its variables.
func certain(it *inventory.Item) string {
	if name, fixed, ok := it.Facts.Open.Certain(); ok {
		return name + " " + fixed
	}
	return ""
}

// A connector whose command has variables is held by what of it is certain, and known as what runs without those that have defaults.
// Where its program's name is a variable nothing is certain, and that is said.
func TestVariablesLeaveWhatIsCertain(t *testing.T) {
	for line, tc := range map[string]struct{ started, certain, held string }{
		`"command":"/opt/x","args":["a"]`:                  {"/opt/x a", "", ""},
		`"command":"/opt/x","args":["a","${A:-b c}"]`:      {"/opt/x a b c", "x a\x00", ""},
		`"command":"/opt/x","args":["--a=${A:-b}","${B}"]`: {"", "x --a=", ""},
		`"command":"${A}/bin/x","args":["a","b"]`:          {"", "x a\x00b\x00", ""},
		`"command":"${A:-/opt/x}","args":["$B"]`:           {"", "", "depends on $A, $B"},
		`"command":"${A:-/opt/x}","args":["a"]`:            {"/opt/x a", "", "depends on $A"},
		`"command":"${HOME}/x","args":["${HOME}/y"]`:       {"/home/alice/x /home/alice/y", "", ""},
	} {
		items := pass(t, map[string]*fstest.MapFile{"home/alice/.claude.json": text(`{"mcpServers":{"x":{` + line + `}}}`)})
		it := find(items, inventory.KindConnector, "x")[0]
		if got := strings.Join(it.Facts.Started.Argv(), " "); got != tc.started || !strings.Contains(it.NotHeld, tc.held) || (it.NotHeld == "") != (tc.held == "") {
			t.Errorf("%s: %q, %q", line, got, it.NotHeld)
		}
		if got := certain(&it); got != tc.certain || strings.Contains(it.Identity.Loose, "depends on") != (len(it.Facts.Unset) > 0) {
			t.Errorf("%s: %q is certain, loose %q", line, got, it.Identity.Loose)
		}
	}
}
