// SPDX-License-Identifier: Apache-2.0

package live

// Networks are judged where packets leave. Each trip is made by a session of its own, and by somebody beside it who is never
// stopped: what the session is refused must work for him, and nothing of the session's reaches anybody.

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/testdata/attacks"
)

const netPolicy = `
[[role]]
name = "default"
defaults = { net = "deny", unix = "allow" }
[[rule]]
id = "names"
on = ["net.domain"]
match = ["*.allowed.test", "exact.test:443", "files.test:8080"]
action = "allow"
[[rule]]
id = "numbers"
on = ["net.addr"]
match = ["198.18.0.9:7"]
action = "allow"
[[rule]]
id = "listen"
on = ["net.listen"]
match = ["127.0.0.1", "[::1]", "198.18.0.1:7010"]
action = "allow"
`

// quietRules end all networks for who has read what taints.
const quietRules = `
[[rule]]
id = "quiet"
when = { taint = ["seen"] }
on = ["net.domain"]
match = ["**"]
action = "deny"
[[rule]]
id = "quiet-numbers"
when = { taint = ["seen"] }
on = ["net.addr"]
match = ["**"]
action = "deny"
`

const (
	// cut is what becomes of a connection whose bytes are not let out: an error, sooner or later.
	cut   = attacks.Cut
	grace = 200 * time.Millisecond // in which a refused packet would have come
)

// trip is what somebody tries. In its orders, NAME is "in" or "out": of the session, or beside it.
type trip struct {
	orders []string
	want   syscall.Errno // of the session's last order; all before it succeed
	seen   string        // what it gets where it gets through
	mark   string        // what reaches somebody if it gets through, with NAME
	alone  bool          // the control is refused as well: by the kernel, or by the servers
	rude   bool          // the server hangs up on it, or does not answer
}

func by(name string, orders []string) []string {
	var list []string
	for _, o := range orders {
		list = append(list, strings.ReplaceAll(o, "NAME", name))
	}
	return list
}

func (p *process) net(orders ...string) result {
	p.t.Helper()
	return p.do(act{Do: "net", Argv: orders})
}

// netThrough is net where all of it is to come through.
func (p *process) netThrough(orders ...string) result {
	p.t.Helper()
	return p.do(act{Do: "net", Argv: orders, Patient: true})
}

// through reports whether a result is that of a trip that got through.
func (c trip) through(t *testing.T, who string, r result) bool {
	t.Helper()
	if r.Errno != 0 {
		return false
	}
	if !strings.Contains(r.Seen, strings.ReplaceAll(c.seen, "NAME", who)) {
		t.Errorf("%s: got %q, want %q", who, r.Seen, c.seen)
	}
	return true
}

// take makes a trip in a session and beside it.
func (c trip) take(t *testing.T, o *others, in, out *process) {
	t.Helper()
	mark := func(who string) string { return strings.ReplaceAll(c.mark, "NAME", who) }
	way := in.net
	if c.want == 0 {
		way = in.netThrough
	}
	r := way(by("in", c.orders)...)
	switch {
	case c.want == 0:
		if !c.through(t, "in", r) {
			t.Errorf("refused: order %q: %v", c.orders[r.Status], r.Errno)
		}
	case r.Errno == 0:
		t.Errorf("it went through, and got %q", r.Seen)
	case r.Status != len(c.orders)-1:
		t.Errorf("order %q: %v, want that of %q", c.orders[r.Status], r.Errno, c.orders[len(c.orders)-1])
	case r.Errno != c.want && c.want != cut:
		t.Errorf("order %q: %v, want %v", c.orders[r.Status], r.Errno, c.want)
	}
	if !c.alone {
		way := out.netThrough
		if c.rude {
			way = out.net
		}
		if r := way(by("out", c.orders)...); !c.rude && !c.through(t, "out", r) {
			t.Errorf("beside the session: order %q: %v", c.orders[r.Status], r.Errno)
		}
	}
	if c.mark == "" {
		return
	}
	if !c.alone {
		becomes(t, func() bool { return o.came(mark("out")) })
	}
	time.Sleep(grace)
	if came := o.came(mark("in")); came != (c.want == 0) {
		t.Errorf("%q came through: %t", mark("in"), came)
	}
}

// trips are taken one after the other; what is sent again later must not come either.
func trips(t *testing.T, cases map[string]trip) {
	o := network(t)
	policy(t, netPolicy)
	o.forget()
	out := start(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			c.take(t, o, session(t), out.of(t))
		})
	}
	for name, c := range cases {
		if c.want != 0 && c.mark != "" && o.came(strings.ReplaceAll(c.mark, "NAME", "in")) {
			t.Errorf("%s: it came in the end", name)
		}
	}
}

