// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
)

// agents of the tests: copies of busybox that the catalogue names.
var testAgents = []enforce.Agent{
	{ID: 7, Exec: []string{"/data/agents/busybox-alpha"}},
	{ID: 8, Exec: []string{"/data/agents/busybox-beta"}},
	{ID: 9, Host: true, Exec: []string{"/data/agents/busybox-host", "/data/agents/busybox-helper"}},
}

func agents(t *testing.T) {
	for _, name := range []string{"alpha", "beta", "host", "helper"} {
		copyOf(t, "/data/agents/busybox-"+name) // so named, busybox takes its applet from the first argument
	}
}

// sessionsIn are the sessions that began in these records.
func sessionsIn(records []record, kind bpf.EventKind) []bpf.EventSession {
	var list []bpf.EventSession
	for _, r := range records {
		if bpf.EventKind(r.Kind) == kind {
			list = append(list, as[bpf.EventSession](r.raw))
		}
	}
	return list
}

func TestAgentBeginsItsSession(t *testing.T) {
	files(t)
	agents(t)
	policy(t, secretPolicy, testAgents...)
	out := start(t)
	out.do(act{Do: "noop"})
	stop := watch(t)
	r := out.do(act{Do: "exec", Path: "/data/agents/busybox-alpha", Argv: []string{"sh", "-c", "cat /data/secret/key"}})
	if r.Status == 0 {
		t.Error("the agent read what policy denies to sessions")
	}
	if r := out.do(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", "cat /data/secret/key"}}); r.Status != 0 {
		t.Errorf("the control outside could not read: %+v", r)
	}
	records := stop()
	starts := sessionsIn(records, bpf.KindSessionStart)
	if len(starts) != 1 || starts[0].Head.Agent != 7 || starts[0].Parent != 0 {
		t.Fatalf("sessions that began: %+v, want one of agent 7", starts)
	}
	ends := sessionsIn(records, bpf.KindSessionEnd)
	if len(ends) != 1 || ends[0].Head.Session != starts[0].Head.Session {
		t.Errorf("sessions that ended: %+v", ends)
	}
}

