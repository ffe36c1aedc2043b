// SPDX-License-Identifier: Apache-2.0

package live

// A session that begins inside of another one is never looser than that one.

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
)

const (
	plain  = "/data/agents/busybox-alpha"
	editor = "/data/agents/busybox-editor"
	quiet  = "/data/agents/busybox-quiet"
)

// observers are beside an ordinary agent: an editor in whose terminals a person works, and an agent that is watched for now.
func observers(t *testing.T) []enforce.Agent {
	for _, path := range []string{plain, editor, quiet} {
		copyOf(t, path)
	}
	return []enforce.Agent{
		{ID: 7, Exec: []string{plain}},
		{ID: 22, Host: true, Observe: true, Exec: []string{editor}},
		{ID: 23, Observe: true, Exec: []string{quiet}},
	}
}

func TestObservingIsNoWayOut(t *testing.T) {
	files(t)
	policy(t, secretPolicy, observers(t)...)
	out := start(t)
	out.do(act{Do: "noop"})
	const read = "cat /data/secret/key; exit $?"
	for name, c := range map[string]struct {
		line string
		held bool
	}{
		"an-editor":                      {editor + " sh -c '" + read + "'", false},
		"an-editor-in-an-agent":          {plain + " sh -c '" + editor + " cat /data/secret/key; exit $?'", true},
		"an-agent-becomes-an-editor":     {plain + " sh -c 'exec " + editor + " cat /data/secret/key'", true},
		"observed-in-an-agent":           {plain + " sh -c '" + quiet + " cat /data/secret/key; exit $?'", true},
		"an-agent-in-an-editor":          {editor + " sh -c '" + plain + " cat /data/secret/key; exit $?'", true},
		"an-agent-in-an-observed-one":    {quiet + " sh -c '" + plain + " cat /data/secret/key; exit $?'", false},
		"an-editor-in-an-agent-in-it":    {editor + " sh -c '" + plain + " sh -c \"" + editor + " cat /data/secret/key; exit \\$?\"; exit $?'", true},
		"what-follows-in-the-same-agent": {plain + " sh -c '" + editor + " true; " + read + "'", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := out.do(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", c.line}})
			if held := r.Status == 1; held != c.held || r.Status > 1 || r.Signal != 0 {
				t.Errorf("%+v, want held %t", r, c.held)
			}
		})
	}
}

// A session that was made by hand takes an agent's name, not its leave to be watched alone.
func TestClaimedSessionStaysStrict(t *testing.T) {
	files(t)
	policy(t, secretPolicy, observers(t)...)
	cmd := exec.Command("/bin/busybox", "sh", "-c", "read go; exec "+editor+" cat /data/secret/key")
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	slot, err := kernel.Adopt(context.Background(), sensor.Adoption{PID: uint32(cmd.Process.Pid), Flags: bpf.SessionUnclaimed})
	must(t, err)
	stop := watch(t)
	_, err = in.Write([]byte("go\n"))
	must(t, err)
	if err := cmd.Wait(); err == nil {
		t.Error("it reads what policy denies to sessions")
	}
	claims := sessionsIn(stop(), bpf.KindSessionClaim)
	if len(claims) != 1 || claims[0].Head.Agent != 22 || uint32(claims[0].Head.Slot) != slot {
		t.Errorf("claims: %+v", claims)
	}
}

// What a session is when another one begins inside of it: role, taints, operations that it is refused whatever policy says.
func TestChildSessionInheritsHowItIsHeld(t *testing.T) {
	files(t)
	p := policy(t, `
[[role]]
name = "narrow"
[[rule]]
id = "of-the-role"
roles = ["narrow"]
on = ["file.write"]
match = ["/data/free/**"]
action = "deny"
[[rule]]
id = "mark"
on = ["file.read"]
match = ["/data/readonly/**"]
action = "audit"
taint = "seen"
[[rule]]
id = "of-the-taint"
when = { taint = ["seen"] }
on = ["file.read"]
match = ["/data/secret/**"]
action = "deny"
`, observers(t)...)
	must(t, os.WriteFile("/data/free/other", nil, 0o644))
	narrow, ok := p.RoleIndex("narrow")
	if !ok {
		t.Fatal("the policy has no such role")
	}
	for name, c := range map[string]struct {
		role   uint32
		before string // read by the parent
		denied uint64
		line   string
		held   bool
	}{
		"nothing":       {0, "", 0, "cat /data/secret/key && echo > /data/free/file && mv /data/free/other /data/free/moved && mv /data/free/moved /data/free/other", false},
		"a role":        {narrow, "", 0, "echo > /data/free/file", true},
		"a taint":       {0, "/data/readonly/file", 0, "cat /data/secret/key", true},
		"an operation":  {0, "", 1 << bpf.OpFileRename, "mv /data/free/other /data/free/moved", true},
		"not all of it": {narrow, "/data/readonly/file", 0, "cat /data/free/file", false},
	} {
		t.Run(name, func(t *testing.T) {
			in := start(t)
			in.do(act{Do: "noop"})
			slot, err := kernel.Adopt(context.Background(), sensor.Adoption{PID: in.pid(), Role: c.role})
			must(t, err)
			in.adopted = true
			s := slotOf(t, slot)
			must(t, kernel.Change(bpf.Change{Slot: slot, Generation: s.Generation, Role: bpf.KeepRole, DeniedSet: c.denied}))
			if c.before != "" {
				in.want(act{Do: "open", Path: c.before, Flags: unix.O_RDONLY}, 0)
			}
			r := in.do(act{Do: "exec", Path: plain, Argv: []string{"sh", "-c", c.line}})
			if held := r.Status != 0; held != c.held {
				t.Errorf("%+v, want held %t", r, c.held)
			}
		})
	}
}