func TestNetNames(t *testing.T) {
	trips(t, map[string]trip{
		"v4":               {orders: []string{"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:7", "send a-NAME", "recv a-NAME"}, mark: "a-NAME"},
		"v6":               {orders: []string{"ask www.allowed.test AAAA", "tcp6", "connect [2001:2:0:1::3]:7", "send b-NAME", "recv b-NAME"}, mark: "b-NAME"},
		"by-a-resolver-v6": {orders: []string{"ask www.allowed.test A [2001:2:0:1::2]:53", "tcp4", "connect 198.18.0.3:7", "send c-NAME", "recv c-NAME"}, mark: "c-NAME"},
		"mapped":           {orders: []string{"ask www.allowed.test A [::ffff:198.18.0.2]:53", "tcp6", "connect [::ffff:198.18.0.3]:7", "send d-NAME", "recv d-NAME"}, mark: "d-NAME"},
		"capitals":         {orders: []string{"ask Www.ALLOWED.test A", "tcp4", "connect 198.18.0.3:7", "send e-NAME", "recv e-NAME"}, mark: "e-NAME"},
		"chain":            {orders: []string{"ask chain.allowed.test A", "tcp4", "connect 198.18.0.4:7", "send f-NAME", "recv f-NAME"}, seen: "198.18.0.4", mark: "f-NAME"},
		"cut-then-by-tcp":  {orders: []string{"ask long.allowed.test A", "tcp4", "connect 198.18.0.5:7", "send g-NAME", "recv g-NAME"}, seen: "198.18.0.5", mark: "g-NAME"},
		"two-in-a-segment": {orders: []string{"tcp4", "connect 198.18.0.2:53", "questions www.allowed.test/A,chain.allowed.test/A", "tcp4", "connect 198.18.0.4:7", "send h-NAME", "recv h-NAME"}, mark: "h-NAME"},
		"cut-length":       {orders: []string{"tcp4", "connect 198.18.0.2:53", "questions www.allowed.test/A,chain.allowed.test/A cut=1", "tcp4", "connect 198.18.0.4:7", "send i-NAME", "recv i-NAME"}, mark: "i-NAME"},
		"byte-by-byte":     {orders: []string{"tcp4", "connect 198.18.0.2:53", "questions www.allowed.test/A each=1", "tcp4", "connect 198.18.0.3:7", "send j-NAME", "recv j-NAME"}, mark: "j-NAME"},
		"by-datagrams":     {orders: []string{"ask www.allowed.test A", "udp4", "connect 198.18.0.3:7", "send k-NAME", "recv k-NAME"}, mark: "k-NAME"},

		"evil":              {orders: []string{"ask evil-a-NAME.test A"}, want: unix.EPERM, mark: "evil-a-NAME.test"},
		"evil-v6":           {orders: []string{"ask evil-b-NAME.test AAAA"}, want: unix.EPERM, mark: "evil-b-NAME.test"},
		"evil-by-v6":        {orders: []string{"ask evil-c-NAME.test A [2001:2:0:1::2]:53"}, want: unix.EPERM, mark: "evil-c-NAME.test"},
		"ends-alike":        {orders: []string{"ask notallowed-NAME.test A"}, want: unix.EPERM, mark: "notallowed-NAME.test"},
		"begins-alike":      {orders: []string{"ask www.allowed.test.NAME.test A"}, want: unix.EPERM, mark: "www.allowed.test.NAME.test"},
		"the-zone-itself":   {orders: []string{"ask allowed.test A"}, want: unix.EPERM},
		"text":              {orders: []string{"ask txt-NAME.allowed.test TXT"}, want: unix.EPERM, mark: "txt-NAME.allowed.test"},
		"https":             {orders: []string{"ask https-NAME.allowed.test HTTPS"}, want: unix.EPERM, mark: "https-NAME.allowed.test"},
		"svcb":              {orders: []string{"ask svcb-NAME.allowed.test SVCB"}, want: unix.EPERM, mark: "svcb-NAME.allowed.test"},
		"any":               {orders: []string{"ask any-NAME.allowed.test ANY"}, want: unix.EPERM, mark: "any-NAME.allowed.test"},
		"other-resolver":    {orders: []string{"ask other-NAME.allowed.test A 198.18.0.9:53"}, want: unix.EPERM, mark: "other-NAME.allowed.test"},
		"other-resolver-6":  {orders: []string{"ask other6-NAME.allowed.test A [2001:2:0:1::9]:53"}, want: unix.EPERM, mark: "other6-NAME.allowed.test"},
		"other-by-tcp":      {orders: []string{"tcp4", "connect 198.18.0.9:53"}, want: unix.EPERM},
		"no-question":       {orders: []string{"udp4", "connect 198.18.0.2:53", "send no question at all: NAME"}, want: unix.EPERM, mark: "no question at all: NAME"},
		"evil-by-tcp":       {orders: []string{"tcp4", "connect 198.18.0.2:53", "questions evil-d-NAME.test/A"}, want: cut, mark: "evil-d-NAME.test"},
		"evil-behind-good":  {orders: []string{"tcp4", "connect 198.18.0.2:53", "questions www.allowed.test/A,evil-e-NAME.test/A"}, want: cut, mark: "evil-e-NAME.test"},
		"no-stream-of-dns":  {orders: []string{"tcp4", "connect 198.18.0.2:53", "send \x00\x0cno question, NAME", "recv"}, want: cut, mark: "no question, NAME", alone: true},
		"unconnected":       {orders: []string{"udp4", "sendto 198.18.0.2:53 not connected: NAME"}, want: unix.EPERM, mark: "not connected: NAME"},
		"not-asked-by-port": {orders: []string{"ask exact.test A", "tcp4", "connect 198.18.0.6:80"}, want: unix.EPERM},
	})
}

