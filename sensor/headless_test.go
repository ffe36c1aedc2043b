// SPDX-License-Identifier: Apache-2.0

// A process whose first thread has ended goes on in others, and /proc says of it what it says of one that has ended: state Z, no
// program, the control group of then. Who answers a session reaches it all the same.

package sensor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// headlessFile names the file that a process without its first thread writes to, without end.
const headlessFile = "REEVE_TEST_HEADLESS"

// The first thread is the one that initialises.
func init() {
	name := os.Getenv(headlessFile)
	if name == "" {
		return
	}
	debug.SetGCPercent(-1) // a collection would wait for the thread that ends
	go func() {
		f, err := os.Create(name)
		for err == nil {
			_, err = f.WriteString("\n")
			time.Sleep(time.Millisecond)
		}
		os.Exit(1)
	}()
	_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
}

// headless starts such a process.
func headless(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), headlessFile+"="+dir+"/lines", "GOMAXPROCS=4")
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	waitFor(t, "it goes on without its first thread", func() bool {
		over, _ := taskState(fmt.Sprintf("/proc/%d", cmd.Process.Pid))
		return over && count(t, dir) > 4
	})
	return cmd
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("does not come: %s", what)
		}
	}
}

func TestProcessWithoutItsFirstThreadIsKilled(t *testing.T) {
	cmd := headless(t, t.TempDir())
	if dying(cmd.Process.Pid) {
		t.Error("it is taken for one that has ended")
	}
	killed, err := KillSessions(context.Background(), members{cmd.Process.Pid: 900011}, map[uint64]bool{900011: true})
	if err != nil || killed < 1 { // once more where it takes longer to end than a pass waits
		t.Fatalf("killed %d, %v", killed, err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("it ended by %v", err)
	}
}

func TestProcessWithoutItsFirstThreadIsFrozenAndGoesOn(t *testing.T) {
	dir := t.TempDir()
	cmd := headless(t, dir)
	f := newFreezer(t, kin{cmd.Process.Pid: 900012})
	ids := map[uint64]bool{900012: true}
	t.Cleanup(func() { _, _ = f.Thaw(ids) })
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	at, err := f.groupOf(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if moved, err := f.Freeze(ctx, ids, mayFork); err != nil || moved != 1 {
		t.Fatalf("%d processes, %v", moved, err)
	}
	before := count(t, dir)
	time.Sleep(100 * time.Millisecond)
	if now := count(t, dir); now != before {
		t.Errorf("it wrote %d lines while it was frozen", now-before)
	}
	if freed, err := f.Thaw(ids); err != nil || freed != 1 {
		t.Errorf("thawed %d processes, %v", freed, err)
	}
	waitFor(t, "what was thawed goes on", func() bool { return count(t, dir) > before })
	if now, err := f.groupOf(cmd.Process.Pid); err != nil || now != at {
		t.Errorf("back in %q, was in %q: %v", now, at, err)
	}
	if _, err := os.Stat(f.group(900012)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its control group is still there: %v", err)
	}
}
