// SPDX-License-Identifier: Apache-2.0

package clients

// The first act: the real agent, whose model has a name and a certificate as well, works with every client. The resolver is far
// away.

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
)

// model is who answers at the model's address: the scenario of the day.
var model stand

type stand struct {
	now atomic.Pointer[messages.Server]
}

func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if server := s.now.Load(); server != nil {
		server.ServeHTTP(w, r)
		return
	}
	http.NotFound(w, r)
}

// hosts are where a client is sent: first where it may go, so that what shares the address is known by that name.
func (c client) hosts() []string {
	all := []string{"www.allowed.test", "www.refused.test"}
	if c.everywhere {
		all = append(all, "listed.refused.test")
	}
	if c.everywhere && !c.plain {
		all = append(all, "shared.refused.test")
	}
	return all
}

// line is a command line that sends it there.
func (c client) line(hosts ...string) string {
	return programs + "/try " + c.name + " " + strings.Join(hosts, " ")
}

func (p *play) agentWorks(t *testing.T) {
	p.known(t, names)
	all := p.converse(t)
	p.nothingCame(t)
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) { judge(t, all[c.name], c.hosts()...) })
	}
	if r := all["why"]; len(r) != 1 || !strings.Contains(r[0].said, listed+":80/tcp") || !strings.Contains(r[0].said, "default") {
		t.Errorf("reeve why: %+v", r)
	}
	p.agentIsTold(t)
	t.Run("outside", p.nobodyIsHeld)
}

// together is how many clients run by one command of the agent's: each costs an emulated processor seconds.
const together = 6

// converse has the agent run each client, and asks at the end why the last one was refused.
func (p *play) converse(t *testing.T) map[string][]attempt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	scenario := &messages.Scenario{About: "an agent that works with the network"}
	say := func(note, command string) {
		scenario.Turns = append(scenario.Turns, messages.Turn{Note: note, Text: "Next: " + note + ".", Tools: []messages.Tool{
			{Name: "Bash", Input: map[string]any{"command": command, "description": note, "timeout": 600_000}},
		}})
	}
	for some := range slices.Chunk(table, together) {
		var names, lines []string
		for _, c := range some {
			names, lines = append(names, c.name), append(lines, c.line(c.hosts()...))
		}
		say(strings.Join(names, ", "), strings.Join(lines, "; "))
	}
	say("why", "curl -s http://listed.refused.test/hello; echo '@@ why - 0 0'; reeve why --last")
	scenario.Turns = append(scenario.Turns, messages.Turn{Text: "Done."})
	results := &heard{t: t, all: map[string][]attempt{}}
	server := messages.New(scenario, results)
	model.now.Store(server)
	cmd := p.person.Command(ctx, filepath.Join(p.person.Home, messages.ClaudeProgram), "-p", "Work.", "--permission-mode", "bypassPermissions")
	cmd.Env = slices.Concat(cmd.Env, messages.Environ("https://api.allowed.test"), messages.Emulated(), []string{"NODE_EXTRA_CA_CERTS=" + ownAuthority})
	cmd.Dir = filepath.Join(p.person.Home, "project")
	begun := time.Now()
	if said, err := cmd.CombinedOutput(); err != nil || !server.Done() {
		t.Errorf("the agent: %v, its script to the end %t\n%s", err, server.Done(), said)
	}
	t.Logf("%d clients in %s", len(table), time.Since(begun).Round(100*time.Millisecond))
	return results.all
}

// heard is what comes back of the agent's commands, told as it comes.
type heard struct {
	t   *testing.T
	all map[string][]attempt
}

// Write takes a line of the model's record.
func (h *heard) Write(line []byte) (int, error) {
	var one messages.Record
	if err := json.Unmarshal(line, &one); err != nil {
		return 0, err
	}
	for _, r := range one.Results {
		for _, a := range attempts(r.Content) {
			h.all[a.client] = append(h.all[a.client], a)
			h.t.Logf("%-16s %-22s code %3d after %s", a.client, a.host, a.code, a.took)
		}
	}
	return len(line), nil
}

// nobodyIsHeld is the control: the same clients outside of every session go everywhere, and the servers notice.
func (p *play) nobodyIsHeld(t *testing.T) {
	for _, c := range table {
		hosts := c.hosts()[1:]
		told, err := p.outside(t.Context(), c.line(hosts...))
		must(t, err)
		all := attempts(told)
		if len(all) != len(hosts) {
			t.Errorf("%s: %s", c.name, told)
		}
		for _, a := range all {
			a.reached(t)
		}
	}
	for what, lines := range p.arrivals() {
		if len(lines) == 0 {
			t.Errorf("no trace of %s", what)
		}
	}
}

// agentIsTold wants the record of a refusal of each kind.
func (p *play) agentIsTold(t *testing.T) {
	t.Helper()
	p.told(t,
		told{op: "net.domain", object: "www.refused.test", rule: "default", domain: "www.refused.test", address: names, port: 53},
		told{op: "net.addr", object: listed + ":443/tcp", rule: "default", address: listed, port: 443},
		told{op: "net.addr", object: listed + ":22/tcp", rule: "default", address: listed, port: 22},
		told{op: "net.domain", object: "shared.refused.test:443", rule: "rivals", domain: "shared.refused.test", address: web, port: 443},
		told{op: "net.domain", object: "shared.refused.test:80", rule: "rivals", domain: "shared.refused.test", address: web, port: 80},
	)
}