func TestNetAddresses(t *testing.T) {
	trips(t, map[string]trip{
		"by-rule":         {orders: []string{"tcp4", "connect 198.18.0.9:7", "send a-NAME", "recv a-NAME"}, mark: "a-NAME"},
		"other-port":      {orders: []string{"tcp4", "connect 198.18.0.9:443"}, want: unix.EPERM},
		"direct":          {orders: []string{"tcp4", "connect 198.18.0.3:7"}, want: unix.EPERM},
		"direct-v6":       {orders: []string{"tcp6", "connect [2001:2:0:1::3]:7"}, want: unix.EPERM},
		"direct-mapped":   {orders: []string{"tcp6", "connect [::ffff:198.18.0.3]:7"}, want: unix.EPERM},
		"port-of-a-name":  {orders: []string{"ask exact.test A", "tcp4", "connect 198.18.0.6:443", "tcp4", "connect 198.18.0.6:7"}, want: unix.EPERM},
		"8080":            {orders: []string{"ask files.test A", "tcp4", "connect 198.18.0.7:8080", "tcp4", "connect 198.18.0.7:80"}, want: unix.EPERM},
		"rebind":          {orders: []string{"ask rebind.allowed.test A", "tcp4", "connect " + privateAt + ":7"}, want: unix.EPERM},
		"datagram":        {orders: []string{"udp4", "sendto 198.18.0.8:7 c-NAME"}, want: unix.EPERM, mark: "c-NAME"},
		"datagram-v6":     {orders: []string{"udp6", "sendto [2001:2:0:1::8]:7 d-NAME"}, want: unix.EPERM, mark: "d-NAME"},
		"datagram-mapped": {orders: []string{"udp6", "sendto [::ffff:198.18.0.8]:7 e-NAME"}, want: unix.EPERM, mark: "e-NAME"},
	})
}

// What one session learned is no other's.
func TestNetLearnedByOneSession(t *testing.T) {
	network(t)
	policy(t, netPolicy)
	one, other := session(t), session(t)
	trip := []string{"tcp4", "connect 198.18.0.3:7", "send x", "recv x"}
	if r := one.net(append([]string{"ask www.allowed.test A"}, trip...)...); r.Errno != 0 {
		t.Errorf("the one who asked: %v at %d", r.Errno, r.Status)
	}
	if r := other.net(trip...); r.Errno != unix.EPERM || r.Status != 1 {
		t.Errorf("another session: %v at %d", r.Errno, r.Status)
	}
}

