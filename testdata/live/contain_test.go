// SPDX-License-Identifier: Apache-2.0

package live

// Sessions that are contained: frozen, and with every operation switched off.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// turns are how often each thread of a process was given a processor.
func turns(t *testing.T, pid int) map[string]int {
	t.Helper()
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	must(t, err)
	all := map[string]int{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		all[name], err = strconv.Atoi(strings.Fields(string(raw))[2])
		must(t, err)
	}
	return all
}

// observer is asked whose a process is, right before it is moved to the frozen group, and notes of the one before it how often its
// threads had been given a processor when it was there.
type observer struct {
	sensor.Members
	t    *testing.T
	last int
	had  map[string]int
}

func (o *observer) TaskSession(fd int) (sensor.Slot, bool, error) {
	o.note()
	slot, ok, err := o.Members.TaskSession(fd)
	o.last = 0
	raw, failed := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
	must(o.t, failed)
	if _, pid, found := strings.Cut(string(raw), "\nPid:"); found && ok && err == nil {
		o.last, _ = strconv.Atoi(strings.Fields(pid)[0])
	}
	return slot, ok, err
}

func (o *observer) note() {
	for name, n := range turns(o.t, o.last) {
		if _, known := o.had[name]; !known {
			o.had[name] = n
		}
	}
}

// foremost makes this thread the only one that runs, until it waits: all processes get its processor, which it takes before them.
func foremost(t *testing.T, pids []int) {
	t.Helper()
	var one unix.CPUSet
	one.Set(0)
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		must(t, err)
		for _, task := range tasks {
			tid, err := strconv.Atoi(filepath.Base(task))
			must(t, err)
			must(t, unix.SchedSetaffinity(tid, &one))
		}
	}
	runtime.LockOSThread() // never unlocked, so that the thread ends with the test
	must(t, unix.SchedSetaffinity(0, &one))
	must(t, unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0))
	must(t, os.WriteFile("/proc/sys/kernel/sched_rt_runtime_us", []byte("-1"), 0))
}

// A thread that was frozen is given a processor once more at most, to see that it is to stop where it would go on by itself; from when
// all are said to have stopped, not at all. A fork is finished first, and waits in the kernel for whoever is moved just then.
func TestFrozenThreadsRunOnceMoreAtMost(t *testing.T) {
	files(t)
	policy(t, secretPolicy)
	file := t.TempDir() + "/in"
	in := memberOf(t, 0)
	loops(t, in.process, file)
	raw, err := os.ReadFile(file + ".pids")
	must(t, err)
	pids := []int{int(in.pid())}
	for word := range strings.FieldsSeq(string(raw)) {
		n, err := strconv.Atoi(word)
		must(t, err)
		pids = append(pids, n)
	}
	saw := &observer{Members: kernel, t: t, had: map[string]int{}}
	f, ids := freezerOf(t, saw), map[uint64]bool{in.slot.Id: true}
	t.Cleanup(func() { _, _ = f.Thaw(ids) })
	foremost(t, pids)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err = f.Freeze(ctx, ids)
	must(t, err)
	stopped := map[string]int{}
	for i, pid := range pids {
		forks := i == len(pids)-1
		for name, n := range turns(t, pid) {
			had, known := saw.had[name]
			if stopped[name] = n; !known || n > had+1 && !forks {
				t.Errorf("%s: was given a processor %d times, and %d until it was frozen (seen: %t)", name, n, had, known)
			}
		}
	}
	if t.Logf("%d threads of %d processes", len(stopped), len(pids)); len(stopped) < 8 {
		t.Error("want the actor's threads and its three loops")
	}
	time.Sleep(time.Second)
	for _, pid := range pids {
		for name, n := range turns(t, pid) {
			if n != stopped[name] {
				t.Errorf("%s: was given a processor %d times, and %d when it had stopped", name, n, stopped[name])
			}
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
