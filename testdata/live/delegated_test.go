// SPDX-License-Identifier: Apache-2.0

package live

// What a server outside starts after a session spoke with it: told with the session, never refused.

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

const delegateWindow = 5 * time.Second // DELEGATE_SECONDS

func TestWhatADelegateStartsIsTold(t *testing.T) {
	const ruled, allowed, kept, plain = "/data/servers/ruled", "/data/servers/allowed", "/data/servers/kept", "/data/servers/plain"
	copyOf(t, "/data/bin/shell")
	must(t, os.MkdirAll("/data/servers", 0o755))
	policy(t, `
[[role]]
name = "default"
defaults = { unix = "allow" }
[[rule]]
id = "let"
on = ["unix.connect"]
match = ["/data/servers/ruled"]
action = "audit"
reason = "test"
[[rule]]
id = "allow"
on = ["unix.connect"]
match = ["/data/servers/allowed"]
action = "allow"
[[rule]]
id = "keep"
on = ["unix.connect"]
match = ["/data/servers/kept"]
action = "deny"
`)
	shell := func(line string) act {
		return act{Do: "exec", Path: "/data/bin/shell", Argv: []string{"sh", "-c", line}}
	}
	for name, c := range map[string]struct {
		speaks string // the session, with whom
		starts act    // the server
		later  time.Duration
		glass  bool // is broken
		want   int  // execs that are told
	}{
		"its child":           {speaks: ruled, starts: shell("exit 0"), want: 1},
		"allowed by a rule":   {speaks: allowed, starts: shell("exit 0"), want: 1},
		"by break-glass":      {speaks: kept, starts: shell("exit 0"), glass: true, want: 1},
		"its grandchild":      {speaks: ruled, starts: shell("/data/bin/shell true; exit 0"), want: 2},
		"no further":          {speaks: ruled, starts: shell("/data/bin/shell sh -c '/data/bin/shell true; exit 0'; exit 0"), want: 2},
		"after a while":       {speaks: ruled, starts: shell("exit 0"), later: delegateWindow + time.Second, want: 0},
		"no rule is about it": {speaks: plain, starts: shell("exit 0"), want: 0},
		"nobody spoke":        {starts: shell("exit 0"), want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			server, other := start(t), start(t)
			for _, path := range []string{ruled, allowed, kept, plain} {
				server.want(act{Do: "serve", Path: path}, 0)
			}
			in, id := author(t)
			if c.glass {
				in.want(act{Do: "connect", Path: kept}, unix.EACCES)
				must(t, kernel.SetRelief(bpf.ReliefHost, procfs.SinceBoot()+uint64(time.Minute)))
				t.Cleanup(func() { must(t, kernel.SetRelief(bpf.ReliefHost, 1)) })
			}
			if c.speaks != "" {
				in.want(act{Do: "connect", Path: c.speaks}, 0)
			}
			time.Sleep(c.later)
			stop := watch(t)
			other.want(c.starts, 0)
			server.want(c.starts, 0)
			told := derivedIn(stop())["/data/bin/shell"]
			if len(told) != c.want {
				t.Fatalf("told: %+v, want %d", told, c.want)
			}
			for _, e := range told {
				if e.Head.Session != id || bpf.Op(e.Head.Op) != bpf.OpUnixConnect || e.Server != server.pid() || e.Since == 0 ||
					bpf.Action(e.Head.Action) != bpf.ActionAllow {
					t.Errorf("%+v, want session %d and server %d", e, id, server.pid())
				}
			}
		})
	}
}
