// SPDX-License-Identifier: Apache-2.0

package live

// Agents that are scripts, given to an interpreter as an argument: which of the names that the argument may have are held,
// and whose program executed whose.

import (
	"os"
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
)

var scriptAgents = []enforce.Agent{{
	ID: 31, Relaunch: true, Exec: []string{"**/agent/lib/agent.sh"}, Scripts: []string{"**/agent/bin/agent"}, Interpreters: []string{"**/interp/sh"},
}}

// scripts makes an agent, the link to it that an installer makes, one that somebody else made, and a script that is no agent
// and does the same: read the key.
func scripts(t *testing.T) {
	t.Helper()
	files(t)
	for _, root := range []string{"/data", "/data/jail"} {
		copyOf(t, root+"/interp/sh")
		script(t, root+"/agent/lib/agent.sh", "if [ \"$1\" ]; then \"$@\"; exit; fi\n: < /data/secret/key\n")
		script(t, root+"/agent/lib/other.sh", ": < /data/secret/key\n")
		script(t, root+"/agent/bin/noise", "")
	}
	copyOf(t, "/data/elsewhere/agent/bin/agent")
	for _, name := range []string{"/data/agent/bin/agent", "/data/agent/mine"} {
		os.Remove(name)
		must(t, os.Symlink("/data/agent/lib/agent.sh", name))
	}
}

func TestScriptOfAnInterpreterIsAnAgent(t *testing.T) {
	scripts(t)
	policy(t, secretPolicy, scriptAgents...)
	out := start(t)
	out.do(act{Do: "noop"})
	for name, c := range map[string]struct {
		line     string
		sessions int
	}{
		"absolute":                  {"exec /data/interp/sh /data/agent/lib/agent.sh", 1},
		"behind-an-option":          {"exec /data/interp/sh -e /data/agent/lib/agent.sh", 1},
		"relative":                  {"cd /data/agent && exec /data/interp/sh lib/agent.sh", 1},
		"relative-dot":              {"cd /data/agent && exec /data/interp/sh ./lib/agent.sh", 1},
		"relative-parent":           {"cd /data/agent/bin && exec /data/interp/sh ../lib/agent.sh", 1},
		"relative-to-the-root":      {"cd / && exec /data/interp/sh data/agent/lib/agent.sh", 1},
		"the-installers-link":       {"exec /data/interp/sh /data/agent/bin/agent", 1},
		"in-a-root-of-its-own":      {"exec chroot /data/jail /interp/sh /agent/lib/agent.sh", 1},
		"another-script":            {"exec /data/interp/sh /data/agent/lib/other.sh", 0},
		"another-scripts-argument":  {"exec /data/interp/sh /data/agent/lib/other.sh /data/agent/lib/agent.sh", 0},
		"no-interpreter":            {"exec sh /data/agent/lib/agent.sh", 0},
		"a-program-named-like-that": {"exec -a sh /data/elsewhere/agent/bin/agent /data/agent/lib/other.sh", 0},
		"in-an-environment":         {"exec env SCRIPT=/data/agent/lib/agent.sh /data/interp/sh", 0},
		"the-interpreter-alone":     {"exec /data/interp/sh -c ': < /data/secret/key'", 0},
		// bound: what script.h says is not followed.
		"a-link-of-ones-own": {"exec /data/interp/sh /data/agent/mine", 0},
	} {
		t.Run(name, func(t *testing.T) {
			stop := watch(t)
			r := out.do(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", c.line}})
			starts := sessionsIn(stop(), bpf.KindSessionStart)
			if len(starts) != c.sessions {
				t.Errorf("%d sessions began, want %d: %+v", len(starts), c.sessions, starts)
			}
			for _, s := range starts {
				if s.Head.Agent != 31 {
					t.Errorf("a session of agent %d began", s.Head.Agent)
				}
			}
			// In a root of its own the key has no such name; the interpreter alone has nothing to read.
			if refused := r.Status != 0; name != "in-a-root-of-its-own" && name != "in-an-environment" && refused != (c.sessions > 0) {
				t.Errorf("reading the key: %+v, in %d sessions", r, c.sessions)
			}
		})
	}
}

// TestLauncherIsNoSession: what the agent's own program starts once more goes on with its session; from a tool's shell it is a
// session of its own. Records say whose program executed whose.
func TestLauncherIsNoSession(t *testing.T) {
	scripts(t)
	policy(t, "", scriptAgents...)
	out := start(t)
	out.do(act{Do: "noop"})
	const own, by = uint16(bpf.EventAgent), uint16(bpf.EventByAgent)
	for name, c := range map[string]struct {
		line     string
		sessions int
		flags    []uint16 // of the execs in sessions, in order
	}{
		"as-a-child":            {"exec /data/interp/sh /data/agent/lib/agent.sh /data/interp/sh /data/agent/lib/agent.sh", 1, []uint16{own, own | by}},
		"a-tool":                {"exec /data/interp/sh /data/agent/lib/agent.sh /bin/busybox true", 1, []uint16{own, by}},
		"from-a-tools-shell":    {"exec /data/interp/sh /data/agent/lib/agent.sh /bin/busybox sh -c '/data/interp/sh /data/agent/bin/agent; exit 0'", 2, []uint16{own, by, own}},
		"another-script-inside": {"exec /data/interp/sh /data/agent/lib/agent.sh /data/interp/sh /data/agent/lib/other.sh", 1, []uint16{own, by}},
	} {
		t.Run(name, func(t *testing.T) {
			stop := watch(t)
			out.do(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", c.line}})
			records := stop()
			if starts := sessionsIn(records, bpf.KindSessionStart); len(starts) != c.sessions {
				t.Errorf("%d sessions began, want %d", len(starts), c.sessions)
			}
			var flags []uint16
			for _, r := range records {
				if bpf.EventKind(r.Kind) == bpf.KindExec {
					flags = append(flags, as[bpf.EventExec](r.raw).Head.Flags&(own|by))
				}
			}
			if !slices.Equal(flags, c.flags) {
				t.Errorf("flags of the execs %v, want %v", flags, c.flags)
			}
		})
	}
}
