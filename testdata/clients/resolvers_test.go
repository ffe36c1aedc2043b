// SPDX-License-Identifier: Apache-2.0

package clients

// The other acts: names are asked for on the machine itself, of a daemon that keeps answers, and of systemd-resolved. What such
// a daemon asks for is nobody's session's; what it answers is.

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// asking are clients with resolvers of their own: the library's, Go's, c-ares, Java's with its cache.
var asking = []string{"curl", "python-asyncio", "go", "node-https", "node-c-ares", "java"}

func (p *play) throughDaemon(t *testing.T) {
	near := ask(t, "", "127.0.0.1", "--server="+names)
	resolveAt(t, "127.0.0.1")
	p.known(t, "127.0.0.1")
	p.kept(t)
	if cached := near.lines("cached primed.allowed.test"); len(cached) == 0 {
		t.Errorf("the daemon's log has no answer that it kept: %q", near.lines("primed"))
	}
	p.asked(t)
	p.held(t)
}

func (p *play) throughResolved(t *testing.T) {
	write(t, "/etc/systemd/resolved.conf.d/clients.conf", "[Resolve]\nDNS="+names+"\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\nDNSSEC=no\n")
	write(t, "/run/systemd/system/systemd-resolved.service.d/library.conf", "[Service]\nEnvironment=LD_LIBRARY_PATH=/opt/resolved\n")
	run(t, "systemd-sysusers", "systemd-resolve.conf")
	run(t, "systemctl", "daemon-reload")
	run(t, "systemctl", "start", "systemd-resolved")
	run(t, "sed", "-i", "s/^hosts:.*/hosts: files resolve [!UNAVAIL=return] dns/", "/etc/nsswitch.conf")
	must(t, os.Remove("/etc/resolv.conf"))
	must(t, os.Symlink("/run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf"))
	p.known(t, "127.0.0.53")
	p.kept(t)
	p.asked(t)
	p.told(t, told{op: "unix.connect", object: "/run/systemd/resolve/io.systemd.Resolve", rule: "name-services"})
}

// questions is how often a name's address was asked for far away.
func (p *play) questions(name string) int { return len(p.far.lines("query[A]", name)) }

// kept: what the daemon has known since before the session is an answer to the session too, and nobody asks for it again.
func (p *play) kept(t *testing.T) {
	t.Helper()
	if out, err := p.outside(t.Context(), "curl -sS https://primed.allowed.test/hello"); err != nil {
		t.Fatalf("outside: %v\n%s", err, out)
	}
	before := p.questions("primed.allowed.test")
	told, err := p.inside(t.Context(), programs+"/try curl primed.allowed.test primed.allowed.test")
	must(t, err)
	all := attempts(told)
	if len(all) != 2 {
		t.Errorf("%s", told)
	}
	for _, a := range all {
		a.reached(t)
	}
	if after := p.questions("primed.allowed.test"); before == 0 || after != before {
		t.Errorf("the name was asked for %d times before the session, %d times at its end", before, after)
	}
}

// asked: clients get answers through the daemon; what may not be asked is not asked, though the daemon knows.
func (p *play) asked(t *testing.T) {
	t.Helper()
	told, err := p.outside(t.Context(), programs+"/try curl www.refused.test")
	must(t, err)
	for _, a := range attempts(told) {
		a.reached(t)
	}
	before := p.arrivals()
	for _, c := range table {
		if !slices.Contains(asking, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			told, err := p.inside(t.Context(), c.line("alias.allowed.test", "www.refused.test"))
			must(t, err)
			judge(t, attempts(told), "alias.allowed.test", "www.refused.test")
		})
	}
	for what, lines := range p.arrivals() {
		if len(lines) != len(before[what]) {
			t.Errorf("%s came to the servers: %q", what, lines[len(before[what]):])
		}
	}
}

// held: programs keep addresses for longer than they are told to, which is two seconds here.
func (p *play) held(t *testing.T) {
	t.Helper()
	const times, pause = 3, 4
	before := p.questions("short.allowed.test")
	begun := time.Now()
	told, err := p.inside(t.Context(), fmt.Sprintf("java -cp %s Fetch https://short.allowed.test/hello %d %d", programs, times, pause))
	if err != nil || len(linesIn(told, content)) != times || time.Since(begun) < (times-1)*pause*time.Second {
		t.Errorf("%v after %s: %s", err, time.Since(begun), told)
	}
	if n := p.questions("short.allowed.test") - before; n != 1 {
		t.Errorf("the name was asked for %d times, to be held once", n)
	}
}
