// SPDX-License-Identifier: Apache-2.0

package live

// A command line that the kernel has put to the swap area before it is judged: what nobody can read is not let run.

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

const (
	swapSize    = 16 << 20
	squeezedTo  = 512 << 10 // bytes of memory of who executes; its arguments are more
	longest     = 100 << 10 // bytes of one argument; the kernel takes 128 KB
	arguments   = 15
	swapName    = "SWAPSPACE2" // include/linux/swap.h: union swap_header
	swapVersion = 1
)

// swapping makes a swap area, and a control group whose processes need it.
func swapping(t *testing.T) (group string) {
	t.Helper()
	page := os.Getpagesize()
	area := make([]byte, swapSize)
	binary.NativeEndian.PutUint32(area[1024:], swapVersion)
	binary.NativeEndian.PutUint32(area[1028:], uint32(swapSize/page-1))
	copy(area[page-len(swapName):], swapName)
	file := filepath.Join("/data", "swap")
	must(t, os.WriteFile(file, area, 0o600))
	path, err := unix.BytePtrFromString(file)
	must(t, err)
	swaps(t, unix.SYS_SWAPON, path)
	t.Cleanup(func() { swaps(t, unix.SYS_SWAPOFF, path); _ = os.Remove(file) })
	must(t, os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+memory"), 0))
	group, err = os.MkdirTemp("/sys/fs/cgroup", "squeezed-")
	must(t, err)
	t.Cleanup(func() { becomes(t, func() bool { return unix.Rmdir(group) == nil }) })
	must(t, os.WriteFile(filepath.Join(group, "memory.max"), []byte(itoa(squeezedTo)), 0))
	return group
}

func swaps(t *testing.T, number uintptr, path *byte) {
	t.Helper()
	if _, _, e := unix.Syscall(number, uintptr(unsafe.Pointer(path)), 0, 0); e != 0 {
		t.Fatal(e)
	}
}

// In the LSM form a page that is not there is fetched. Programs that may not wait for it kill who executes, and count that.
func TestLineThatIsSwappedOutIsJudged(t *testing.T) {
	copyOf(t, "/data/bin/git")
	policy(t, `
[[rule]]
id = "force"
on = ["exec.argv"]
match = ["git * --force"]
action = "deny"
reason = "test"
`)
	group := swapping(t)
	in, out := session(t), start(t)
	unread := func() uint64 {
		n, err := kernel.Counters()
		must(t, err)
		return n[bpf.CountLineUnread]
	}
	waits := kernel.Form == bpf.FormLSM && !bpf.LosesTasks()
	for last, denied := range map[string]bool{"--farce": false, "--force": true} {
		a := act{Do: "squeeze", Path: "/data/bin/git", To: group, Argv: []string{"true"}}
		for range arguments {
			a.Argv = append(a.Argv, strings.Repeat("x", longest))
		}
		a.Argv = append(a.Argv, last)
		if r := out.do(a); r.Errno != 0 || r.Signal != 0 || r.Status != 0 {
			t.Fatalf("%s outside: %+v, want it to run", last, r)
		}
		before, want := unread(), denied || !waits
		var r result
		unlessLeftOut(t, func() bool {
			r = in.do(a)
			return r.Signal == unix.SIGKILL == want
		})
		if killed := r.Signal == unix.SIGKILL; r.Errno != 0 || killed != want {
			t.Errorf("%s in a session: %+v, want killed %t", last, r, want)
		}
		if counted := unread() - before; (counted > 0) != !waits {
			t.Errorf("%s: %d lines were unread", last, counted)
		}
	}
	if events, err := os.ReadFile(filepath.Join(group, "memory.events")); err != nil || !strings.Contains(string(events), "oom_kill 0\n") {
		t.Errorf("killed by the kernel for want of memory: %s %v", events, err)
	}
}
