// SPDX-License-Identifier: Apache-2.0

package clients

// The machine's part: its network, alice and what she trusts, reeved with a site's policy over the preset; then the acts.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

// policy is what an organisation adds to the preset.
const policy = `version = 1
base = "balanced"
[[role]]
name = "default"
defaults = { net = "deny" }
[[rule]]
id = "site-names"
on = ["net.domain"]
match = ["*.allowed.test"]
action = "allow"
[[rule]]
id = "own-machine"
on = ["net.addr", "net.listen"]
match = ["127.0.0.0/8", "[::1]"]
action = "allow"
[[rule]]
id = "rivals"
on = ["net.domain"]
match = ["shared.refused.test"]
action = "deny"
reason = "our work is not for them"
`

// hosts are names that need no question: one has an address of its own, the other one that of an allowed name.
const hosts = listed + " listed.refused.test\n" + web + " shared.refused.test\n"

// play is what all acts share.
type play struct {
	person *stage.Person
	reeve  *stage.Reeve
	far    answerer
	seen   *visits
	agent  string // the socket of alice's ssh-agent
}

func TestOnStage(t *testing.T) {
	if !*onStage {
		t.Skip("runs in the machine of TestClients")
	}
	begun := time.Now()
	p := furnish(t)
	t.Logf("furnished after %s", time.Since(begun).Round(time.Second))
	var err error
	write(t, "/etc/reeve/policy.d/site.toml", policy)
	p.reeve, err = stage.Install(t.Context(), "bin")
	must(t, err)
	defer p.reeve.Stop()
	t.Logf("reeved is ready after %s", time.Since(begun).Round(time.Second))
	t.Run("agent", p.agentWorks)
	t.Run("daemon", p.throughDaemon)
	t.Run("resolved", p.throughResolved)
	if t.Failed() {
		t.Log(p.reeve.Said())
	}
}

// furnish makes the network, the servers, and alice's home.
func furnish(t *testing.T) *play {
	t.Helper()
	connect(t)
	publish(t)
	a := openAuthority(t, ".")
	p := &play{far: zone(t), seen: &visits{}}
	all := pages()
	for _, address := range served {
		serve(t, p.seen, a, address, all)
		echo(t, p.seen, address)
	}
	serve(t, p.seen, a, api, &model)
	shells(t)
	known, err := os.ReadFile("/etc/hosts")
	must(t, err)
	write(t, "/etc/hosts", string(known)+hosts)
	resolveAt(t, names)
	p.person, err = stage.Lookup("alice")
	must(t, err)
	p.welcome(t)
	return p
}

// welcome gives alice a key that her agent program knows, and the clients their command lines.
func (p *play) welcome(t *testing.T) {
	t.Helper()
	key, err := os.ReadFile("/run/host_key.pub")
	must(t, err)
	known := strings.Join([]string{"www.allowed.test", "www.refused.test", "listed.refused.test", "shared.refused.test"}, ",") + " " + string(key)
	must(t, p.person.Write(map[string]string{".ssh/known_hosts": known, "project/README": "A project.\n"}))
	must(t, p.person.Own())
	run(t, "usermod", "-p", "*", p.person.Name)
	p.agent = filepath.Join(p.person.Home, "agent.sock")
	script := `ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id_ed25519 && ssh-agent -a ~/agent.sock > /dev/null && SSH_AUTH_SOCK=~/agent.sock ssh-add -q`
	_, err = p.person.Output(t.Context(), "sh", "-c", script)
	must(t, err)
	run(t, "install", "-m", "644", filepath.Join(p.person.Home, ".ssh/id_ed25519.pub"), "/etc/ssh/reeve_keys")
	openRoot(t, os.Getenv("GOROOT"))
	write(t, programs+"/environment", environment(os.Getenv("GOROOT"), p.agent))
	write(t, programs+"/try", try)
	must(t, os.Chmod(programs+"/try", 0o755))
	for _, c := range table {
		write(t, programs+"/"+c.name+".sh", c.command)
	}
}

// openRoot lets alice reach Go where the host keeps it in root's home.
func openRoot(t *testing.T, folder string) {
	t.Helper()
	for ; folder != "/" && folder != "."; folder = filepath.Dir(folder) {
		info, err := os.Stat(folder)
		must(t, err)
		if info.Mode()&0o005 != 0o005 {
			must(t, os.Chmod(folder, info.Mode()|0o055))
		}
	}
}

