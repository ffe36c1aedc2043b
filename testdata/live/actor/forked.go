// SPDX-License-Identifier: Apache-2.0

package actor

// What an actor does in a child that has no program of its own, where an answer may end who asks.

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var children = map[string]func(Act) Result{"forked": forked, "hop": hop}

// systemCall is a number and its arguments.
type systemCall struct {
	number    uintptr
	arguments [6]uintptr
}

// Forkable tells whether an actor can do that in a child.
func Forkable(do string) bool { return forkable[do] != nil }

// forkable are acts of one system call, or of two of which the second has as its fifth argument what the first gave.
var forkable = map[string]func(path uintptr, flags int) [2]systemCall{
	"open": func(path uintptr, flags int) [2]systemCall { return [2]systemCall{opens(path, flags)} },
	"unlink": func(path uintptr, _ int) [2]systemCall {
		return [2]systemCall{{unix.SYS_UNLINKAT, [6]uintptr{atCurrent, path}}}
	},
	"chmod": func(path uintptr, _ int) [2]systemCall {
		return [2]systemCall{{unix.SYS_FCHMODAT, [6]uintptr{atCurrent, path, 0o777}}}
	},
	"map": func(path uintptr, _ int) [2]systemCall {
		return [2]systemCall{opens(path, unix.O_RDONLY),
			{unix.SYS_MMAP, [6]uintptr{0, uintptr(unix.Getpagesize()), unix.PROT_READ | unix.PROT_EXEC, unix.MAP_PRIVATE}}}
	},
}

const atCurrent = ^uintptr(-unix.AT_FDCWD - 1) // AT_FDCWD, which is negative

func opens(path uintptr, flags int) systemCall {
	return systemCall{unix.SYS_OPENAT, [6]uintptr{atCurrent, path, uintptr(flags | unix.O_CLOEXEC), 0o644}}
}

// forked does what To says in a child.
func forked(a Act) Result {
	path, err := unix.BytePtrFromString(a.Path)
	if err != nil {
		return errno(err)
	}
	calls := forkable[a.To](uintptr(unsafe.Pointer(path)), a.Flags)
	status, err := waited(forkCalls(&calls))
	runtime.KeepAlive(path) // it is in the calls as a number
	switch {
	case err != nil:
		return errno(err)
	case status.Signaled():
		return Result{Signal: status.Signal()}
	}
	return Result{Errno: syscall.Errno(status.ExitStatus())}
}

// forkCalls makes system calls in a child, whose exit code is what the first of them that fails was told. As of forkExec: the child
// must not ask for anything of its runtime.
//
//go:nosplit
//go:norace
func forkCalls(calls *[2]systemCall) (uintptr, syscall.Errno) {
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 || pid != 0 {
		return pid, e
	}
	n := &calls[0].arguments
	fd, _, e := syscall.RawSyscall6(calls[0].number, n[0], n[1], n[2], n[3], n[4], n[5])
	if n = &calls[1].arguments; e == 0 && calls[1].number != 0 {
		_, _, e = syscall.RawSyscall6(calls[1].number, n[0], n[1], n[2], n[3], fd, n[5])
	}
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(e), 0, 0)
	}
}
