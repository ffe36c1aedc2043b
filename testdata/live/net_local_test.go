// SPDX-License-Identifier: Apache-2.0

package live

// What is on the machine itself, sockets that come from others, switches that bind open connections, and what is told of it all.

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
)

// of is the same actor for a part of its test.
func (p *process) of(t *testing.T) *process {
	q := *p
	q.t = t
	return &q
}

// get fails the test where orders do not end as they should: want of the last one, those before it succeed.
func (p *process) get(want unix.Errno, orders ...string) {
	p.t.Helper()
	way := p.net
	if want == 0 {
		way = p.netThrough
	}
	r := way(orders...)
	switch {
	case r.Errno == want && (want == 0 || r.Status == len(orders)-1):
	case want == cut && r.Errno != 0 && r.Status == len(orders)-1:
	default:
		p.t.Errorf("%q: %v at %d, want %v", orders, r.Errno, r.Status, want)
	}
}

func TestNetLoopback(t *testing.T) {
	network(t)
	policy(t, netPolicy)
	in, other, out := session(t), session(t), start(t)
	in.get(0, "tcp4", "serve 127.0.0.1:7101")
	in.get(0, "tcp6", "serve [::1]:7101")
	in.get(0, "udp4", "serve 127.0.0.1:7101")
	out.get(0, "tcp6", "serve [::]:7102")
	out.get(0, "udp6", "serve [::]:7102")
	for _, own := range [][]string{
		{"tcp4", "connect 127.0.0.1:7101"}, {"tcp6", "connect [::1]:7101"}, {"tcp6", "connect [::ffff:127.0.0.1]:7101"},
		{"tcp4", "connect 0.0.0.0:7101"}, {"udp4", "connect 127.0.0.1:7101"}, {"udp6", "connect [::ffff:127.0.0.1]:7101"},
	} {
		t.Run("own/"+own[0]+own[1], func(t *testing.T) {
			answered := append(own, "send x", "recv x")
			in.of(t).get(0, answered...)
			if own[0][:3] == "tcp" {
				out.of(t).get(0, answered...) // who accepts a connection may answer it; datagrams are judged one by one
			} else {
				own = append(own, "send x")
			}
			other.of(t).get(unix.EPERM, own...)
		})
	}
	for _, foreign := range []string{"127.0.0.1", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "198.18.0.1"} {
		t.Run("foreign/"+foreign, func(t *testing.T) {
			tcp, udp := "tcp4", "udp4"
			if foreign[0] == '[' {
				tcp, udp = "tcp6", "udp6"
			}
			at := foreign + ":7102"
			out.of(t).get(0, tcp, "connect "+at, "send x", "recv x")
			out.of(t).get(0, udp, "connect "+at, "send x", "recv x")
			in.of(t).get(unix.EPERM, tcp, "connect "+at)
			in.of(t).get(unix.EPERM, udp, "connect "+at, "send x")
		})
	}
}

func TestNetListening(t *testing.T) {
	network(t)
	policy(t, netPolicy)
	in, out := session(t), start(t)
	for name, c := range map[string]struct {
		orders []string
		want   unix.Errno
	}{
		"allowed":       {[]string{"tcp4", "bind 127.0.0.1:7201", "listen"}, 0},
		"allowed-v6":    {[]string{"tcp6", "bind [::1]:7201", "listen"}, 0},
		"datagrams":     {[]string{"udp4", "bind 127.0.0.1:7201"}, 0},
		"any-port":      {[]string{"udp4", "bind 0.0.0.0:0"}, 0},
		"to-all":        {[]string{"tcp4", "bind 0.0.0.0:7202", "listen"}, unix.EPERM},
		"to-all-v6":     {[]string{"tcp6", "bind [::]:7202", "listen"}, unix.EPERM},
		"unbound":       {[]string{"tcp4", "listen"}, unix.EPERM},
		"datagrams-all": {[]string{"udp4", "bind 0.0.0.0:7202"}, unix.EPERM},
		"datagrams-six": {[]string{"udp6", "bind [::]:7202"}, unix.EPERM},
		"outside":       {[]string{"tcp4", "bind 198.18.0.1:7202", "listen"}, unix.EPERM},
		"names":         {[]string{"udp4", "bind 127.0.0.1:53"}, unix.EPERM},
		"names-v6":      {[]string{"udp6", "bind [::1]:53"}, unix.EPERM},
		"names-by-tcp":  {[]string{"tcp4", "bind 127.0.0.1:53"}, unix.EPERM},
	} {
		t.Run(name, func(t *testing.T) {
			orders := c.orders
			if c.want == 0 {
				orders = append(orders, "udp4") // and lets go of it
			}
			in.of(t).get(c.want, orders...)
			out.of(t).get(0, append(c.orders, "udp4")...)
		})
	}
}

