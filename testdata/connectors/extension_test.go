// SPDX-License-Identifier: Apache-2.0

package connectors

// An extension is held as the two others are. Anthropic's packer has packed, signed and unpacked it; what starts it is no Claude
// Desktop, which cannot be had, but a shell at its place.

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	desktop  = "/usr/lib/claude-desktop/claude-desktop"
	unpacked = ".config/Claude/Claude Extensions/ledger"
	signer   = "Reeve play"
	brought  = "/opt/reeve-connectors/" // by provisioning
)

// install has alice install a release of the extension: what she downloaded, what that is unpacked to, and what she set for it.
func (p *play) install(t *testing.T, release string) {
	t.Helper()
	_, err := p.person.Output(t.Context(), "sh", "-c", `mkdir -p "$1" ~/Downloads ~/ledger "$1 Settings" && cp -r "$2/." "$1/ledger.new" &&
		rm -rf "$1/ledger" && mv "$1/ledger.new" "$1/ledger" && cp "$2.mcpb" ~/Downloads/ledger.mcpb &&
		echo '{"isEnabled":true,"userConfig":{"folder":"/home/alice/ledger"}}' > "$1 Settings/ledger.json"`,
		"sh", p.below(filepath.Dir(unpacked)), brought+"ledger-"+release)
	must(t, err)
}

// extension: as the others, it waits for somebody; then it has what is its own, and nothing else.
func (p *play) extension(t *testing.T) {
	p.trust(t)
	p.install(t, "1.0.0")
	p.decided(t, ledger, "pending")
	p.signed(t, signer)
	p.refuses(t, ledger.name)
	p.approve(t, ledger)
	p.used(t, ledger, p.works(t))
	p.since(t, "~ connector:"+pages.name, "~ connector:"+notes.name, "+ connector:"+ledger.name)
}

// since wants the inventory to tell what has become of it since the pass that the daemon made at first: it has been started twice.
func (p *play) since(t *testing.T, words ...string) {
	t.Helper()
	until(t, "what has changed, to be told", func() (bool, string) {
		said, err := p.reeve.Output(t.Context(), "inventory", "--diff", "--kind", "connector")
		return err == nil && hasAll(said, words...), fmt.Sprint(said, err)
	})
}

// update: the same publisher's next release waits for somebody once more.
func (p *play) update(t *testing.T) {
	p.install(t, "1.1.0")
	p.decided(t, ledger, "changed")
	p.differs(t, ledger, "1.0.0", "1.1.0", "file server/ledger")
	p.signed(t, signer)
	p.refuses(t, ledger.name)
}

// publisher: where the site lets in whatever that publisher signs, nobody needs to be asked.
func (p *play) publisher(t *testing.T) {
	must(t, os.WriteFile(site, []byte(policy()+`
[[rule]]
id = "ledger-starts"
on = ["connector.start"]
match = ["ledger"]
action = "allow"
reason = "its publisher is known"
`), 0o644))
	_, err := p.reeve.Output(t.Context(), "policy", "apply")
	must(t, err)
	settle()
	p.works(t)
}

// altered: a file more in its folder, and it is nobody's.
func (p *play) altered(t *testing.T) {
	_, err := p.person.Output(t.Context(), "sh", "-c", "echo more > '"+p.below(unpacked)+"/server/more'")
	must(t, err)
	p.signed(t, "")
	p.decided(t, ledger, "changed")
	p.refuses(t, "?")
}

// trust has the site trust who issued the publisher's certificate, and look where downloads lie; and puts a shell in the place
// of Claude Desktop.
func (p *play) trust(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `mkdir -p /etc/reeve/publishers.d && cp `+brought+`root.pem /etc/reeve/publishers.d/ &&
		install -D -m 755 /bin/bash `+desktop+` && sed -i 's/^depth .*/depth = 1/' /etc/reeve/reeve.toml && systemctl restart reeved`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// signed waits until the inventory names a publisher.
func (p *play) signed(t *testing.T, publisher string) {
	t.Helper()
	until(t, "the extension in the inventory, to be of "+publisher, func() (bool, string) {
		by := p.connector(t, ledger).Identity.Publisher
		return by == publisher, by
	})
}

// refuses has the agent start the extension, which ends before it says anything.
func (p *play) refuses(t *testing.T, known string) {
	t.Helper()
	p.desk(t, []refusal{{"agent", "connector.start", known, "ask"}}, func() {
		if answers := p.speak(t, ledger, []attempt{p.reads(ledger)}); len(answers) > 0 {
			t.Errorf("it has started: %v", answers)
		}
	})
}

// works has the agent start the extension and ask it for all that it may not have too, and gives the session.
func (p *play) works(t *testing.T) string {
	t.Helper()
	attempts := p.attempts(ledger)
	var tells []refusal
	for _, a := range attempts {
		if a.op != "" {
			tells = append(tells, refusal{"connector:" + ledger.name, a.op, a.object, "deny"})
		}
	}
	return p.desk(t, tells, func() {
		answers := p.speak(t, ledger, attempts)
		for i, a := range attempts {
			if got := strings.Contains(answers[i], a.wants); answers[i] == "" || got == (a.op != "") {
				t.Errorf("%s: %q", a.note, answers[i])
			}
		}
	})
}

// desk is one session of the agent, of which refusals are told and no others.
func (p *play) desk(t *testing.T, tells []refusal, work func()) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	d := &dialogue{play: p, t: t, tells: tells}
	before := d.sessions(ctx, "claude-desktop")
	work()
	d.over(ctx, "claude-desktop", before)
	return d.session
}
