// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

const reliefPolicy = `
[[role]]
name = "engineering"
` + secretPolicy + `
[[rule]]
id = "line"
on = ["exec.argv"]
match = ["busybox forbidden*"]
action = "kill"
`

// reliefTime is how long the glass stays broken in these tests.
const reliefTime = 2 * time.Second

// member is an actor in a session of a role, with the slot that the kernel has of it.
type member struct {
	*process
	slot sensor.Slot
}

func memberOf(t *testing.T, role uint32) member {
	t.Helper()
	p := start(t)
	p.do(act{Do: "noop"})
	number, err := kernel.Adopt(context.Background(), sensor.Adoption{PID: p.pid(), Role: role})
	must(t, err)
	s := slotOf(t, number)
	if s == nil || s.Role != role {
		t.Fatalf("no session in role %d: %+v", role, s)
	}
	return member{p, *s}
}

func (m member) change(c bpf.Change) {
	m.t.Helper()
	c.Slot, c.Generation, c.Role = m.slot.Number, m.slot.Generation, bpf.KeepRole
	must(m.t, kernel.Change(c))
}

var (
	secret    = act{Do: "open", Path: "/data/secret/key"}
	forbidden = act{Do: "exec", Path: "/bin/busybox", Argv: []string{"busybox", "forbidden"}}
)

// reliefs are the three ways to relieve a session of role 1, and how each is ended by hand.
var reliefs = map[string]func(member, uint64) error{
	"host":    func(_ member, until uint64) error { return kernel.SetRelief(bpf.ReliefHost, until) },
	"role":    func(_ member, until uint64) error { return kernel.SetRelief(bpf.ReliefRole+1, until) },
	"session": func(m member, until uint64) error { m.change(bpf.Change{Relief: max(until, 1)}); return nil },
}

// passed waits until a moment of the kernel's clock is over.
func passed(until uint64) {
	for procfs.SinceBoot() <= until {
		time.Sleep(10 * time.Millisecond)
	}
}

func TestReliefEndsByItself(t *testing.T) {
	files(t)
	policy(t, reliefPolicy)
	for name, relieve := range reliefs {
		in := memberOf(t, 1)
		in.want(secret, unix.EACCES)
		stop := watch(t)
		until := procfs.SinceBoot() + uint64(reliefTime)
		must(t, relieve(in, until))
		in.want(secret, 0)
		in.want(act{Do: "thread", Path: secret.Path}, 0)
		if r := in.do(forbidden); r.Signal != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		wantRelieved(t, name, stop())
		passed(until)
		in.want(secret, unix.EACCES)
		if r := in.do(forbidden); r.Signal != unix.SIGKILL {
			t.Errorf("%s, over: %+v", name, r)
		}
	}
}

// wantRelieved checks what was recorded of what passed.
func wantRelieved(t *testing.T, name string, records []record) {
	t.Helper()
	seen := map[bpf.Op]int{}
	for _, r := range records {
		if r.Action > uint8(bpf.ActionAsk) {
			continue
		}
		seen[bpf.Op(r.Op)]++
		if r.Flags&uint16(bpf.EventRelief) == 0 || r.Flags&uint16(bpf.EventApplied) != 0 || r.Error != 0 {
			t.Errorf("%s: recorded %+v", name, r.EventHeader)
		}
	}
	if seen[bpf.OpFileRead] != 2 || seen[bpf.OpExecArgv] != 1 {
		t.Errorf("%s: recorded %v", name, seen)
	}
}

func TestReliefIsEndedByHand(t *testing.T) {
	files(t)
	policy(t, reliefPolicy)
	for name, relieve := range reliefs {
		in := memberOf(t, 1)
		must(t, relieve(in, procfs.SinceBoot()+uint64(time.Hour)))
		in.want(secret, 0)
		must(t, relieve(in, 0))
		in.want(secret, unix.EACCES)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestReliefIsNobodyElses(t *testing.T) {
	files(t)
	policy(t, reliefPolicy)
	in, colleague, other := memberOf(t, 1), memberOf(t, 1), memberOf(t, 0)
	until := procfs.SinceBoot() + uint64(time.Hour)
	must(t, reliefs["session"](in, until))
	in.want(secret, 0)
	colleague.want(secret, unix.EACCES)
	must(t, reliefs["role"](in, until))
	colleague.want(secret, 0)
	other.want(secret, unix.EACCES)
	must(t, reliefs["role"](in, 0))
	colleague.want(secret, unix.EACCES)
}

func TestReliefReachesChildSessions(t *testing.T) {
	files(t)
	agents(t)
	policy(t, reliefPolicy, testAgents...)
	in := memberOf(t, 1)
	child := act{Do: "exec", Path: "/data/agents/busybox-alpha", Argv: []string{"cat", secret.Path}}
	stop := watch(t)
	if r := in.do(child); r.Status == 0 {
		t.Error("a child session read what policy denies")
	}
	until := procfs.SinceBoot() + uint64(time.Hour)
	must(t, reliefs["session"](in, until))
	if r := in.do(child); r.Status != 0 {
		t.Errorf("a child session is not relieved: %+v", r)
	}
	if starts := sessionsIn(stop(), bpf.KindSessionStart); len(starts) != 2 || starts[1].Parent != in.slot.Id {
		t.Errorf("sessions that began: %+v", starts)
	}
}

// What a switch of the session refuses stays refused, and the record says that it was the switch.
func TestReliefLiftsNoSwitch(t *testing.T) {
	files(t)
	policy(t, reliefPolicy)
	free := act{Do: "open", Path: "/data/free/file"}
	for name, relieve := range reliefs {
		in := memberOf(t, 1)
		in.change(bpf.Change{DeniedSet: 1 << bpf.OpFileRead})
		must(t, relieve(in, procfs.SinceBoot()+uint64(time.Hour)))
		stop := watch(t)
		in.want(free, unix.EACCES)
		in.want(secret, unix.EACCES)
		refused := 0
		for _, r := range stop() {
			if bpf.Op(r.Op) != bpf.OpFileRead || r.Pid != in.pid() {
				continue
			}
			refused++
			if want := uint16(bpf.EventSwitch | bpf.EventApplied); r.Flags&(want|uint16(bpf.EventRelief)) != want {
				t.Errorf("%s: recorded %+v", name, r.EventHeader)
			}
		}
		if refused != 2 {
			t.Errorf("%s: %d refusals recorded", name, refused)
		}
		in.change(bpf.Change{DeniedClear: 1 << bpf.OpFileRead})
		in.want(secret, 0)
		must(t, relieve(in, 0))
		in.want(secret, unix.EACCES)
	}
}

func TestReliefsAreRead(t *testing.T) {
	must(t, kernel.SetRelief(bpf.ReliefRole+uint32(bpf.RolesMax)-1, 77))
	got, err := kernel.Reliefs()
	must(t, err)
	if got[bpf.ReliefRole+uint32(bpf.RolesMax)-1] != 77 {
		t.Errorf("%v", got)
	}
	must(t, kernel.SetRelief(bpf.ReliefRole+uint32(bpf.RolesMax)-1, 0))
	if kernel.SetRelief(bpf.ReliefRole+uint32(bpf.RolesMax), 77) == nil {
		t.Error("a role that there cannot be")
	}
}
