// SPDX-License-Identifier: Apache-2.0

// Package need is what becomes of a test that cannot run where it is. What is missing is named, and a name that stands in
// REQUIRE makes its want a failure: a skip can hide nothing there. What a kernel is not made for is no want.
package need

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// What a test can need, as REQUIRE lists it.
const (
	VM         = "vm"         // QEMU, and root to boot it with
	Agents     = "agents"     // the programs of real agents
	Clients    = "clients"    // programs of networks, and their resolvers
	Connectors = "connectors" // MCP servers on the official SDKs
	Backends   = "backends"   // rsyslog and the OpenTelemetry Collector
	BPF        = "bpf"        // root, whose programs load (tracepoints at least) and who may mount, in the first pid namespace
	LSM        = "lsm"        // programs that refuse
)

// Missing skips the test for want of something, which is a failure where REQUIRE names it.
func Missing(t testing.TB, what string, why ...any) {
	t.Helper()
	reason := strings.TrimSuffix(fmt.Sprintln(why...), "\n")
	if slices.Contains(strings.Split(os.Getenv("REQUIRE"), ","), what) {
		t.Fatalf("REQUIRE=%s: %s", what, reason)
	}
	t.Skipf("needs %s: %s", what, reason)
}

// OtherKernel skips a test that means nothing on the kernel at hand, whatever REQUIRE says.
func OtherKernel(t testing.TB, why ...any) {
	t.Helper()
	t.Skip("not for this kernel: " + strings.TrimSuffix(fmt.Sprintln(why...), "\n"))
}

// Root is for tests that give rights away or mount.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, BPF, "not root")
	}
}

// Programs is for tests that load some. It asks for the least that there is, so that what else a test's own programs fail
// for is that test's failure.
func Programs(t testing.TB) {
	t.Helper()
	Root(t)
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.TracePoint, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}})
	if err != nil {
		Missing(t, BPF, "a program of two instructions does not load:", err)
		return
	}
	p.Close()
}

// firstPIDs is include/linux/proc_ns.h:PROC_PID_INIT_INO.
const firstPIDs = "pid:[4026531836]"

// FirstPIDs is for tests that name processes by the kernel's own numbers.
func FirstPIDs(t testing.TB) {
	t.Helper()
	if ns, err := os.Readlink("/proc/self/ns/pid"); err != nil || ns != firstPIDs {
		Missing(t, BPF, "in a pid namespace of its own:", ns, err)
	}
}

// Cgroup makes a control group for one test, below which programs on networks may sit; the machine's root is no test's.
func Cgroup(t testing.TB) string {
	t.Helper()
	Root(t)
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil || len(mounts) == 0 {
		Missing(t, BPF, "no cgroup2 is mounted:", err)
	}
	path, err := os.MkdirTemp(mounts[0].Mountpoint, "reeve-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeCgroup(t, path) })
	return path
}

// removeCgroup waits for processes that are ending: until then the group stays.
func removeCgroup(t testing.TB, path string) {
	var err error
	for range 100 {
		if err = unix.Rmdir(path); !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("removing %s: %v", path, err)
	}
}

const nobody = 65534

// AsNobody has f read files as somebody whom none belongs to: root reads what the mode forbids. It returns when f has.
func AsNobody(t testing.TB, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		var err error
		defer func() { done <- err }()
		runtime.LockOSThread() // and never unlocked: the thread ends with its rights
		if os.Geteuid() == 0 {
			if _, err = unix.SetfsuidRetUid(nobody); err != nil {
				return
			}
		}
		f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