// writtenIsLocal keeps what the session wrote to this machine, and nobody else.
const writtenIsLocal = `
[[role]]
name = "default"
defaults = { net = "audit" }
[[rule]]
id = "written-numbers"
principal = "written"
on = ["net.addr"]
match = ["**"]
except = ["127.0.0.0/8", "::1"]
action = "ask"
`

// A server that may not go to other machines answers none of them, though it listens on every address, as servers under development
// do; on this machine it is reached.
func TestNetServersOfWrittenProgramsAreLocal(t *testing.T) {
	o := network(t)
	files(t)
	policy(t, writtenIsLocal)
	written, agent, out := memberOf(t, 0), session(t), start(t)
	written.want(act{Do: "run", Argv: []string{"cp", "/bin/busybox", "/data/free/library.so"}}, 0)
	written.want(act{Do: "map", Path: "/data/free/library.so"}, 0)
	local, far := start(t), start(t)
	far.get(0, "enter "+itoa(o.thread))
	for i, p := range []*process{written.process, agent, out} {
		v4, v6 := itoa(7400+i), itoa(7410+i)
		p.get(0, "tcp4", "serve 0.0.0.0:"+v4)
		p.get(0, "tcp6", "serve [::]:"+v6)
		local.get(0, "tcp4", "connect 127.0.0.1:"+v4, "send x", "recv x")
		local.get(0, "tcp6", "connect [::1]:"+v6, "send x", "recv x")
		for _, orders := range [][]string{
			{"tcp4", "connect 198.18.0.1:" + v4, "send x", "recv x"}, {"tcp4", "connect 198.18.0.1:" + v6, "send x", "recv x"},
			{"tcp6", "connect [2001:2:0:1::1]:" + v6, "send x", "recv x"},
		} {
			if p != written.process {
				far.get(0, orders...)
				continue
			}
			stop := watch(t)
			if r := far.net(orders...); r.Errno == 0 || r.Seen != "" {
				t.Errorf("%q from another machine: answered %q", orders, r.Seen)
			}
			if refused, _ := toldOfNet(stop(), written.slot.Id); len(refused) == 0 || !strings.HasPrefix(refused[0], "net.addr 6 ") {
				t.Errorf("%q from another machine: told are %q", orders, refused)
			}
		}
	}
}

// Sockets that somebody else made, and connected to where the session may not go.
func TestNetSocketsOfOthers(t *testing.T) {
	o := network(t)
	agents(t)
	policy(t, netPolicy, testAgents...)
	o.forget()
	ready := []string{"tcp4", "connect 198.18.0.8:7", "send ready", "recv ready"}
	t.Run("passed", func(t *testing.T) {
		in, out := session(t), start(t)
		in.get(0, "take /data/box")
		out.get(0, append(ready, "pass /data/box")...)
		in.get(cut, "take /data/box", "send passed-in", "recv passed-in")
	})
	t.Run("passed-datagrams", func(t *testing.T) {
		in, out := session(t), start(t)
		in.get(0, "take /data/box-of-datagrams")
		out.get(0, "udp4", "connect 198.18.0.8:7", "send ready", "recv ready", "pass /data/box-of-datagrams")
		in.get(unix.EPERM, "take /data/box-of-datagrams", "send datagram-in")
	})
	t.Run("passed-good", func(t *testing.T) {
		in, out := session(t), start(t)
		in.get(0, "take /data/box-of-good")
		out.get(0, "tcp4", "connect 198.18.0.9:7", "send ready", "recv ready", "pass /data/box-of-good")
		in.get(0, "take /data/box-of-good", "send good-in", "recv good-in")
	})
	t.Run("held", func(t *testing.T) {
		in := start(t)
		in.get(0, ready...)
		_, err := kernel.Adopt(context.Background(), sensor.Adoption{PID: in.pid()})
		must(t, err)
		in.adopted = true
		in.get(cut, "send held-in", "recv held-in")
	})
	t.Run("inherited", func(t *testing.T) {
		out := start(t)
		out.get(0, append(ready, "hand /bin/busybox inherited-out")...)
		becomes(t, func() bool { return o.came("inherited-out") })
		out.get(0, "hand /data/agents/busybox-alpha inherited-in")
		time.Sleep(grace)
		// bound: it is the daemon that marks what a session was begun with, and none runs here.
		t.Logf("what an agent was begun with can be written to before it is marked: %t", o.came("inherited-in"))
	})
	for _, mark := range []string{"passed-in", "datagram-in", "held-in"} {
		if o.came(mark) {
			t.Errorf("%s came", mark)
		}
	}
}

