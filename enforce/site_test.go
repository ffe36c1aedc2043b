// SPDX-License-Identifier: Apache-2.0

// Rules that no preset has and THREATS.md gives to sites: what stands there is read from there, and does what is said of it.

package enforce_test

import (
	"os"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
)

// given is the block of the document that has this rule, over a preset.
func given(t *testing.T, id, base, more string) *enforce.Policy {
	t.Helper()
	text, err := os.ReadFile("../THREATS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "```toml\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		if !strings.Contains(block, "id = \""+id+"\"") {
			continue
		}
		p, err := enforce.Parse(map[string]string{"site.toml": "version = 1\nbase = \"" + base + "\"\n" + more + block}, enforce.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	t.Fatalf("THREATS.md gives no rule %s", id)
	return nil
}

// says fails the test where a policy does not answer so: a principal, an operation, an object, and the answer a line.
func says(t *testing.T, p *enforce.Policy, table string) {
	t.Helper()
	im, err := enforce.Compile(p, nil, 1, enforce.Options{})
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]uint32{"agent": 1, "written": 2}
	for line := range strings.Lines(strings.TrimSpace(table)) {
		words := strings.Fields(line)
		op, ok := enforce.ParseOp(words[1])
		if !ok || numbers[words[0]] == 0 {
			t.Fatalf("line %q", line)
		}
		why := enforce.Explain(p, enforce.Query{Principal: words[0], Op: op, Object: words[2]})
		if want := strings.Join(words[3:], " "); why.Line() != want {
			t.Errorf("%s: %s, want %s", strings.Join(words[:3], " "), why.Line(), want)
		}
		if v := im.Oracle().Decide(enforce.Subject{Principal: numbers[words[0]]}, op, enforce.ViewHost, []byte(words[2])); v.Action != why.Action {
			t.Errorf("%s: the table says %s, the explanation %s", line, v.Action, why.Action)
		}
	}
}

func TestKeysBehindSocketsCanBeRefused(t *testing.T) {
	for _, base := range []string{"balanced", "strict"} {
		says(t, given(t, "key-servers", base, ""), `
agent unix.connect /tmp/ssh-Ab/agent.7               ask key-servers
agent unix.connect /home/ana/.ssh/agent/s.Xy.agent.Z ask key-servers
agent unix.connect /run/user/1000/ssh-agent.socket   ask key-servers
agent unix.connect /run/user/1000/keyring/ssh        ask key-servers
agent unix.connect /run/user/1000/gcr/ssh            ask key-servers
agent unix.connect /run/user/1000/gnupg/S.gpg-agent  ask key-servers
agent unix.connect /home/ana/.gnupg/S.gpg-agent      ask key-servers
agent unix.connect /run/user/1000/wayland-0          ask screens
`)
	}
}

// What the session wrote is kept to the machine and to packages. The agent is not, and by it whatever code it hands an interpreter.
func TestWrittenProgramsCanBeKeptFromNetworks(t *testing.T) {
	p := given(t, "written-names", "balanced", "")
	says(t, p, `
written net.addr   127.0.0.1:5432/tcp          audit default
written net.addr   [::1]:3000/tcp              audit default
written net.addr   127.0.0.1:22/tcp            ask ssh-to-this-machine
written net.addr   203.0.113.7:443/tcp         ask written-numbers
written net.addr   192.168.1.10:5432/tcp       ask written-numbers
written net.addr   [2001:db8::7]:443/tcp       ask written-numbers
written net.addr   169.254.169.254:80/tcp      deny cloud-metadata
written net.listen 127.0.0.1:3000/tcp          audit default
written net.listen 0.0.0.0:3000/tcp            audit default
written net.domain localhost:8443              audit default
written net.domain registry.npmjs.org:443      audit default
written net.domain index.crates.io             audit default
written net.domain api.example.com             ask written-names
written net.domain api.anthropic.com:443       ask written-names
agent   net.addr   203.0.113.7:443/tcp         audit default
agent   net.domain api.example.com             audit default
`)
	// Whose names led to an address is the name's affair.
	q := enforce.Query{Principal: "written", Op: enforce.OpNetAddr, Object: "203.0.113.7:443/tcp", By: "registry.npmjs.org"}
	if why := enforce.Explain(p, q); why.Action.Refuses() {
		t.Errorf("a registry's own address: %s", why.Line())
	}
}

// A rule that only records everything would let through what a site refuses by default: that is why no preset has one on networks.
func TestRecordingEverythingLoosensADefault(t *testing.T) {
	const closed = "[[role]]\nname = \"default\"\ndefaults = { net = \"deny\" }\n"
	const recorded = `
[[rule]]
id = "recorded"
principal = "written"
on = ["net.domain"]
match = ["**"]
action = "audit"
`
	for rules, want := range map[string]string{"": "deny default", recorded: "audit recorded"} {
		p, err := enforce.Parse(map[string]string{"site.toml": "version = 1\nbase = \"balanced\"\n" + closed + rules}, enforce.Options{})
		if err != nil {
			t.Fatal(err)
		}
		says(t, p, "written net.domain api.example.com "+want)
	}
	says(t, given(t, "written-names", "balanced", closed), "written net.domain api.example.com ask written-names")
}
