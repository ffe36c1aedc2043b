// SPDX-License-Identifier: Apache-2.0

package live

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// The strictest policy there is must not touch a task outside of every session, while a session beside it can do nothing.
func TestBystanderIsNeverDenied(t *testing.T) {
	files(t)
	copyOf(t, "/data/bin/free")
	out := start(t)
	out.do(act{Do: "noop"})
	in := session(t)
	policy(t, `
[[role]]
name = "default"
defaults = { exec = "deny", file = "deny", foreign = "deny", nameless = "deny" }
[[rule]]
id = "all"
on = ["file.read", "file.write", "exec", "exec.map"]
match = ["**"]
action = "deny"
[[rule]]
id = "lines"
on = ["exec.argv"]
match = ["*"]
action = "kill"
`)
	before, err := kernel.Counters()
	must(t, err)
	deeds := []act{
		{Do: "open", Path: "/data/free/file", Flags: unix.O_RDWR},
		{Do: "open", Path: "/data/free/new", Flags: unix.O_CREAT | unix.O_WRONLY},
		{Do: "open", Path: "/proc/self/status"},
		{Do: "open", Path: "/dev/null", Flags: unix.O_RDWR},
		{Do: "thread", Path: "/data/secret/key"},
		{Do: "map", Path: "/data/bin/free"},
		{Do: "mprotect", Path: "/data/bin/free"},
		{Do: "exec", Path: "/data/bin/free", Argv: []string{"true", "x"}},
		{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", "(cat /data/secret/key | wc) && busybox true"}},
	}
	for _, a := range deeds {
		if r := out.do(a); r.Errno != 0 || r.Status != 0 || r.Signal != 0 {
			t.Errorf("outside, %s %s %v: %+v", a.Do, a.Path, a.Argv, r)
		}
	}
	after, err := kernel.Counters()
	must(t, err)
	if n := after[bpf.CountRefused] - before[bpf.CountRefused]; n != 0 {
		t.Errorf("%d refusals while only a bystander acted", n)
	}
	for _, a := range deeds {
		if r := in.do(a); r.Errno == 0 {
			t.Errorf("the control in a session was not refused: %s %s", a.Do, a.Path)
		}
	}
}
