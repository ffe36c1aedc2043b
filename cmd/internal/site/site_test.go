// SPDX-License-Identifier: Apache-2.0

package site

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfig(t *testing.T) {
	c, err := ReadConfig(write(t, "reeve.toml", "policy = ['/p']\nrequire = 'full'\n[memory]\nevents_mb = 8\n"))
	if err != nil || c.Require != "full" || c.Memory != (Memory{8, 1024}) || c.Run != "/run/reeve" || c.Policy[0] != "/p" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestShippedConfigSaysTheDefaults(t *testing.T) {
	c, err := ReadConfig("../../../packaging/reeve.toml")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Defaults()) {
		t.Errorf("got  %+v\nwant %+v", c, Defaults())
	}
}

func TestConfigFaultsSayWhereAndHow(t *testing.T) {
	for name, tc := range map[string]struct{ text, want, hint string }{
		"unknown key":   {"run = '/r'\ncolour = 1\n", `reeve.toml:2: unknown key "colour"`, "keys: policy"},
		"unknown table": {"[memory]\nmb = 1\n", `reeve.toml:2: unknown key "memory.mb"`, "events_mb"},
		"no TOML":       {"run = \n", "reeve.toml:1: ", ""},
		"wrong type":    {"run = 3\n", "reeve.toml:1: run: incompatible types", ""},
		"coverage":      {"require = 'all'\n", `reeve.toml:1: require "all": unknown`, "full, network"},
		"exit":          {"on_daemon_exit = 'x'\n", `reeve.toml:1: on_daemon_exit "x": unknown`, "keep or release"},
		"relative":      {"run = 'r'\n", `reeve.toml:1: run "r": not an absolute path`, ""},
		"denials":       {"[safety]\nmax_denials_per_minute = -1\n", "reeve.toml:2: max_denials_per_minute -1: not between 0 and 10000", "0 is off"},
		"spike":         {"[safety]\non_denial_spike = 'x'\n", `reeve.toml:2: on_denial_spike "x": unknown`, "audit or notice"},
		"every":         {"[inventory]\nevery = '1s'\n", "reeve.toml:2: every 1s: not between", "24h"},
		"depth":         {"[inventory]\ndepth = -1\n", "reeve.toml:2: depth -1: not between 0 and 64", "0 searches"},
		"folders":       {"[inventory]\nfolders = ['x']\n", `reeve.toml:2: folders "x": not the absolute path`, ""},
		"system":        {"[inventory]\nsystem = ['/']\n", `reeve.toml:2: system "/": not the absolute path`, ""},
		"resolver":      {"run = '/r'\nresolvers = ['10.0.0.53', 'dns.example.com']\n", `reeve.toml:2: resolvers "dns.example.com": not the address of a resolver`, "10.0.0.53"},
		"port":          {"resolvers = ['10.0.0.53:53']\n", `reeve.toml:1: resolvers "10.0.0.53:53": not the address`, "without port"},
		"zone":          {"resolvers = ['fe80::1%eth0']\n", `reeve.toml:1: resolvers "fe80::1%eth0": not the address`, "or zone"},
		"anybody":       {"resolvers = ['::ffff:0.0.0.0']\n", `reeve.toml:1: resolvers "::ffff:0.0.0.0": not the address`, ""},
		"multicast":     {"resolvers = ['224.0.0.251']\n", `reeve.toml:1: resolvers "224.0.0.251": not the address`, ""},
		"resolver file": {"resolver_files = ['etc/resolv.conf']\n", `reeve.toml:1: resolver_files "etc/resolv.conf": not an absolute path`, ""},
		"no resolver":   {"resolver_files = []\n", "reeve.toml:1: resolver_files names no file and resolvers nobody", "leave resolver_files out"},
		"memory":        {"[memory]\nevents_mb = 0\n", "reeve.toml:2: events_mb 0", ""},
	} {
		_, err := ReadConfig(write(t, "reeve.toml", tc.text))
		var f *Fault
		if !errors.As(err, &f) || !strings.Contains(err.Error(), tc.want) || !strings.Contains(f.Hint, tc.hint) {
			t.Errorf("%s: %v (%+v)", name, err, f)
		}
	}
	if _, err := ReadConfig(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a named configuration may not be missing")
	}
}

func TestHomesOfPeople(t *testing.T) {
	passwd := write(t, "passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nnobody:x:65534:1::/nonexistent:/x\nodd:x:1001:1::/:/x\nshort:x\nbob:x:1002:1::/srv/bob/:/x\n")
	if got := passwdHomes(passwd); !reflect.DeepEqual(got, []string{"/home/alice", "/srv/bob"}) {
		t.Errorf("%q", got)
	}
}

// The presets must let every agent of the catalogue start.
func TestPresetsLetAgentsStart(t *testing.T) {
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c := Defaults()
	for _, base := range enforce.Presets() {
		_, ps := c.Parse(map[string]string{"a.toml": "version = 1\nbase = \"" + base + "\"\n"}, agents)
		if errs := ps.Errors(); len(errs) > 0 {
			t.Errorf("%s: %v", base, errs)
		}
	}
}

func TestPolicyThatStopsAnAgentIsRefused(t *testing.T) {
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c := Defaults()
	_, ps := c.Parse(map[string]string{"a.toml": "version = 1\nbase = \"none\"\n[[rule]]\nid = \"x\"\non = [\"exec\"]\nmatch = [\"/usr/bin/bash\"]\naction = \"deny\"\n"}, agents)
	if err := ps.Errors(); len(err) == 0 || !strings.Contains(err.Error(), "Claude Code") {
		t.Errorf("%v", err)
	}
}

// What the text shows, what the host shows and what a start shows is told in one go.
func TestFaultsOfEveryKindAreToldAtOnce(t *testing.T) {
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c := Defaults()
	_, ps := c.Parse(map[string]string{"a.toml": `version = 1
[[role]]
name = "eng"
groups = ["no-such-group-here"]
[[rule]]
id = "x"
on = ["exec"]
match = ["/x"]
action = "dny"
[[rule]]
id = "y"
on = ["exec"]
match = ["/usr/bin/bash"]
action = "deny"
`}, agents)
	text := ps.Errors().Error()
	for _, want := range []string{`a.toml:4: role "eng": groups[0]`, `a.toml:9: rule "x": action: unknown action`, `a.toml:13: rule "y": match: would stop Claude Code itself`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