// The kernel sends again what did not leave, also for who has ended.
func TestNetRefusedBytesStayAfterTheEnd(t *testing.T) {
	o := network(t)
	policy(t, netPolicy)
	o.forget()
	for mark, orders := range map[string][]string{
		"late-of-a-number": {"tcp4", "connect 198.18.0.9:7"},
		"late-of-a-name":   {"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:7"},
	} {
		in := memberOf(t, 0)
		in.get(0, append(orders, "send x-"+mark, "recv x-"+mark)...)
		in.change(bpf.Change{DeniedSet: 1<<bpf.OpNetDomain | 1<<bpf.OpNetAddr})
		in.get(0, "send "+mark)
		must(t, in.cmd.Process.Kill())
		_ = in.cmd.Wait()
		ends(t, in.slot.Number)
	}
	time.Sleep(3 * time.Second) // it tries anew after 200, 400, 800 ms and so on
	for _, mark := range []string{"late-of-a-number", "late-of-a-name"} {
		if !o.came("x-" + mark) {
			t.Errorf("%s: what was sent before did not come", mark)
		}
		if o.came("x-" + mark + mark) {
			t.Errorf("%s came", mark)
		}
	}
}

// Nobody beside sessions is hindered, by whatever is left of one.
func TestNetSocketsOutliveTheirSession(t *testing.T) {
	network(t)
	policy(t, netPolicy)
	for name, orders := range map[string][]string{
		"connected":   {"tcp4", "connect 198.18.0.9:7", "send x", "recv x"},
		"unconnected": {"tcp4"},
		"datagrams":   {"udp4"},
	} {
		t.Run(name, func(t *testing.T) {
			in, out := memberOf(t, 0), start(t)
			out.get(0, "take @box-"+name)
			in.get(0, append(orders, "pass @box-"+name)...)
			must(t, in.cmd.Process.Kill())
			_ = in.cmd.Wait()
			ends(t, in.slot.Number)
			orders := []string{"take @box-" + name}
			if name != "connected" {
				orders = append(orders, "connect 198.18.0.8:7")
			}
			out.get(0, append(orders, "send y", "recv y")...)
		})
	}
}

// A switch of the session, and what it has read, hold for the next packet of a connection that is open.
func TestNetSwitchesBindOpenConnections(t *testing.T) {
	files(t)
	network(t)
	policy(t, netPolicy+`
[[rule]]
id = "mark"
on = ["file.read"]
match = ["/data/secret/**"]
action = "audit"
taint = "seen"
`+quietRules)
	for name, bind := range map[string]func(member){
		"nets":  func(m member) { m.change(bpf.Change{DeniedSet: 1<<bpf.OpNetDomain | 1<<bpf.OpNetAddr}) },
		"taint": func(m member) { m.want(secret, 0) },
	} {
		for way, orders := range map[string][]string{
			"by-name":    {"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:7"},
			"tls":        {"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:443", "hello www.allowed.test", "recv \x16\x03"},
			"by-number":  {"tcp4", "connect 198.18.0.9:7"},
			"datagrams":  {"ask www.allowed.test A", "udp4", "connect 198.18.0.3:7"},
			"not-at-all": {"ask www.allowed.test A"},
		} {
			t.Run(name+"/"+way, func(t *testing.T) {
				in := memberOf(t, 0)
				echo := []string{"send x-" + way, "recv x-" + way}
				switch way {
				case "tls":
					echo[1] = "recv"
				case "not-at-all":
					echo = []string{"ask www.allowed.test A"}
				}
				if way == "tls" {
					in.get(0, orders...)
				} else {
					in.get(0, append(orders, echo...)...)
				}
				bind(in)
				if way == "tls" || way[:3] == "by-" {
					in.get(cut, echo...)
				} else {
					in.get(unix.EPERM, echo[0])
				}
			})
		}
	}
}