// resolveAt makes an address the machine's resolver.
func resolveAt(t *testing.T, address string) {
	t.Helper()
	must(t, os.RemoveAll("/etc/resolv.conf"))
	write(t, "/etc/resolv.conf", "nameserver "+address+"\n")
}

// known waits until the kernel takes an address for a resolver.
func (p *play) known(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		status, err := p.reeve.Output(t.Context(), "status")
		must(t, err)
		if strings.Contains(status, address) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is no resolver:\n%s", address, status)
		}
	}
}

// outside runs a command line as alice, outside of every session.
func (p *play) outside(ctx context.Context, command string) (string, error) {
	out, err := p.person.Command(ctx, "bash", "-c", command).CombinedOutput()
	return string(out), err
}

// inside runs it in a session of its own.
func (p *play) inside(ctx context.Context, command string) (string, error) {
	out, err := p.person.Command(ctx, p.reeve.Program, "run", "--agent", "claude-code", "--", "bash", "-c", command).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("reeve run: %w: %s", err, out)
	}
	return string(out), err
}

// attempt is what became of a client at a host.
type attempt struct {
	client, host string
	code         int
	took         time.Duration
	said         string
}

// attempts reads what try has told.
func attempts(told string) (all []attempt) {
	for i, part := range strings.Split("\n"+told, "\n@@ ") {
		head, said, _ := strings.Cut(part, "\n")
		a := attempt{said: said}
		var ms int
		if n, _ := fmt.Sscanf(head, "%s %s %d %d", &a.client, &a.host, &a.code, &ms); i > 0 && n == 4 {
			a.took = time.Duration(ms) * time.Millisecond
			all = append(all, a)
		}
	}
	return all
}

// hung is timeout(1)'s code.
const hung = 124

// patience is how much longer than for an answer a client may take for an error: some try again, by themselves, for seconds.
const patience = 10 * time.Second

// judge wants what is served of the first host, and errors of all others, soon.
func judge(t *testing.T, all []attempt, hosts ...string) {
	t.Helper()
	if len(all) != len(hosts) {
		t.Fatalf("%d attempts, want one at each of %v: %+v", len(all), hosts, all)
	}
	all[0].reached(t)
	for _, a := range all[1:] {
		a.denied(t, all[0].took+patience)
	}
}

func (a attempt) reached(t *testing.T) {
	t.Helper()
	if a.code != 0 || !strings.Contains(a.said, content) {
		t.Errorf("%s does not reach %s: code %d after %s\n%s", a.client, a.host, a.code, a.took, a.said)
	}
}

func (a attempt) denied(t *testing.T, within time.Duration) {
	t.Helper()
	switch {
	case a.code == hung:
		t.Errorf("%s hangs at %s\n%s", a.client, a.host, a.said)
	case a.code == 0 || strings.Contains(a.said, content):
		t.Errorf("%s reaches %s: code %d\n%s", a.client, a.host, a.code, a.said)
	case a.took > within:
		t.Errorf("%s is told late that it may not reach %s: after %s, want %s\n%s", a.client, a.host, a.took, within, a.said)
	}
}

// nothingCame wants the servers to have seen nothing of what is refused.
func (p *play) nothingCame(t *testing.T) {
	t.Helper()
	for what, lines := range p.arrivals() {
		if len(lines) > 0 {
			t.Errorf("%s came to the servers: %q", what, lines)
		}
	}
}

// arrivals are traces of what is refused, wherever there can be some.
func (p *play) arrivals() map[string][]string {
	return map[string][]string{
		"questions":                  p.far.lines("refused.test"),
		"names":                      p.seen.lines("refused.test"),
		"connections by name":        p.seen.lines("connection at " + refused),
		"connections by name and v6": p.seen.lines("connection at [" + refusedSix),
		"connections by address":     p.seen.lines("connection at " + listed),
		"shells by name":             append(linesOf(sshLog, "Connection from", " on "+refused+" "), linesOf(sshLog, "Connection from", " on "+refusedSix+" ")...),
		"shells by address":          linesOf(sshLog, "Connection from", " on "+listed+" "),
	}
}
