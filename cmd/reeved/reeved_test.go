// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// The second daemon is a process of its own, so that the pid that it names can be the first one's alone.
func TestSecondDaemonNamesTheFirst(t *testing.T) {
	dir := t.TempDir()
	first, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "reeve.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "run = %q\nagents = %q\npolicy = []\n", dir, dir), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	second := &exec.Cmd{Path: self, Args: []string{"reeved", "--config", config}, Stdout: &stdout, Stderr: &stderr} // as TestMain knows it
	if err := second.Run(); second.ProcessState.ExitCode() != 2 {
		t.Errorf("it ends with %v", err)
	}
	if want := fmt.Sprintf("reeved: already running: process %d holds %s/reeved.lock\n", os.Getpid(), dir); stderr.String() != want || stdout.Len() > 0 {
		t.Errorf("process %d says %q, want %q", second.Process.Pid, stderr.String(), want)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := lock(dir)
	if err != nil {
		t.Errorf("after the first ended: %v", err)
	} else {
		third.Close()
	}
}

func TestCoverageBelowWhatIsRequiredStopsTheStart(t *testing.T) {
	for name, tc := range map[string]struct {
		coverage sensor.Coverage
		require  string
		want     string
	}{
		"full is full":           {sensor.Full, "full", ""},
		"nothing asked":          {sensor.Observe, "", ""},
		"observe is enough":      {sensor.Observe, "observe", ""},
		"observe is not full":    {sensor.Observe, "full", "coverage is observe, full is required: no effect"},
		"observe is not network": {sensor.Observe, "network", "coverage is observe, network is required: no effect"},
		"nothing runs":           {sensor.None, "", "this kernel lets no program run: no effect"},
	} {
		err := enough(sensor.Finding{Coverage: tc.coverage, Reason: errors.New("no effect")}, tc.require)
		if got := fmt.Sprint(err); tc.want != "" && got != tc.want || tc.want == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNotify(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "2000")
	if err := notify(reloading()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 256)
	n, err := l.Read(b)
	if err != nil || !strings.HasPrefix(string(b[:n]), "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("%q, %v", b[:n], err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { watchdog(ctx, func() bool { return true }); close(done) }()
	n, err = l.Read(b)
	stop()
	<-done
	if err != nil || string(b[:n]) != "WATCHDOG=1" {
		t.Errorf("%q, %v", b[:n], err)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	if err := notify("READY=1"); err != nil {
		t.Errorf("without systemd: %v", err)
	}
}

// A daemon whose reader stands still says nothing, so that systemd starts it anew; one that was only late goes on.
func TestWatchdogIsSilentWhileNothingIsRead(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "2000")
	ctx, stop := context.WithCancel(context.Background())
	asked, answers, done := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		watchdog(ctx, func() bool {
			select {
			case asked <- true:
				return <-answers
			case <-ctx.Done(): // race: a tick may be taken once more before the end is seen, and nobody hears it
				return false
			}
		})
	}()
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	said := func() (yes bool) { // without waiting
		_ = raw.Read(func(fd uintptr) bool {
			_, _, err := unix.Recvfrom(int(fd), make([]byte, 256), unix.MSG_DONTWAIT)
			yes = err == nil
			return true
		})
		return yes
	}
	for range 5 {
		<-asked
		answers <- false
	}
	<-asked // what came of the last answer has been said
	if said() {
		t.Error("it says that it lives while it does not")
	}
	answers <- true
	<-asked
	if !said() {
		t.Error("it does not say that it lives again")
	}
	stop()
	answers <- false
	<-done
}

func TestEveryCounterHasAName(t *testing.T) {
	seen := map[bpf.Counter]bool{}
	for _, c := range counterNames {
		if seen[c.counter] || c.name == "" {
			t.Errorf("counter %d is named twice or not at all", c.counter)
		}
		seen[c.counter] = true
	}
	for c := range bpf.Counters {
		if !seen[c] {
			t.Errorf("counter %d has no name", c)
		}
	}
}

// tables is a target that keeps what it is given.
type tables struct {
	images []*enforce.Image
	fail   error
}

func (t *tables) Apply(im *enforce.Image) error {
	if t.fail != nil {
		return t.fail
	}
	t.images = append(t.images, im)
	return nil
}
func (t *tables) Roles(_ bool, _ *enforce.Image, _ func(uint32) uint32) error { return nil }

const secrets = `version = 1
base = "none"
[[role]]
name = "engineering"
[[rule]]
id = "%s"
on = ["file.read"]
match = ["~/.ssh/**"]
except = ["~/.ssh/known_hosts"]
action = "deny"
reason = "not for agents"
`

func file(id string) []*pb.PolicyFile {
	return []*pb.PolicyFile{{Name: "a.toml", Text: fmt.Sprintf(secrets, id)}}
}

func inForce(t *testing.T) (*policies, *tables) {
	t.Helper()
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c := site.Defaults()
	c.State = t.TempDir()
	p := newPolicies(c, agents)
	target := &tables{}
	p.target = target
	l, ps := p.read(file("one"))
	if l == nil {
		t.Fatal(ps)
	}
	if err := p.put(l); err != nil {
		t.Fatal(err)
	}
	return p, target
}

func refused(generation uint64) *event.Event {
	return &event.Event{Kind: event.Access, Object: "/home/u/.ssh/id", Head: event.Head{
		Kind: event.Access, Op: event.Op(bpf.OpFileRead), Principal: 1, Action: event.Deny, Policy: generation}}
}

func TestRulesAreNamedByThePolicyThatDecided(t *testing.T) {
	p, target := inForce(t)
	if r, err := p.Apply(context.Background(), file("two"), 0); err != nil || !r.Applied || r.Policy.Generation != 2 {
		t.Fatalf("%v, %v", r, err)
	}
	for generation, want := range map[uint64]string{1: "one", 2: "two"} {
		r := p.Rule(refused(generation))
		if r.ID != want || r.Place != "a.toml:5" || r.Reason != "not for agents" {
			t.Errorf("generation %d: %+v", generation, r)
		}
	}
	e := refused(2)
	e.Rule = "two"
	if got := p.Instead(e); got != "allowed by exception: ~/.ssh/known_hosts" {
		t.Errorf("instead: %q", got)
	}
	e.View = event.ViewRefused
	if r := p.Rule(e); r.ID != "unnameable" {
		t.Errorf("unnameable: %+v", r)
	}
	if len(target.images) != 2 || p.Role(2, 1) != "engineering" || p.RoleName(9) != "default" {
		t.Errorf("%d images, roles %q %q", len(target.images), p.Role(2, 1), p.RoleName(9))
	}
}

const onNetworks = `version = 1
base = "none"
[[role]]
name = "default"
defaults = { net = "deny" }
[[rule]]
id = "every-address"
on = ["net.addr"]
match = ["**"]
action = "deny"
reason = "by name only"
[[rule]]
id = "mail"
on = ["net.addr"]
match = ["0.0.0.0/0:25"]
action = "deny"
reason = "no mail"
[[rule]]
id = "evil"
on = ["net.domain"]
match = ["*.evil.example"]
except = ["good.evil.example"]
action = "deny"
[[rule]]
id = "servers"
on = ["net.listen"]
match = ["0.0.0.0/0:0/tcp"]
action = "deny"
`

func TestRulesOfNetworksAreNamed(t *testing.T) {
	p := newPolicies(site.Config{}, &inventory.Catalogue{})
	p.target = &tables{}
	l, ps := p.read([]*pb.PolicyFile{{Name: "a.toml", Text: onNetworks}})
	if l == nil {
		t.Fatal(ps)
	}
	if err := p.put(l); err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddr("203.0.113.7")
	for name, tc := range map[string]struct {
		op      bpf.Op
		flow    event.Flow
		rule    string
		reason  string // its beginning
		instead string // its beginning
	}{
		"a name":           {bpf.OpNetDomain, event.Flow{Address: to, Port: 443, Protocol: 6, Domain: "www.evil.example"}, "evil", "", "allowed by exception: good.evil"},
		"a question":       {bpf.OpNetDomain, event.Flow{Address: to, Port: 53, Protocol: 17, Domain: "www.evil.example", Detail: 1, Question: true}, "evil", "", "allowed by exception"},
		"another name":     {bpf.OpNetDomain, event.Flow{Address: to, Port: 443, Protocol: 6, Domain: "x.example"}, "default", "what no rule of role default", ""},
		"a number":         {bpf.OpNetAddr, event.Flow{Address: to, Port: 25, Protocol: 6, Reason: event.NetReason(bpf.NetNoName)}, "every-address", "by name only", "ask for it by name, or"},
		"reached by name":  {bpf.OpNetAddr, event.Flow{Address: to, Port: 25, Protocol: 6, Domain: "x.example"}, "mail", "no mail", ""},
		"of another name":  {bpf.OpNetAddr, event.Flow{Address: to, Port: 443, Protocol: 6, Domain: "x.example", Reason: event.NetReason(bpf.NetOtherName)}, "every-address", "by name only", "look the name up"},
		"quic":             {bpf.OpNetAddr, event.Flow{Address: to, Port: 443, Protocol: 17, Reason: event.NetReason(bpf.NetQUIC)}, "", "QUIC hides", "nothing: the client falls back to TCP"},
		"a tunnel":         {bpf.OpNetDomain, event.Flow{Address: to, Port: 53, Protocol: 17, Domain: "a.evil.example", Reason: event.NetReason(bpf.NetRecordType), Detail: 16, Question: true}, "", "records of this type", "ask for A or AAAA"},
		"a nameless hello": {bpf.OpNetAddr, event.Flow{Address: to, Port: 443, Protocol: 6, Reason: event.NetReason(bpf.NetHello)}, "every-address", "by name only", "use a client that sends"},
		"a broken hello":   {bpf.OpNetDomain, event.Flow{Address: to, Port: 443, Protocol: 6, Reason: event.NetReason(bpf.NetHello), Detail: 5}, "", "the TLS hello", "use a client that sends"},
		"a server":         {bpf.OpNetListen, event.Flow{Address: netip.IPv4Unspecified(), Protocol: 6}, "servers", "", ""},
		"a name server":    {bpf.OpNetListen, event.Flow{Address: netip.IPv4Unspecified(), Port: 53, Protocol: 17, Reason: event.NetReason(bpf.NetPort53)}, "", "a session may not answer", "listen at another"},
	} {
		e := event.Single(&event.Record{Flow: tc.flow, Head: event.Head{Kind: event.Network, Op: event.Op(tc.op), Principal: 1, Action: event.Deny, Policy: 1}})
		r := p.Rule(e)
		e.Rule = r.ID
		instead := p.Instead(e)
		if r.ID != tc.rule || !strings.HasPrefix(r.Reason, tc.reason) || !strings.HasPrefix(instead, tc.instead) || (instead == "") != (tc.instead == "") {
			t.Errorf("%s: %+v, instead %q", name, r, instead)
		}
	}
}

const onStarts = `version = 1
base = "none"
[[connector]]
name = "files"
command = ["files"]
[[connector]]
name = "mail"
command = ["mail"]
[[rule]]
id = "no-mail"
on = ["connector.start"]
match = ["mail"]
action = "deny"
reason = "not here"
[[rule]]
id = "files-may"
on = ["connector.start"]
match = ["files"]
action = "allow"
`

// What starts has the name of the policy, and a reason where no rule refuses it.
func TestStartsAreNamed(t *testing.T) {
	p := newPolicies(site.Config{}, &inventory.Catalogue{})
	p.target = &tables{}
	l, ps := p.read([]*pb.PolicyFile{{Name: "a.toml", Text: onStarts}})
	if l == nil {
		t.Fatal(ps)
	}
	if err := p.put(l); err != nil {
		t.Fatal(err)
	}
	files := uint32(bpf.PrincipalFirst)
	for name, tc := range map[string]struct {
		number          uint32
		action          event.Action
		object, rule    string
		reason, instead string
	}{
		"declared and denied":     {files + 1, event.Deny, "mail", "no-mail", "not here", ""},
		"nobody declares it":      {0, event.Ask, "?", "default", "what no rule of role default allows", "it starts once an administrator has approved it"},
		"allowed, and taken back": {files, event.Deny, "files", "revoked", "an administrator took", ""},
	} {
		e := event.Single(&event.Record{Wanted: tc.number, Text: []byte("/opt/x"), Head: event.Head{
			Kind: event.Access, Op: event.Op(bpf.OpConnectorStart), Principal: 1, Action: tc.action, Policy: 1}})
		e.Object = p.Name(1, e.Head.Op, e.Wanted)
		r := p.Rule(e)
		e.Rule, e.Reason = r.ID, r.Reason
		if e.Object != tc.object || e.Path != "/opt/x" || r.ID != tc.rule || !strings.HasPrefix(r.Reason, tc.reason) || !strings.HasPrefix(p.Instead(e), tc.instead) ||
			!strings.Contains(e.Message(), "connector.start "+tc.object+" (/opt/x)") {
			t.Errorf("%s: %+v, %q, instead %q", name, r, e.Message(), p.Instead(e))
		}
	}
	if got := p.Principal(1, uint16(files)|uint16(bpf.PrincipalUnpinned)); got != "connector:files" {
		t.Errorf("who is not pinned is called %q", got)
	}
}

func TestFaultyPolicyLeavesTheOldOneInForce(t *testing.T) {
	p, target := inForce(t)
	r, err := p.Apply(context.Background(), []*pb.PolicyFile{{Name: "b.toml", Text: "version = 1\n[[rule]]\nid = \"x\"\ncolour = 1\n"}}, 0)
	if err != nil || r.Applied || len(r.Problems) == 0 || !strings.HasPrefix(r.Problems[0].Text, "b.toml:") {
		t.Errorf("%v, %v", r, err)
	}
	if s := p.Summary(); s.Generation != 1 || s.Fault == "" || len(target.images) != 1 {
		t.Errorf("%v, %d images", s, len(target.images))
	}
	target.fail = errors.New("no room")
	if _, err := p.Apply(context.Background(), file("two"), 0); !errors.Is(err, target.fail) || p.Summary().Generation != 1 {
		t.Errorf("%v, %v", err, p.Summary())
	}
}

func TestUnconfirmedPolicyIsTakenBack(t *testing.T) {
	p, target := inForce(t)
	ctx := context.Background()
	if _, err := p.Apply(context.Background(), file("two"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if !p.Confirm(ctx) || p.Confirm(ctx) {
		t.Error("a change is confirmed once")
	}
	if _, err := p.Apply(context.Background(), file("three"), time.Hour); err != nil {
		t.Fatal(err)
	}
	p.rollBack(p.before)
	if l := p.now(); l.policy.Rule("two") == nil || l.image.Generation != target.images[len(target.images)-1].Generation || p.Summary().Fault == "" {
		t.Errorf("in force: %v", p.Summary())
	}
	if p.Confirm(ctx) {
		t.Error("what was taken back cannot be confirmed")
	}
}

var quiet = slog.New(slog.DiscardHandler)
