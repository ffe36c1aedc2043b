// SPDX-License-Identifier: Apache-2.0

package live

// Sockets are judged where they are made, by family, type and protocol, whoever makes them.

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// made are sockets, and what the kernel side must call them.
var made = []struct {
	family, kind, protocol int
	object                 string
	ordinary               bool
}{
	{unix.AF_INET, unix.SOCK_STREAM, 0, "AF_INET/SOCK_STREAM/6", true},
	{unix.AF_INET6, unix.SOCK_DGRAM | unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC, 0, "AF_INET6/SOCK_DGRAM/17", true},
	{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP, "AF_INET/SOCK_DGRAM/17", true},
	{unix.AF_UNIX, unix.SOCK_SEQPACKET, 0, "AF_UNIX/SOCK_SEQPACKET/0", true},
	{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, "AF_INET/SOCK_RAW/1", false},
	{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP, "AF_INET/SOCK_STREAM/262", false},
	{unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_ICMPV6, "AF_INET6/SOCK_DGRAM/58", false},
	{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE, "AF_NETLINK/SOCK_RAW/0", false},
	{unix.AF_NETLINK, unix.SOCK_DGRAM, unix.NETLINK_KOBJECT_UEVENT, "AF_NETLINK/SOCK_DGRAM/15", false},
	{unix.AF_PACKET, unix.SOCK_RAW, 0x0300, "AF_PACKET/SOCK_RAW/768", false},
	{unix.AF_INET, unix.SOCK_PACKET, 0x0300, "AF_PACKET/SOCK_PACKET/768", false},
}

func TestSocketsAreJudgedWhereTheyAreMade(t *testing.T) {
	for name, c := range map[string]struct {
		rules string
		holds func(object string, ordinary bool) bool
	}{
		"nothing-said": {`[[role]]
name = "default"
defaults = { net = "allow" }
`, func(string, bool) bool { return false }},
		"by-default": {`[[role]]
name = "default"
defaults = { net = "deny" }
`, func(_ string, ordinary bool) bool { return !ordinary }},
		"by-family": {`[[role]]
name = "default"
defaults = { net = "allow" }
[[rule]]
id = "family"
on = ["net.family"]
match = ["AF_PACKET", "AF_INET*/SOCK_RAW", "AF_INET/SOCK_STREAM/262"]
action = "deny"
`, func(object string, _ bool) bool {
			return strings.HasPrefix(object, "AF_PACKET/") || object == "AF_INET/SOCK_RAW/1" || object == "AF_INET/SOCK_STREAM/262"
		}},
		"even-of-everyday": {`[[role]]
name = "default"
defaults = { net = "allow" }
[[rule]]
id = "family"
on = ["net.family"]
match = ["**"]
except = ["AF_UNIX"]
action = "deny"
`, func(object string, _ bool) bool { return !strings.HasPrefix(object, "AF_UNIX/") }},
		"of-one-role-that-is-watched": {`[[role]]
name = "default"
mode = "observe"
defaults = { net = "deny" }
`, func(string, bool) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			policy(t, c.rules)
			in, out := session(t), start(t)
			out.do(act{Do: "noop"})
			for _, m := range made {
				a := act{Do: "newsocket", Argv: []string{itoa(m.family), itoa(m.kind), itoa(m.protocol)}}
				without := out.do(a)
				stop := watch(t)
				got, want := in.do(a).Errno, without.Errno
				records := stop()
				if c.holds(m.object, m.ordinary) {
					want = unix.EPERM
				}
				if got != want {
					t.Errorf("%s: %v, want %v (outside %v)", m.object, got, want, without.Errno)
				}
				if told := toldOf(records); want == unix.EPERM && told != m.object {
					t.Errorf("%s is told as %q", m.object, told)
				}
			}
		})
	}
}

// toldOf is the object of the last refused socket.
func toldOf(records []record) (object string) {
	for _, r := range records {
		if bpf.EventKind(r.Kind) == bpf.KindAccess && bpf.Op(r.Op) == bpf.OpNetFamily && r.Error != 0 {
			object = r.object()
		}
	}
	return object
}

// A child reaches no further than who started it.
func TestSocketsOfChildrenAreJudgedToo(t *testing.T) {
	policy(t, "[[role]]\nname = \"default\"\ndefaults = { net = \"allow\" }\n[[rule]]\nid = \"raw\"\non = [\"net.family\"]\nmatch = [\"AF_NETLINK\"]\naction = \"deny\"\n")
	asks := act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", "/bin/busybox ip link show > /dev/null"}}
	if r := start(t).do(asks); r.Errno != 0 || r.Status != 0 {
		t.Fatalf("a child's socket is not made outside of sessions either: %+v", r)
	}
	if r := session(t).do(asks); r.Status == 0 {
		t.Errorf("a child's socket was made: %+v", r)
	}
}
