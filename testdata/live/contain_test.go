// SPDX-License-Identifier: Apache-2.0

package live

// Sessions that are contained: frozen, and with every operation switched off.

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

// freezer is the one of this machine, whose cgroup v2 may have to be mounted first.
func freezer(t *testing.T) *sensor.Freezer {
	t.Helper()
	f, err := sensor.NewFreezer(kernel)
	if errors.Is(err, sensor.ErrNoFreezer) {
		mount := t.TempDir()
		must(t, unix.Mount("none", mount, "cgroup2", 0, ""))
		t.Cleanup(func() { _ = unix.Unmount(mount, unix.MNT_DETACH) })
		f, err = sensor.NewFreezer(kernel)
	}
	must(t, err)
	return f
}

// size is how much was written to a file.
func size(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	must(t, err)
	return info.Size()
}

// loops begins three below an actor that end with the test: one writes to a file.
func loops(t *testing.T, p *process, file string) {
	t.Helper()
	t.Cleanup(func() {
		raw, err := os.ReadFile(file + ".pids")
		must(t, err)
		for pid := range strings.FieldsSeq(string(raw)) {
			n, err := strconv.Atoi(pid)
			must(t, err)
			_ = unix.Kill(n, unix.SIGKILL)
		}
	})
	p.want(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", `file=$1
		while :; do :; done & echo $! > $file.pids
		while :; do echo; done > $file & echo $! >> $file.pids
		while :; do (:); done & echo $! >> $file.pids`, "sh", file}}, 0)
	waitFor(t, file)
}

// Loops that call the kernel, do not, and fork: what the kernel's own task state says is the session stops, nobody else.
func TestFrozenSessionStopsWhereItIs(t *testing.T) {
	files(t)
	policy(t, secretPolicy)
	dir := t.TempDir()
	in, out := memberOf(t, 0), start(t)
	for name, p := range map[string]*process{"in": in.process, "out": out} {
		loops(t, p, dir+"/"+name)
	}
	f, ids := freezer(t), map[uint64]bool{in.slot.Id: true}
	t.Cleanup(func() {
		_, _ = f.Thaw(ids)
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	moved, err := f.Freeze(ctx, ids)
	must(t, err)
	if moved < 4 {
		t.Errorf("%d processes were frozen, want the actor and its three loops", moved)
	}
	before, others := size(t, dir+"/in"), size(t, dir+"/out")
	becomes(t, func() bool { return size(t, dir+"/out") > others+100 })
	if now := size(t, dir+"/in"); now != before {
		t.Errorf("the session wrote %d bytes more", now-before)
	}
	freed, err := f.Thaw(ids)
	must(t, err)
	if freed < 4 {
		t.Errorf("%d processes went on", freed)
	}
	becomes(t, func() bool { return size(t, dir+"/in") > before })
	in.want(secret, unix.EACCES)
	must(t, f.Clean(nil))
}

// One change of the session binds all of its threads at their next act.
func TestDeniedSessionCanDoNothing(t *testing.T) {
	files(t)
	policy(t, secretPolicy)
	in := memberOf(t, 0)
	free := act{Do: "open", Path: "/data/free/file"}
	in.want(free, 0)
	in.change(bpf.Change{SwitchesSet: uint32(bpf.SwitchDenyAll), DeniedSet: 1<<bpf.Ops - 1})
	in.want(free, unix.EACCES)
	in.want(act{Do: "thread", Path: free.Path}, unix.EACCES)
	in.change(bpf.Change{SwitchesClear: ^uint32(0), DeniedClear: 1<<bpf.Ops - 1})
	in.want(free, 0)
}
