// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/testdata/need"
)

// kin are processes and all that descend from them.
type kin map[int]uint64

func (k kin) TaskSession(pidfd int) (Slot, bool, error) {
	raw, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
	if err != nil {
		return Slot{}, false, err
	}
	_, after, _ := bytes.Cut(raw, []byte("\nPid:"))
	pid, _ := strconv.Atoi(string(bytes.Fields(after)[0]))
	for ; pid > 1; pid = parentOf(pid) {
		if id, ok := k[pid]; ok {
			return members{pid: id}.of(pid)
		}
	}
	return Slot{}, false, nil
}

func (m members) of(pid int) (Slot, bool, error) {
	var s Slot
	s.Id = m[pid]
	return s, true, nil
}

func parentOf(pid int) int {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// newFreezer is a freezer over processes that descend from those of the test.
func newFreezer(t *testing.T, k kin) *Freezer {
	t.Helper()
	f, err := NewFreezer(k)
	if errors.Is(err, ErrNoFreezer) {
		mount := t.TempDir()
		if err := unix.Mount("none", mount, "cgroup2", 0, ""); err != nil {
			need.Missing(t, need.BPF, "no cgroup v2:", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(mount, unix.MNT_DETACH) })
		f, err = NewFreezer(k)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.top = "/reeve-test-" + strconv.Itoa(os.Getpid()) // a daemon may be at work on this host
	if err := os.MkdirAll(filepath.Join(f.mount, f.top), 0o755); err != nil {
		need.Missing(t, need.BPF, "no control group can be made:", err)
	}
	t.Cleanup(func() { _ = os.Remove(filepath.Join(f.mount, f.top)) })
	return f
}

// count is how far the loops of a folder have come, together.
func count(t *testing.T, dir string) int {
	t.Helper()
	files, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum += len(raw)
	}
	return sum
}

// loops starts a shell whose children write without end, each to a file of its own, while it goes on forking.
func loops(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `for i in 1 2 3; do while :; do echo; done > `+dir+`/$i & done; while :; do (: & wait); echo; done > `+dir+`/forks`)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if files, _ := filepath.Glob(dir + "/*"); len(files) == 4 && count(t, dir) > 4 {
			return cmd
		}
		if time.Now().After(deadline) {
			t.Fatal("the loops do not begin")
		}
	}
}

// mayFork refuses nobody anything.
func mayFork() error { return nil }

func TestFrozenSessionsStandStillAndGoOn(t *testing.T) {
	frozen, other := t.TempDir(), t.TempDir()
	one, two := loops(t, frozen), loops(t, other)
	f := newFreezer(t, kin{one.Process.Pid: 900007, two.Process.Pid: 900008})
	at, err := f.groupOf(one.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[uint64]bool{900007: true}
	t.Cleanup(func() { _, _ = f.Thaw(ids) })
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	before := 0
	moved, err := f.Freeze(ctx, ids, func() error { before = count(t, frozen); return nil })
	if err != nil || moved < 4 || before == 0 {
		t.Fatalf("%d processes, %v; %d lines when forks were to be refused", moved, err, before)
	}
	others := count(t, other)
	for count(t, other) < others+1000 { // those of another session go on
		time.Sleep(time.Millisecond)
	}
	if now := count(t, frozen); now != before {
		t.Errorf("loops wrote %d lines more after forks were to be refused", now-before)
	}
	if moved, err := f.Freeze(ctx, ids, mayFork); err != nil || moved != 0 {
		t.Errorf("once more: %d processes, %v", moved, err)
	}

	// Another freezer, of the daemon that comes after, lets them go on.
	g := newFreezer(t, f.members.(kin))
	if err := g.Clean(map[uint64]bool{900007: true}); err != nil || count(t, frozen) != before {
		t.Errorf("cleaning: %v", err)
	}
	if freed, err := g.Thaw(ids); err != nil || freed < 4 {
		t.Errorf("thawed %d processes, %v", freed, err)
	}
	for deadline := time.Now().Add(20 * time.Second); count(t, frozen) == before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("thawed loops do not go on")
		}
	}
	if now, err := f.groupOf(one.Process.Pid); err != nil || now != at {
		t.Errorf("back in %q, was in %q: %v", now, at, err)
	}
	if _, err := os.Stat(f.group(900007)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its control group is still there: %v", err)
	}
}

// A release leaves nothing frozen behind, and no control group: nobody is there who knows the sessions.
func TestReleaseLeavesNothingFrozen(t *testing.T) {
	dir := t.TempDir()
	one := loops(t, dir)
	f := newFreezer(t, kin{one.Process.Pid: 900010})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := f.Freeze(ctx, map[uint64]bool{900010: true}, mayFork); err != nil {
		t.Fatal(err)
	}
	before := count(t, dir)
	g := newFreezer(t, nil) // of a release, which knows no session
	if err := g.dissolve(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); count(t, dir) == before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what was frozen does not go on")
		}
	}
	if _, err := os.Stat(filepath.Join(f.mount, f.top)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its control group is still there: %v", err)
	}
	if err := g.dissolve(); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func TestFrozenSessionsCanBeKilled(t *testing.T) {
	dir := t.TempDir()
	one := loops(t, dir)
	f := newFreezer(t, kin{one.Process.Pid: 900009})
	ids := map[uint64]bool{900009: true}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := f.Freeze(ctx, ids, mayFork); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(-one.Process.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := one.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("%v", err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := f.Clean(nil)
		if _, stat := os.Stat(f.group(900009)); errors.Is(stat, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the group of a session that was killed stays: %v", err)
		}
	}
}
