// SPDX-License-Identifier: Apache-2.0

package live

// Sessions that are contained: frozen, and with every operation switched off.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

// freezer is the one of this machine, whose cgroup v2 may have to be mounted first.
func freezer(t *testing.T) *sensor.Freezer { t.Helper(); return freezerOf(t, kernel) }

func freezerOf(t *testing.T, m sensor.Members) *sensor.Freezer {
	t.Helper()
	f, err := sensor.NewFreezer(m)
	if errors.Is(err, sensor.ErrNoFreezer) {
		mount := t.TempDir()
		must(t, unix.Mount("none", mount, "cgroup2", 0, ""))
		t.Cleanup(func() { _ = unix.Unmount(mount, unix.MNT_DETACH) })
		f, err = sensor.NewFreezer(m)
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

// mayFork refuses nobody anything.
func mayFork() error { return nil }

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
	moved, err := f.Freeze(ctx, ids, mayFork)
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

// writers begins three below an actor that end with the test, each of which writes a byte to its file in each of its rounds:
// one does nothing else, one reckons, one forks.
func writers(t *testing.T, p *process, dir string) (files map[int]string) {
	t.Helper()
	p.want(act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", `cd $1
		while :; do echo; done > plain & echo $! > pids
		while :; do for i in 1 2 3 4 5 6 7 8 9; do :; done; echo; done > reckons & echo $! >> pids
		while :; do (:); echo; done > forks & echo $! >> pids
		: > begun`, "sh", dir}}, 0)
	waitFor(t, dir+"/begun")
	raw, err := os.ReadFile(dir + "/pids")
	must(t, err)
	files = map[int]string{}
	for i, word := range strings.Fields(string(raw)) {
		pid, err := strconv.Atoi(word)
		must(t, err)
		t.Cleanup(func() { _ = unix.Kill(pid, unix.SIGKILL) })
		files[pid] = dir + "/" + []string{"plain", "reckons", "forks"}[i]
		waitFor(t, files[pid])
		becomes(t, func() bool { return size(t, files[pid]) > 3 })
	}
	return files
}

// observer is asked whose a process is, right before it is moved to the frozen group, and notes then how far each of those that
// are there already has come.
type observer struct {
	sensor.Members
	t     *testing.T
	files map[int]string
	had   map[string]int64
}

func (o *observer) TaskSession(fd int) (sensor.Slot, bool, error) {
	for pid, file := range o.files {
		if o.had[file] == 0 && inFrozenGroup(o.t, pid) {
			o.had[file] = size(o.t, file)
		}
	}
	return o.Members.TaskSession(fd)
}

func inFrozenGroup(t *testing.T, pid int) bool {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	must(t, err)
	return strings.Contains(string(raw), "0::/reeve/")
}

// foremost makes this thread run before all others on their processor, so that nothing of theirs goes on between two of its steps.
func foremost(t *testing.T, others map[int]string) {
	t.Helper()
	var one unix.CPUSet
	one.Set(0)
	for pid := range others {
		must(t, unix.SchedSetaffinity(pid, &one))
	}
	runtime.LockOSThread() // never unlocked, so that the thread ends with the test
	must(t, unix.SchedSetaffinity(0, &one))
	must(t, unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0))
	must(t, os.WriteFile("/proc/sys/kernel/sched_rt_runtime_us", []byte("-1"), 0))
}

// Who is frozen goes no further than to the end of the call that it is in: a loop does not come round once more. How often it
// is given a processor until then cannot be counted, for what preempts it in the kernel divides its turn; and where the kernel
// preempts itself, a loop may come round between the look at it and the freeze. When Freeze says that all stand still, they do.
func TestFrozenLoopsDoNotComeRoundAgain(t *testing.T) {
	files(t)
	policy(t, secretPolicy)
	in := memberOf(t, 0)
	written := writers(t, in.process, t.TempDir())
	saw := &observer{Members: kernel, t: t, files: written, had: map[string]int64{}}
	f, ids := freezerOf(t, saw), map[uint64]bool{in.slot.Id: true}
	t.Cleanup(func() { _, _ = f.Thaw(ids) })
	foremost(t, written)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := f.Freeze(ctx, ids, mayFork)
	must(t, err)
	still := map[string]int64{}
	for file := range saw.had {
		still[file] = size(t, file)
	}
	if time.Sleep(time.Second); len(saw.had) != 3 {
		t.Errorf("seen at their freezing: %v, want three", saw.had)
	}
	for file, had := range saw.had {
		now := size(t, file)
		if now != still[file] {
			t.Errorf("%s had %d bytes when all stood still, and has %d", file, still[file], now)
		}
		if now > had+1 && !sensor.Preempts() {
			t.Errorf("%s had %d bytes when its writer was frozen, and has %d", file, had, now)
		}
	}
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