func TestNetServerNames(t *testing.T) {
	to := func(orders ...string) []string {
		return append([]string{"ask www.allowed.test A", "ask exact.test A", "tcp4", "connect 198.18.0.3:443"}, orders...)
	}
	trips(t, map[string]trip{
		"right":         {orders: to("hello www.allowed.test", "recv \x16\x03")},
		"whole":         {orders: to("handshake www.allowed.test"), seen: "www.allowed.test"},
		"v6":            {orders: []string{"ask www.allowed.test AAAA", "tcp6", "connect [2001:2:0:1::3]:443", "handshake www.allowed.test"}, seen: "www.allowed.test"},
		"of-a-chain":    {orders: []string{"ask chain.allowed.test A", "tcp4", "connect 198.18.0.4:443", "handshake chain.allowed.test"}, seen: "chain"},
		"cut":           {orders: to("hello www.allowed.test cut=40", "recv \x16\x03")},
		"cut-in-header": {orders: to("hello www.allowed.test cut=3", "recv \x16\x03")},
		"bytes":         {orders: to("hello www.allowed.test small=1 each=1", "recv \x16\x03")},
		"long":          {orders: to("hello www.allowed.test pad=3500", "recv \x16\x03")},
		"long-in-parts": {orders: to("hello www.allowed.test pad=3500 each=700", "recv \x16\x03")},
		"two-records":   {orders: to("hello www.allowed.test records=100", "recv \x16\x03")},

		"evil":             {orders: to("hello evil-a-NAME.test", "recv"), want: cut, mark: "evil-a-NAME.test"},
		"evil-cut":         {orders: to("hello evil-b-NAME.test cut=40", "recv"), want: cut, mark: "evil-b-NAME.test"},
		"evil-long":        {orders: to("hello evil-d-NAME.test pad=3500", "recv"), want: cut, mark: "evil-d-NAME.test"},
		"evil-two-records": {orders: to("hello evil-e-NAME.test records=100", "recv"), want: cut, mark: "evil-e-NAME.test"},
		"evil-elsewhere":   {orders: []string{"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:7", "hello evil-f-NAME.test", "recv"}, want: cut, mark: "evil-f-NAME.test"},
		"evil-bytes":       {orders: to("hello evil-c-NAME.test small=1 each=1", "recv"), want: cut, mark: "evil-c-NAME.test"},
		"other-good-name":  {orders: to("hello exact.test", "recv"), want: cut},
		"no-name":          {orders: to("hello -", "recv"), want: cut},
		"no-tls":           {orders: to("send no hello at all: NAME", "recv"), want: cut, mark: "no hello at all: NAME", rude: true},
		"evil-by-sendfile": {orders: to("sendfile no hello by pages: NAME", "recv"), want: cut, mark: "no hello by pages: NAME", rude: true},
		"evil-by-a-ring":   {orders: to("by worker send no hello by a ring: NAME", "recv"), want: cut, mark: "no hello by a ring: NAME", rude: true},
		"right-then-again": {orders: []string{"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:443", "hello www.allowed.test", "recv \x16\x03",
			"unspec", "connect 198.18.0.3:443", "hello evil-g-NAME.test", "recv"}, want: cut, mark: "evil-g-NAME.test"},
		"elsewhere-in-place": {orders: []string{"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:443", "hello www.allowed.test", "recv \x16\x03",
			"unspec", "connect 198.18.0.8:7"}, want: unix.EPERM},
		"by-a-ring": {orders: []string{"tcp4", "by worker connect 198.18.0.8:7"}, want: unix.EPERM},
	})
}

func TestNetHosts(t *testing.T) {
	get := func(host string) string { return "send GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n" }
	to := func(orders ...string) []string {
		return append([]string{"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:80"}, orders...)
	}
	trips(t, map[string]trip{
		"right":          {orders: to(get("www.allowed.test"), "recv <www.allowed.test>")},
		"twice":          {orders: to(get("www.allowed.test"), "recv <www.allowed.test>", get("www.allowed.test:80"), "recv <www.allowed.test:80>")},
		"two-in-one":     {orders: to("send GET / HTTP/1.1\r\nHost: www.allowed.test\r\n\r\nGET /b HTTP/1.1\r\nHost: www.allowed.test\r\n\r\n", "recv <www.allowed.test>")},
		"by-bytes":       {orders: to("send GET / HT", "pause 5ms", "send TP/1.1\r\nHo", "pause 5ms", "send st: www.allowed.test\r\n\r\n", "recv <www.allowed.test>")},
		"files":          {orders: []string{"ask files.test A", "tcp4", "connect 198.18.0.7:8080", get("files.test:8080"), "recv <files.test:8080>"}},
		"evil":           {orders: to(get("evil-a-NAME.test"), "recv <evil"), want: cut, mark: "evil-a-NAME.test"},
		"evil-second":    {orders: to(get("www.allowed.test"), "recv <www.allowed.test>", get("evil-b-NAME.test"), "recv <evil"), want: cut, mark: "evil-b-NAME.test"},
		"evil-behind":    {orders: to("send GET / HTTP/1.1\r\nHost: www.allowed.test\r\n\r\nGET / HTTP/1.1\r\nHost: evil-c-NAME.test\r\n\r\n", "recv <evil"), want: cut, mark: "evil-c-NAME.test"},
		"evil-target":    {orders: to("send GET http://evil-d-NAME.test/ HTTP/1.1\r\nHost: www.allowed.test\r\n\r\n", "recv <evil"), want: cut, mark: "evil-d-NAME.test"},
		"evil-cut":       {orders: to("send GET / HTTP/1.1\r\nHost: evil-", "pause 5ms", "send e-NAME.test\r\n\r\n", "recv <evil"), want: cut, mark: "e-NAME.test"},
		"learned-not-it": {orders: append([]string{"ask chain.allowed.test A"}, to(get("chain.allowed.test"), "recv <chain")...), want: cut},
		"no-http":        {orders: to("send \x01no request: NAME", "recv HTTP"), want: cut, mark: "no request: NAME", rude: true},
	})
}

