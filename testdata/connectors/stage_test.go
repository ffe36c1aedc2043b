// SPDX-License-Identifier: Apache-2.0

package connectors

// The machine's part: its network, alice and her files, reeved with the site's policy; then the acts.

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/stage"
)

// Addresses for measurements between networks (RFC 2544): whoever has them is far away and yet nobody else's.
const (
	names   = "198.18.0.2" // who answers for names
	web     = "198.18.0.3" // where the connectors' domains are
	refused = "198.18.0.8" // where others are
	bare    = "198.18.0.9" // and what has no name
)

const space stage.Network = "servers"

// What is read and fetched. A secret is what a connector may not have.
const (
	served = "served-2f80c7"
	own    = "own-91d3ab"
	secret = "not-for-connectors-c40e6d"
)

// play is what all acts share.
type play struct {
	person *stage.Person
	reeve  *stage.Reeve
}

func TestOnStage(t *testing.T) {
	if !*onStage {
		t.Skip("runs in the machine of TestConnectors")
	}
	p := &play{}
	p.network(t)
	p.furnish(t)
	must(t, os.MkdirAll("/etc/reeve/policy.d", 0o755))
	must(t, os.WriteFile(site, []byte(policy()), 0o644))
	var err error
	p.reeve, err = stage.Install(t.Context(), "bin")
	must(t, err)
	defer p.reeve.Stop()
	for _, act := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"outside", p.outside}, {"unapproved", p.unapproved}, {"approved", p.approved}, {"another release", p.released}, {"approved anew", p.anew},
		{"an extension", p.extension}, {"another release of it", p.update}, {"whatever its publisher signs", p.publisher}, {"and nothing else", p.altered},
	} {
		if !t.Run(act.name, act.run) {
			t.Log(p.reeve.Said())
		}
	}
}

// network makes servers, and whom they are asked for by their names.
func (p *play) network(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	must(t, space.Connect(ctx, []string{"198.18.0.1"}, []string{names, web, refused, bare}))
	for _, address := range []string{web, refused, bare} {
		l, err := space.Listen(address, "80")
		must(t, err)
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(served + "\n")) })}
		go s.Serve(l)
		t.Cleanup(func() { s.Close() })
	}
	answers := space.Command(ctx, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--no-hosts", "--no-resolv", "--pid-file=",
		"--bind-interfaces", "--listen-address="+names, "--local-ttl=600", "--host-record=www.refused.test,"+refused,
		"--host-record="+notes.domain+","+web, "--host-record="+pages.domain+","+web, "--host-record="+ledger.domain+","+web)
	must(t, answers.Start())
	t.Cleanup(func() {
		answers.Process.Kill()
		answers.Wait()
	})
	must(t, os.RemoveAll("/etc/resolv.conf"))
	must(t, os.WriteFile("/etc/resolv.conf", []byte("nameserver "+names+"\n"), 0o644))
}

// furnish makes alice's home, with the connectors in her settings as `claude mcp add` writes them.
func (p *play) furnish(t *testing.T) {
	t.Helper()
	var err error
	p.person, err = stage.Lookup("alice")
	must(t, err)
	servers := map[string]any{}
	files := map[string]string{
		".ssh/id_ed25519": secret + "\n", "private/plan": secret + "\n", "work/README": "A project.\n",
	}
	files[ledger.folder+"/own"] = own + " of " + ledger.name + "\n"
	for _, c := range both {
		servers[c.name] = map[string]any{"type": "stdio", "command": c.command[0], "args": append([]string{}, c.command[1:]...), "env": map[string]string{}}
		files[c.folder+"/own"] = own + " of " + c.name + "\n"
	}
	settings, err := json.Marshal(map[string]any{"mcpServers": servers, "hasCompletedOnboarding": true})
	must(t, err)
	files[".claude.json"] = string(settings)
	must(t, p.person.Write(files))
	must(t, p.person.Own())
}

// told is how long the inventory may take. It makes way for all else, and at first it sums the agent's own program, which is
// large: on an emulated processor that is a minute, and less where nobody asks too often.
const (
	told  = 4 * time.Minute
	often = 3 * time.Second
)

// until asks again and again for what must come soon.
func until(t *testing.T, what string, is func() (bool, string)) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(often) {
		ok, seen := is()
		if ok {
			t.Logf("%s: after %s", what, time.Since(begun).Round(100*time.Millisecond))
			return
		}
		if time.Since(begun) > told {
			t.Fatalf("%s: it is %s", what, seen)
		}
	}
}

// item is as much as is needed of a line of `reeve inventory --json`.
type item struct {
	Name, File, Version, Digest string

	Identity struct{ Publisher string }
	Approval struct {
		State string
		Diff  []struct{ What, Old, New string }
	}
	Sessions []struct{ Session string }
}

// connector is what the inventory says of one.
func (p *play) connector(t *testing.T, c connector) item {
	t.Helper()
	all, err := stage.Objects[item](t.Context(), p.reeve, "inventory", "--json", "--user", p.person.Name)
	must(t, err)
	for _, it := range all {
		if it.Name == c.name && !strings.HasSuffix(it.File, ".mcpb") { // what is packed starts nowhere
			return it
		}
	}
	return item{}
}

// used wants the inventory to say that a session has started a connector.
func (p *play) used(t *testing.T, c connector, session string) {
	t.Helper()
	until(t, c.name+" in the inventory, to be used by "+session, func() (bool, string) {
		used := p.connector(t, c).Sessions
		return slices.ContainsFunc(used, func(u struct{ Session string }) bool { return u.Session == session }), fmt.Sprint(used)
	})
}

// decided waits until the inventory has a connector in a state, and the kernel has been told.
func (p *play) decided(t *testing.T, c connector, state string) {
	t.Helper()
	until(t, c.name+" in the inventory, to be "+state, func() (bool, string) {
		it := p.connector(t, c)
		return it.Approval.State == state, it.Approval.State
	})
	settle()
}

// settle waits until the kernel has been told, which nothing shows: it is within a second of the inventory, or of a new policy.
func settle() { time.Sleep(5 * time.Second) }

// below is a file of alice's.
func (p *play) below(name string) string { return filepath.Join(p.person.Home, name) }

func hasAll(text string, words ...string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
