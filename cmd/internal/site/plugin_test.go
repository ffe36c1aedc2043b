// SPDX-License-Identifier: Apache-2.0

package site

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

func TestPluginsHaveDefaults(t *testing.T) {
	c, err := ReadConfig(write(t, "reeve.toml", `[plugins]
queue_mb = 5
[[plugin]]
name = "contain"
[[plugin]]
name = "otlp"
events = "all"
timeout = "3s"
settings = { endpoint = "https://x", headers = ["a=b"], n = 3, on = true }
[plugin.secrets]
authorization = "/etc/reeve/secrets/otlp"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Plugin{
		{Name: "contain", Events: "notable", Timeout: 10 * time.Second, MemoryMB: 128},
		{Name: "otlp", Events: "all", Timeout: 3 * time.Second, MemoryMB: 128,
			Settings: map[string]any{"endpoint": "https://x", "headers": []string{"a=b"}, "n": int64(3), "on": true},
			Secrets:  map[string]string{"authorization": "/etc/reeve/secrets/otlp"}},
	}
	if !reflect.DeepEqual(c.Plugin, want) || c.Plugins.QueueMB != 5 || c.Plugins.Folders[0] != "/usr/lib/reeve/plugins" {
		t.Errorf("got  %+v\nwant %+v", c.Plugin, want)
	}
}

func TestPluginFaultsSayWhereAndHow(t *testing.T) {
	const two = "[[plugin]]\nname = 'a'\n[[plugin]]\nname = 'b'\n"
	for name, tc := range map[string]struct{ text, want, hint string }{
		"unknown key":   {two + "colour = 1\n", `reeve.toml:5: unknown key "plugin.colour"`, "[[plugin]] name"},
		"no name":       {"[[plugin]]\npath = '/x'\n", `reeve.toml:1: plugin "": the name is none`, "small letters"},
		"twice":         {two + "[[plugin]]\nname = 'a'\n", `reeve.toml:6: plugin "a": is there twice`, "once"},
		"relative":      {two + "path = 'x'\n", `reeve.toml:5: plugin "b": path "x": not an absolute path`, ""},
		"sum":           {two + "sha256 = 'abc'\n", `reeve.toml:5: plugin "b": sha256 "abc": is none`, "64 digits"},
		"root":          {two + "user = 'root'\n", `reeve.toml:5: plugin "b": user "root": plugins do not run as root`, ""},
		"shared user":   {"[[plugin]]\nname = 'a'\nuser = 'x'\n[[plugin]]\nname = 'b'\nuser = 'x'\n", `reeve.toml:6: plugin "b": has the user of "a"`, "secrets"},
		"its default":   {"[[plugin]]\nname = 'a'\n[[plugin]]\nname = 'b'\nuser = 'reeve-a'\n", `reeve.toml:5: plugin "b": has the user of "a"`, "secrets"},
		"events":        {two + "events = 'none'\n", `reeve.toml:5: plugin "b": events "none": unknown`, "notable, all, chosen"},
		"timeout":       {two + "timeout = '1ms'\n", `reeve.toml:5: plugin "b": timeout 1ms: not between`, "10s"},
		"memory":        {two + "memory_mb = 3\n", `reeve.toml:5: plugin "b": memory_mb 3: not between 16 and`, ""},
		"acts":          {two + "acts = ['melt']\n", `reeve.toml:5: plugin "b": acts "melt": unknown`, "freeze"},
		"setting":       {two + "settings = { x = 1.5 }\n", `reeve.toml:5: plugin "b": setting x: not a text`, ""},
		"secret":        {two + "[plugin.secrets]\nkey = 'k'\n", `reeve.toml:6: plugin "b": secret key: "k" is not the absolute path`, ""},
		"both":          {two + "settings = { key = 'k' }\nsecrets = { key = '/k' }\n", `reeve.toml:5: plugin "b": setting key: is among the secrets too`, ""},
		"queue":         {"[plugins]\nqueue_mb = 0\n", "reeve.toml:2: queue_mb 0: not between", ""},
		"folder":        {"[plugins]\nfolders = ['x']\n", `reeve.toml:2: folders "x": not an absolute path`, ""},
		"one, no array": {"[plugin]\nname = 'a'\n", "reeve.toml:1: plugin", ""},
	} {
		_, err := ReadConfig(write(t, "reeve.toml", tc.text))
		var f *Fault
		if !errors.As(err, &f) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(f.Hint, tc.hint) {
			t.Errorf("%s: %v (%+v)", name, err, f)
		}
	}
}

func TestPolicyIsToldOfPluginsThatDoNotRun(t *testing.T) {
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	const policy = "version = 1\nbase = \"none\"\n[[rule]]\nid = \"x\"\non = [\"file.read\"]\nmatch = [\"/x\"]\naction = \"deny\"\nrespond = [\"contian:freeze\", \"syslog\"]\n"
	for name, tc := range map[string]struct {
		plugins []Plugin
		want    []string
	}{
		"none runs":  {nil, []string{`a.toml:8: rule "x": respond[0]: no plugin "contian" runs here: nothing will respond`, `respond[1]: no plugin "syslog" runs here`}},
		"one is odd": {[]Plugin{{Name: "contain"}, {Name: "syslog"}}, []string{`no plugin "contian" runs here`}},
	} {
		c := Defaults()
		c.Plugin = tc.plugins
		p, ps := c.Parse(map[string]string{"a.toml": policy}, agents)
		if p == nil || len(ps.Warnings()) != len(tc.want) {
			t.Errorf("%s: %v", name, ps)
			continue
		}
		for i, w := range ps.Warnings() {
			if !strings.Contains(w.Error(), tc.want[i]) {
				t.Errorf("%s: %v", name, w)
			}
		}
		if hint := ps.Warnings()[0].Hint; name == "one is odd" && hint != `did you mean "contain"?` {
			t.Errorf("%s: %s", name, hint)
		}
	}
}
