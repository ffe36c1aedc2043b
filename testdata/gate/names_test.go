// SPDX-License-Identifier: Apache-2.0

package gate

// Names: which questions leave, and what their answers open.

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

// only lets two names be reached, on the ports of TLS and HTTP and one more.
const only = `[[role]]
name = "default"
defaults = { net = "deny" }
[[rule]]
id = "names"
on = ["net.domain"]
match = ["*.allowed.test"]
action = "allow"
`

// ask asks one question by hand, over udp or tcp, and reports what came of sending it.
func ask(g *gate, network, server, name string, kind dnsmessage.Type) error {
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 77, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}}}
	raw, err := m.Pack()
	if err != nil {
		return err
	}
	if network == "tcp" {
		raw = append([]byte{byte(len(raw) >> 8), byte(len(raw))}, raw...)
	}
	c, err := g.dialer().Dial(network, net.JoinHostPort(server, "53"))
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Write(raw); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 4096))
	return err
}

// lookUp resolves as Go does, by sockets of the session.
func (g *gate) lookUp(t testing.TB, host string) []netip.Addr {
	t.Helper()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return g.dialer().DialContext(ctx, network, net.JoinHostPort(names, "53"))
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	found, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		t.Fatalf("looking %s up: %v", host, err)
	}
	return found
}

func TestOnlyPlainQuestionsForAllowedNamesLeave(t *testing.T) {
	g := open(t, only)
	server, stranger := serveNames(t, names), serveNames(t, other)
	for name, c := range map[string]struct {
		network, server, name string
		kind                  dnsmessage.Type
		leaves                bool
		reason                bpf.NetReason
	}{
		"allowed":         {"udp", names, "www.allowed.test.", dnsmessage.TypeA, true, 0},
		"allowed-six":     {"udp", names, "www.allowed.test.", dnsmessage.TypeAAAA, true, 0},
		"in-capitals":     {"udp", names, "wWw.AlLoWeD.tEsT.", dnsmessage.TypeA, true, 0},
		"allowed-stream":  {"tcp", names, "www.allowed.test.", dnsmessage.TypeA, true, 0},
		"evil":            {"udp", names, "data.evil.test.", dnsmessage.TypeA, false, bpf.NetByRule},
		"evil-stream":     {"tcp", names, "data.evil.test.", dnsmessage.TypeA, false, bpf.NetByRule},
		"of-another-type": {"udp", names, "www.allowed.test.", dnsmessage.TypeTXT, false, bpf.NetRecordType},
		"of-https":        {"udp", names, "www.allowed.test.", 65, false, bpf.NetRecordType},
		"of-a-stranger":   {"udp", other, "www.allowed.test.", dnsmessage.TypeA, false, bpf.NetResolver},
	} {
		t.Run(name, func(t *testing.T) {
			if err := ask(nil, c.network, c.server, c.name, c.kind); err != nil {
				t.Errorf("a bystander: %v", err)
			}
			if got := server.take() + stranger.take(); !strings.Contains(got, c.name) {
				t.Errorf("a bystander's question did not arrive: %q", got)
			}
			g.told(t)
			err := ask(g, c.network, c.server, c.name, c.kind)
			arrived := strings.Contains(server.take()+stranger.take(), c.name)
			if arrived != c.leaves || (err == nil) != c.leaves {
				t.Errorf("arrived: %t, %v, want %t", arrived, err, c.leaves)
			}
			if c.network == "udp" && !c.leaves && !errors.Is(err, unix.EPERM) {
				t.Errorf("sending: %v, want EPERM", err)
			}
			if told := g.told(t); !c.leaves && (len(told) != 1 || told[0].reason != c.reason || told[0].errno != unix.EPERM) {
				t.Errorf("told %+v, want reason %d", told, c.reason)
			}
		})
	}
}

// What answers open: the name's own addresses, no private ones, nothing for who did not ask.
func TestAnswersOpenAddresses(t *testing.T) {
	g := open(t, only)
	serveNames(t, names)
	serveBytes(t, good, "8080")
	serveBytes(t, six, "8080")
	serveBytes(t, other, "8080")
	serveBytes(t, "127.0.0.1", "8080")
	reach := func(g *gate, addr string) error {
		c, err := g.dialer().Dial("tcp", net.JoinHostPort(addr, "8080"))
		if err == nil {
			c.Close()
		}
		return err
	}
	for _, addr := range []string{good, six, other, "127.0.0.1"} {
		if err := reach(nil, addr); err != nil {
			t.Fatalf("a bystander cannot reach %s: %v", addr, err)
		}
		if err := reach(g, addr); !errors.Is(err, unix.EPERM) {
			t.Errorf("before it was looked up, %s: %v, want EPERM", addr, err)
		}
	}
	for _, c := range []struct {
		name  string
		opens []string
		still []string
	}{
		{"inside.allowed.test", nil, []string{good, six, other, "127.0.0.1"}},
		{"api.allowed.test", []string{other}, []string{good, six, "127.0.0.1"}},
		{"long.allowed.test", []string{good, other}, []string{six}},
		{"alias.allowed.test", []string{good, six, other}, []string{"127.0.0.1"}},
	} {
		g.lookUp(t, c.name)
		for _, addr := range c.opens {
			if err := reach(g, addr); err != nil {
				t.Errorf("after %s, %s: %v", c.name, addr, err)
			}
		}
		for _, addr := range c.still {
			if err := reach(g, addr); !errors.Is(err, unix.EPERM) {
				t.Errorf("after %s, %s: %v, want EPERM", c.name, addr, err)
			}
		}
	}
}

