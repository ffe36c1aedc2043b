// SPDX-License-Identifier: Apache-2.0

package live

// Who forks and ends, again and again, has a new number whenever somebody looks: it is killed and frozen all the same, for nothing
// is born in its session meanwhile.

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

// hopper begins a session in which somebody hops, and somebody who does outside of it; both write to their files as they go, and end
// with them.
func hopper(t *testing.T) (in member, inside, outside string) {
	t.Helper()
	files(t)
	policy(t, secretPolicy)
	inside, outside = t.TempDir()+"/hops", t.TempDir()+"/hops"
	in = memberOf(t, 0)
	for file, p := range map[string]*process{inside: in.process, outside: start(t)} {
		p.want(act{Do: "hop", Path: file}, 0)
		becomes(t, func() bool { return size(t, file) > 10 })
	}
	return in, inside, outside
}

// stands checks that the session's hopper does not go on, while another one does.
func stands(t *testing.T, inside, outside string) {
	t.Helper()
	before, others := size(t, inside), size(t, outside)
	becomes(t, func() bool { return size(t, outside) > others+20 })
	if now := size(t, inside); now != before {
		t.Errorf("the session came %d hops further", now-before)
	}
}

func TestWhoHopsIsKilled(t *testing.T) {
	in, inside, outside := hopper(t)
	in.change(bpf.Change{SwitchesSet: uint32(bpf.SwitchKill), DeniedSet: 1<<bpf.Ops - 1})
	killed, err := sensor.KillSessions(t.Context(), kernel, map[uint64]bool{in.slot.Id: true})
	must(t, err)
	if killed < 2 {
		t.Errorf("killed %d, want the actor and who hops", killed)
	}
	stands(t, inside, outside)
	ends(t, in.slot.Number)
}

func TestForkIsRefusedAsWhereThereAreTooMany(t *testing.T) {
	files(t)
	policy(t, secretPolicy)
	in := memberOf(t, 0)
	fork := act{Do: "forked", To: "open", Path: "/data/free/file"}
	in.want(fork, 0)
	in.change(bpf.Change{SwitchesSet: uint32(bpf.SwitchNoFork)})
	in.want(fork, unix.EAGAIN)
	in.want(act{Do: "thread", Path: "/data/free/file"}, 0)
	in.change(bpf.Change{SwitchesClear: uint32(bpf.SwitchNoFork)})
	in.want(fork, 0)
}

func TestWhoHopsIsFrozenAndGoesOn(t *testing.T) {
	in, inside, outside := hopper(t)
	f, ids := freezer(t), map[uint64]bool{in.slot.Id: true}
	t.Cleanup(func() { _, _ = f.Thaw(ids) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	moved, err := f.Freeze(ctx, ids, func() error {
		in.change(bpf.Change{SwitchesSet: uint32(bpf.SwitchNoFork)})
		return nil
	})
	must(t, err)
	if moved < 2 {
		t.Errorf("froze %d, want the actor and who hops", moved)
	}
	stands(t, inside, outside)
	before := size(t, inside)
	in.change(bpf.Change{SwitchesClear: ^uint32(0)})
	_, err = f.Thaw(ids)
	must(t, err)
	becomes(t, func() bool { return size(t, inside) > before+10 })
}