func TestNetDatagramsAndTricks(t *testing.T) {
	trips(t, map[string]trip{
		"sorting":              {orders: []string{"ask www.allowed.test A", "udp4", "connect 198.18.0.3:443", "connect 198.18.0.8:443"}},
		"quic":                 {orders: []string{"ask www.allowed.test A", "udp4", "connect 198.18.0.3:443", "send quic-a-NAME"}, want: unix.EPERM, mark: "quic-a-NAME"},
		"quic-unconnected":     {orders: []string{"ask www.allowed.test A", "udp4", "sendto 198.18.0.3:443 quic-b-NAME"}, want: unix.EPERM, mark: "quic-b-NAME"},
		"quic-v6":              {orders: []string{"ask www.allowed.test AAAA", "udp6", "sendto [2001:2:0:1::3]:443 quic-c-NAME"}, want: unix.EPERM, mark: "quic-c-NAME"},
		"quic-by-a-ring":       {orders: []string{"ask www.allowed.test A", "udp4", "connect 198.18.0.3:443", "by worker send quic-d-NAME"}, want: unix.EPERM, mark: "quic-d-NAME"},
		"connected-elsewhere":  {orders: []string{"ask www.allowed.test A", "udp4", "connect 198.18.0.3:7", "send a-NAME", "recv a-NAME", "sendto 198.18.0.8:7 b-NAME"}, want: unix.EPERM, mark: "b-NAME"},
		"dissolved":            {orders: []string{"ask www.allowed.test A", "udp4", "connect 198.18.0.3:7", "send c-NAME", "recv c-NAME", "unspec", "connect 198.18.0.8:7", "send d-NAME"}, want: unix.EPERM, mark: "d-NAME"},
		"fastopen":             {orders: []string{"tcp4", "fastopen 198.18.0.8:7 e-NAME"}, want: unix.EPERM, mark: "e-NAME"},
		"fastopen-deferred":    {orders: []string{"tcp4", "deferred", "connect 198.18.0.8:7"}, want: unix.EPERM},
		"fastopen-good":        {orders: []string{"ask www.allowed.test A", "tcp4", "fastopen 198.18.0.3:7 g-NAME", "recv g-NAME"}, mark: "g-NAME"},
		"fastopen-right-hello": {orders: []string{"ask www.allowed.test A", "tcp4", "fasthello 198.18.0.3:443 www.allowed.test", "recv \x16\x03"}},
		"fastopen-evil-hello":  {orders: []string{"ask www.allowed.test A", "tcp4", "fasthello 198.18.0.3:443 evil-h-NAME.test", "recv"}, want: cut, mark: "evil-h-NAME.test"},
		"options":              {orders: []string{"ask www.allowed.test A", "udp4", "options", "sendto 198.18.0.3:7 i-NAME"}, want: unix.EPERM, mark: "i-NAME"},
		"options-tcp":          {orders: []string{"ask www.allowed.test A", "tcp4", "options", "connect 198.18.0.3:7"}, want: cut},
		"connected-again":      {orders: []string{"ask www.allowed.test A", "tcp4", "connect 198.18.0.3:7", "connect 198.18.0.8:7"}, want: unix.EISCONN, alone: true},
		"listens-then-calls":   {orders: []string{"tcp4", "bind 198.18.0.1:7010", "listen", "unspec", "connect 198.18.0.8:7"}, want: unix.EPERM},
	})
}