// An answer counts from the resolver that was asked, on the socket that asked, once: no other one's, though it is believed too.
func TestOnlyWhoWasAskedIsBelieved(t *testing.T) {
	g := open(t, only)
	must(t, sensor.FillResolvers(g.maps["resolvers"], []netip.Addr{netip.MustParseAddr(names), netip.MustParseAddr(other)}))
	serveBytes(t, good, "8080")
	question, err := (&dnsmessage.Message{Header: dnsmessage.Header{ID: 77, RecursionDesired: true}, Questions: []dnsmessage.Question{
		{Name: dnsmessage.MustNewName("www.allowed.test."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}).Pack()
	must(t, err)
	asked, another := hears(t, names), hears(t, other)
	client, err := (&net.ListenConfig{Control: g.dialer().Control}).ListenPacket(t.Context(), "udp4", "198.18.0.1:0")
	must(t, err)
	defer client.Close()
	must(t, client.SetDeadline(time.Now().Add(patient)))
	_, err = client.WriteTo(question, asked.LocalAddr())
	must(t, err)
	_, _, err = asked.ReadFrom(make([]byte, 512))
	must(t, err)
	for _, c := range []struct {
		by    net.PacketConn
		opens bool
	}{{another, false}, {asked, true}} {
		_, err := c.by.WriteTo((&log{}).answer(question, false), client.LocalAddr())
		must(t, err)
		_, _, err = client.ReadFrom(make([]byte, 512))
		must(t, err)
		conn, err := g.dialer().Dial("tcp", net.JoinHostPort(good, "8080"))
		if err == nil {
			conn.Close()
		}
		if c.opens != (err == nil) || !c.opens && !errors.Is(err, unix.EPERM) {
			t.Errorf("answered by %s: %v, want open %t", c.by.LocalAddr(), err, c.opens)
		}
	}
}

// hears is a resolver that only does what it is told.
func hears(t *testing.T, addr string) net.PacketConn {
	t.Helper()
	c, err := net.ListenPacket("udp4", net.JoinHostPort(addr, "53"))
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.SetDeadline(time.Now().Add(patient)))
	return c
}

// Who is to be answered may take as long as an emulated machine needs; who is not is not waited for.
const (
	patient   = 30 * time.Second
	impatient = 700 * time.Millisecond
)

// hello connects and asks for a name; an empty one sends none.
func (g *gate) hello(addr, name string, patience time.Duration) error {
	c, err := g.dialer().Dial("tcp", net.JoinHostPort(addr, "443"))
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	client := tls.Client(c, &tls.Config{ServerName: name, InsecureSkipVerify: true}) //nolint:gosec // who answers is not asked here
	if _, err := client.Write([]byte("line\n")); err != nil {
		return err
	}
	_, err = client.Read(make([]byte, 16))
	return err
}

func TestServerNameMustBeAllowedAndLearned(t *testing.T) {
	g := open(t, only)
	serveNames(t, names)
	first, second := serveTLS(t, good, "443"), serveTLS(t, other, "443")
	g.lookUp(t, "www.allowed.test")
	g.lookUp(t, "api.allowed.test")
	for name, c := range map[string]struct {
		addr, sni string
		passes    bool
		reason    bpf.NetReason
	}{
		"its-own":                 {good, "www.allowed.test", true, 0},
		"its-own-in-capitals":     {good, "WWW.Allowed.Test", true, 0},
		"evil":                    {good, "evil.test", false, bpf.NetOtherName},
		"of-the-other-address":    {other, "www.allowed.test", false, bpf.NetOtherName},
		"allowed-and-not-learned": {good, "new.allowed.test", false, bpf.NetOtherName},
		"none":                    {good, "", false, bpf.NetHello},
	} {
		t.Run(name, func(t *testing.T) {
			if err := (*gate)(nil).hello(c.addr, c.sni, patient); err != nil {
				t.Fatalf("a bystander: %v", err)
			}
			first.take()
			second.take()
			g.told(t)
			patience := impatient
			if c.passes {
				patience = patient
			}
			err := g.hello(c.addr, c.sni, patience)
			if (err == nil) != c.passes {
				t.Errorf("%v, want it to pass: %t", err, c.passes)
			}
			if got := first.take() + second.take(); !c.passes && got != "" {
				t.Errorf("the server saw %q", got)
			}
			if told := g.told(t); !c.passes && (len(told) == 0 || told[0].reason != c.reason) {
				t.Errorf("told %+v, want reason %d", told, c.reason)
			}
		})
	}
}
