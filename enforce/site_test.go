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
