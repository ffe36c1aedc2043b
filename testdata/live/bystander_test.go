// SPDX-License-Identifier: Apache-2.0

package live

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// strictest denies everything that a task can be denied, but to make the sockets that are to be refused their use.
const strictest = `
[[role]]
name = "default"
defaults = { exec = "deny", file = "deny", net = "deny", unix = "deny", foreign = "deny", nameless = "deny" }
[[rule]]
id = "all"
on = ["file.read", "file.write", "file.create", "file.delete", "file.rename", "file.attr", "exec", "exec.map", "proc.signal", "proc.trace"]
match = ["**"]
action = "deny"
[[rule]]
id = "families"
on = ["net.family"]
match = ["**"]
except = ["AF_INET/SOCK_STREAM", "AF_INET/SOCK_DGRAM", "AF_UNIX"]
action = "deny"
[[rule]]
id = "lines"
on = ["exec.argv"]
match = ["*"]
action = "kill"
`

// ground is what deeds are done to, as it is before each of them.
func ground(t *testing.T) {
	t.Helper()
	files(t)
	must(t, os.RemoveAll("/data/ground"))
	must(t, os.MkdirAll("/data/ground/folder", 0o755))
	for _, name := range []string{"file", "other"} {
		must(t, touch("/data/ground/"+name))
	}
}

const (
	groundSocket = "/data/ground.socket"
	groundServer = "127.0.0.1:7501"
)

// deeds are what everybody may do whom nothing forbids it. The victim is a process outside of every session.
func deeds(victim *process) []act {
	pid := []string{itoa(int(victim.pid()))}
	return []act{
		{Do: "open", Path: "/data/free/file", Flags: unix.O_RDWR},
		{Do: "open", Path: "/data/ground/new", Flags: unix.O_CREAT | unix.O_WRONLY},
		{Do: "open", Path: "/proc/self/status"},
		{Do: "open", Path: "/dev/null", Flags: unix.O_RDWR},
		{Do: "thread", Path: "/data/secret/key"},
		{Do: "map", Path: "/data/bin/free"},
		{Do: "mprotect", Path: "/data/bin/free"},
		{Do: "exec", Path: "/data/bin/free", Argv: []string{"true", "x"}},
		{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", "(cat /data/secret/key | wc) && busybox true"}},

		{Do: "unlink", Path: "/data/ground/file"},
		{Do: "rmdir", Path: "/data/ground/folder"},
		{Do: "rename", Path: "/data/ground/file", To: "/data/ground/moved"},
		{Do: "rename", Path: "/data/ground/file", To: "/data/ground/other"},
		{Do: "mkdir", Path: "/data/ground/made"},
		{Do: "mknod", Path: "/data/ground/pipe", Argv: []string{"p"}},
		{Do: "link", Path: "/data/ground/file", To: "/data/ground/linked"},
		{Do: "symlink", Path: "/data/ground/file", To: "/data/ground/symbolic"},

		{Do: "chmod", Path: "/data/ground/file"},
		{Do: "chown", Path: "/data/ground/file"},
		{Do: "setxattr", Path: "/data/ground/file", To: "user.reeve"},
		{Do: "setacl", Path: "/data/ground/file"},
		{Do: "truncate", Path: "/data/ground/file"},

		socketDeed(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
		socketDeed(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE),
		socketDeed(unix.AF_PACKET, unix.SOCK_RAW, 0x0300),
		{Do: "net", Argv: []string{"tcp4", "bind 127.0.0.1:7502", "listen"}},
		{Do: "net", Argv: []string{"tcp4", "connect " + groundServer}},
		{Do: "net", Argv: []string{"udp4", "sendto " + groundServer + " x"}},
		{Do: "connect", Path: groundSocket},

		{Do: "kill", Argv: pid},
		{Do: "pidkill", Argv: pid},
		{Do: "vmread", Argv: pid},
		{Do: "attach", Argv: pid},
	}
}

// ofRefusals are the counters that go up where somebody is refused something, for whatever reason.
var ofRefusals = []bpf.Counter{
	bpf.CountNoBuffer, bpf.CountNameTorn, bpf.CountNameDeep, bpf.CountNameLong, bpf.CountNameDetached, bpf.CountNameDevice, bpf.CountNameForged,
	bpf.CountNameFolded, bpf.CountNoTable, bpf.CountStaleSession, bpf.CountForkRefused, bpf.CountSessionsFull, bpf.CountLineUnread,
	bpf.CountCheckLate, bpf.CountRefused, bpf.CountSocketUntagged, bpf.CountPacketsDropped,
}

func socketDeed(family, kind, protocol int) act {
	return act{Do: "newsocket", Argv: []string{itoa(family), itoa(kind), itoa(protocol)}}
}

// The strictest policy there is must not touch a task outside of every session, while a session beside it can do nothing.
func TestBystanderIsNeverDenied(t *testing.T) {
	copyOf(t, "/data/bin/free")
	// Each has a victim of its own, since nobody is traced twice; both are there before, since who is traced ends after who traces.
	server, victim := start(t), start(t)
	out, in := start(t), session(t)
	for _, p := range []*process{server, victim, out} {
		p.do(act{Do: "noop"})
	}
	server.want(act{Do: "serve", Path: groundSocket}, 0)
	server.get(0, "tcp4", "serve "+groundServer)
	server.get(0, "udp4", "serve "+groundServer)
	policy(t, strictest)
	endOrphans(t) // of earlier tests' sessions

	before, err := kernel.Counters()
	must(t, err)
	for _, a := range deeds(server) {
		ground(t)
		if r := out.do(a); r.Errno != 0 || r.Signal != 0 || a.Do != "net" && r.Status != 0 {
			t.Errorf("outside, %s %s %v: %+v", a.Do, a.Path, a.Argv, r)
		}
	}
	after, err := kernel.Counters()
	must(t, err)
	for _, c := range ofRefusals {
		if n := after[c] - before[c]; n != 0 {
			t.Errorf("counter %d went up by %d while only a bystander acted", c, n)
		}
	}
	refused := uint64(0)
	for _, a := range deeds(victim) {
		var r result
		unlessLeftOut(t, func() bool {
			ground(t)
			r = in.do(a)
			return r.Errno == unix.EACCES || r.Errno == unix.EPERM
		})
		if r.Errno != unix.EACCES && r.Errno != unix.EPERM {
			t.Errorf("the control in a session was not refused: %s %s %v: %+v", a.Do, a.Path, a.Argv, r)
		}
		if a.Do != "net" { // these are judged packet by packet, too
			refused++
		}
	}
	held, err := kernel.Counters()
	must(t, err)
	if n := held[bpf.CountRefused] - after[bpf.CountRefused]; n < refused {
		t.Errorf("%d refusals were counted of %d deeds in a session", n, refused)
	}
}