func TestChildSessions(t *testing.T) {
	files(t)
	agents(t)
	policy(t, secretPolicy, testAgents...)
	out := start(t)
	out.do(act{Do: "noop"})
	for name, c := range map[string]struct {
		line  string
		agent []uint32 // of the sessions that begin, in order; each but the first a child of the one before
	}{
		"agent-in-agent":              {"/data/agents/busybox-alpha sh -c '/data/agents/busybox-beta true; exit 0'", []uint32{7, 8}},
		"agent-in-itself":             {"/data/agents/busybox-alpha sh -c '/data/agents/busybox-alpha true; exit 0'", []uint32{7, 7}},
		"agent-executes-itself":       {"/data/agents/busybox-alpha sh -c 'exec /data/agents/busybox-alpha true'", []uint32{7}},
		"host-does-not-nest":          {"/data/agents/busybox-host sh -c '/data/agents/busybox-helper true; /data/agents/busybox-host true'", []uint32{9}},
		"host-contains-its-agents":    {"/data/agents/busybox-host sh -c '/data/agents/busybox-alpha true; exit 0'", []uint32{9, 7}},
		"helper-alone-is-of-the-host": {"/data/agents/busybox-helper true", []uint32{9}},
	} {
		t.Run(name, func(t *testing.T) {
			stop := watch(t)
			out.do(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", c.line}})
			var got []uint32
			var last uint64
			for _, s := range sessionsIn(stop(), bpf.KindSessionStart) {
				got = append(got, s.Head.Agent)
				if s.Parent != last {
					t.Errorf("session of agent %d has parent %d, want %d", s.Head.Agent, s.Parent, last)
				}
				last = s.Head.Session
			}
			if !slices.Equal(got, c.agent) {
				t.Errorf("sessions of agents %v, want %v", got, c.agent)
			}
		})
	}
}

func TestScriptCanBeAnAgent(t *testing.T) {
	script(t, "/data/agents/script", "#!/bin/sh\nexit 0\n")
	policy(t, "", enforce.Agent{ID: 11, Exec: []string{"/data/agents/script"}})
	out := start(t)
	out.do(act{Do: "noop"})
	stop := watch(t)
	out.want(act{Do: "exec", Path: "/data/agents/script", Argv: []string{"script"}}, 0)
	if starts := sessionsIn(stop(), bpf.KindSessionStart); len(starts) != 1 || starts[0].Head.Agent != 11 {
		t.Errorf("sessions that began: %+v, want one of agent 11", starts)
	}
}

// An agent's exec that fails after its check must not make the next program of that task a session.
func TestFailedExecLeavesNothing(t *testing.T) {
	script(t, "/data/agents/broken", "no program at all")
	policy(t, "", enforce.Agent{ID: 12, Exec: []string{"/data/agents/broken"}})
	out := start(t)
	out.do(act{Do: "noop"})
	stop := watch(t)
	// The shell tries the file, is told ENOEXEC, and executes the second one in the same process.
	r := out.do(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", "exec env -i /data/agents/broken || exec true"}})
	if starts := sessionsIn(stop(), bpf.KindSessionStart); len(starts) != 0 {
		t.Errorf("%+v: sessions that began: %+v", r, starts)
	}
}

func TestAppletIsNoSession(t *testing.T) {
	agents(t)
	policy(t, "", testAgents...)
	must(t, kernel.SetApplet(7, "true"))
	out := start(t)
	out.do(act{Do: "noop"})
	for argv0, want := range map[string]int{"true": 1, "truer": 2, "/bin/true": 2} {
		stop := watch(t)
		out.do(act{Do: "exec", Path: "/data/agents/busybox-alpha", Argv: []string{"sh", "-c",
			"(exec -a " + argv0 + " /data/agents/busybox-alpha); exit 0"}})
		if got := len(sessionsIn(stop(), bpf.KindSessionStart)); got != want {
			t.Errorf("as %s: %d sessions, want %d", argv0, got, want)
		}
	}
}

func TestReadingMarksTheSession(t *testing.T) {
	files(t)
	policy(t, `
[[rule]]
id = "mark"
on = ["file.read"]
match = ["/data/secret/**"]
action = "audit"
taint = "secret"
[[rule]]
id = "after"
on = ["file.write"]
match = ["/data/free/**"]
when = { taint = ["secret"] }
action = "deny"
`)
	in := session(t)
	in.want(act{Do: "open", Path: "/data/free/file", Flags: unix.O_WRONLY}, 0)
	in.want(act{Do: "open", Path: "/data/secret/key", Flags: unix.O_RDONLY}, 0)
	in.want(act{Do: "open", Path: "/data/free/file", Flags: unix.O_WRONLY}, unix.EACCES)
	in.want(act{Do: "thread", Path: "/data/free/file", Flags: unix.O_WRONLY}, unix.EACCES)
	other := session(t)
	other.want(act{Do: "open", Path: "/data/free/file", Flags: unix.O_WRONLY}, 0)
}

func TestSessionReachesWhatItStarts(t *testing.T) {
	policy(t, secretPolicy)
	in, out := session(t), start(t)
	out.do(act{Do: "noop"})
	for name, line := range map[string]string{
		"child":      "cat /data/secret/key",
		"grandchild": "sh -c 'cat /data/secret/key'",
		"subshell":   "(cat /data/secret/key)",
	} {
		a := act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", line}}
		files(t)
		if r := out.do(a); r.Errno != 0 || r.Status != 0 {
			t.Errorf("%s: the control outside could not read: %+v", name, r)
		}
		unlessLeftOut(t, func() bool {
			r := in.do(a)
			if r.Errno == 0 && r.Status == 1 {
				return true
			}
			t.Logf("%s: %+v", name, r)
			return false
		})
	}
}

// Nor does it help to have no parent in the session any more. What such a process did it leaves in marks, before its try and after it.
func TestSessionReachesWhatItLeaves(t *testing.T) {
	policy(t, secretPolicy)
	in, out := session(t), start(t)
	out.do(act{Do: "noop"})
	const try = "touch /data/ready; while ! test -e /data/go; do sleep 0.1; done; cat /data/secret/key > /data/leak; echo $? > /data/code; mv /data/code /data/done"
	twice := func(p *process) (leaked bool) {
		files(t)
		for _, mark := range []string{"leak", "code", "done"} {
			must(t, os.RemoveAll("/data/"+mark))
		}
		if r := p.do(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", "(setsid sh -c '" + try + "' &) &"}}); r.Errno != 0 || r.Status != 0 {
			t.Fatalf("it does not start: %+v", r)
		}
		waitFor(t, "/data/ready") // its parents are gone, or go
		must(t, touch("/data/go"))
		waitFor(t, "/data/done")
		code, err := os.ReadFile("/data/done")
		must(t, err)
		text, err := os.ReadFile("/data/leak")
		must(t, err)
		if leaked = len(text) > 0; leaked != (string(code) == "0\n") {
			t.Errorf("it read %q, and its code was %q", text, code)
		}
		return leaked
	}
	if !twice(out) {
		t.Error("the control outside could not read")
	}
	leaked := false
	unlessLeftOut(t, func() bool { leaked = twice(in); return !leaked })
	if leaked {
		t.Error("it read what policy denies")
	}
}

func TestSessionEndsWithItsLastTask(t *testing.T) {
	policy(t, "")
	p := start(t)
	p.do(act{Do: "noop"})
	slot, err := kernel.Adopt(context.Background(), sensor.Adoption{PID: p.pid(), UID: 4711})
	must(t, err)
	if s := slotOf(t, slot); s == nil || s.Uid != 4711 || s.Tasks < 2 {
		t.Fatalf("the session has not all threads of the process: %+v", s)
	}
	must(t, p.cmd.Process.Kill())
	p.cmd.Wait()
	ends(t, slot)
}

func slotOf(t *testing.T, slot uint32) *sensor.Slot {
	t.Helper()
	slots, err := kernel.Sessions()
	must(t, err)
	i := slices.IndexFunc(slots, func(s sensor.Slot) bool { return s.Number == slot })
	if i < 0 {
		return nil
	}
	return &slots[i]
}

func TestObserveRefusesNothing(t *testing.T) {
	files(t)
	policy(t, `
[[role]]
name = "default"
mode = "observe"
`+secretPolicy)
	in := session(t)
	stop := watch(t)
	in.want(act{Do: "open", Path: "/data/secret/key"}, 0)
	for _, r := range stop() {
		if bpf.EventKind(r.Kind) == bpf.KindAccess && r.object() == "/data/secret/key" {
			if r.Action != uint8(bpf.ActionDeny) || r.Flags&uint16(bpf.EventApplied) != 0 || r.Error != 0 {
				t.Errorf("recorded %+v, want a deny that was not applied", r.EventHeader)
			}
			return
		}
	}
	t.Error("the open was not recorded")
}

func TestRefusalIsRecorded(t *testing.T) {
	files(t)
	im := policy(t, secretPolicy)
	in := session(t)
	stop := watch(t)
	in.want(act{Do: "open", Path: "/data/secret/key"}, unix.EACCES)
	for _, r := range stop() {
		if r.Pid == in.pid() && bpf.EventKind(r.Kind) == bpf.KindAccess && r.Action == uint8(bpf.ActionDeny) {
			if r.object() != "/data/secret/key" || r.Policy != im.Generation || r.Error != -int32(unix.EACCES) {
				t.Errorf("recorded %+v of %s", r.EventHeader, r.object())
			}
			return
		}
	}
	t.Error("the refusal was not recorded")
}