// toldOfNet are the records of networks in a session, of what was refused.
func toldOfNet(records []record, session uint64) (refused []string, all []bpf.EventNet) {
	for _, r := range records {
		if bpf.EventKind(r.Kind) != bpf.KindNet || r.Session != session {
			continue
		}
		e, name, at := r.route()
		all = append(all, e)
		if e.Head.Error != 0 {
			refused = append(refused, fmt.Sprintf("%s %d %s %s", enforce.Op(e.Head.Op), e.Protocol, at, name))
		}
	}
	return refused, all
}

func TestNetRefusalsAreTold(t *testing.T) {
	network(t)
	policy(t, netPolicy)
	for name, c := range map[string]struct {
		orders []string
		want   string
		reason bpf.NetReason
		detail uint32
	}{
		"number":   {[]string{"tcp4", "connect 198.18.0.8:7"}, "net.addr 6 198.18.0.8:7 ", bpf.NetNoName, 0},
		"v6":       {[]string{"tcp6", "connect [2001:2:0:1::8]:7"}, "net.addr 6 [2001:2:0:1::8]:7 ", bpf.NetNoName, 0},
		"name":     {[]string{"ask exact.test A", "tcp4", "connect 198.18.0.6:7"}, "net.domain 6 198.18.0.6:7 exact.test", bpf.NetByRule, 0},
		"question": {[]string{"ask evil.test A"}, "net.domain 17 198.18.0.2:53 evil.test", bpf.NetByRule, 1},
		"type":     {[]string{"ask www.allowed.test TXT"}, "net.domain 17 198.18.0.2:53 www.allowed.test", bpf.NetRecordType, 16},
		"resolver": {[]string{"ask www.allowed.test A 198.18.0.9:53"}, "net.addr 17 198.18.0.9:53 www.allowed.test", bpf.NetResolver, 1},
		"quic":     {[]string{"ask www.allowed.test A", "udp4", "sendto 198.18.0.3:443 x"}, "net.addr 17 198.18.0.3:443 ", bpf.NetQUIC, 0},
		"hello":    {[]string{"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:443", "hello evil.test", "recv"}, "net.addr 6 198.18.0.3:443 evil.test", bpf.NetOtherName, 0},
		"listen":   {[]string{"udp4", "bind 0.0.0.0:7301"}, "net.listen 17 0.0.0.0:7301 ", bpf.NetByRule, 0},
		"names":    {[]string{"udp4", "bind 127.0.0.1:53"}, "net.listen 17 127.0.0.1:53 ", bpf.NetPort53, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in := memberOf(t, 0)
			stop := watch(t)
			in.net(c.orders...)
			refused, all := toldOfNet(stop(), in.slot.Id)
			if len(refused) == 0 || refused[0] != c.want {
				t.Fatalf("told %q, want %q", refused, c.want)
			}
			i := slices.IndexFunc(all, func(e bpf.EventNet) bool { return e.Head.Error != 0 })
			if e := all[i]; bpf.NetReason(e.Reason) != c.reason || e.Detail != c.detail {
				t.Errorf("reason %d, detail %d, want %d, %d", e.Reason, e.Detail, c.reason, c.detail)
			}
			for _, e := range all {
				if e.Head.Pid != in.pid() || e.Cookie == 0 || e.Space == 0 {
					t.Errorf("who: %+v", e)
				}
			}
		})
	}
}

// One refusal a second is told; the others are counted with the next.
func TestNetRefusalsFold(t *testing.T) {
	network(t)
	policy(t, netPolicy)
	in := memberOf(t, 0)
	stop := watch(t)
	in.get(unix.EPERM, "udp4", "connect 198.18.0.8:7", "times 50 x")
	in.get(unix.EPERM, "pause 2s", "send x")
	refused, all := toldOfNet(stop(), in.slot.Id)
	if len(refused) < 2 || len(refused) > 10 {
		t.Fatalf("%d records of 51 refusals", len(refused))
	}
	var repeats uint64
	for _, e := range all {
		repeats += e.Repeats
	}
	if got := int(repeats) + len(refused); got != 51 {
		t.Errorf("%d told, %d repeats, of 51", len(refused), repeats)
	}
}
