// SPDX-License-Identifier: Apache-2.0

package actor

// Whoever hops is gone before it is looked at: its life goes on in its child.

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hop begins a process that writes a byte to a file, forks and ends; its child does the same, and so on until the file is taken away.
func hop(a Act) Result {
	fd, err := unix.Open(a.Path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	path, err := unix.BytePtrFromString(a.Path)
	if err != nil {
		return errno(err)
	}
	_, err = waited(hopping(uintptr(fd), uintptr(unsafe.Pointer(path))))
	runtime.KeepAlive(path)
	return errno(err)
}

// hopping is as forkCalls. One that may not fork tries again.
//
//go:nosplit
//go:norace
func hopping(fd, path uintptr) (uintptr, syscall.Errno) {
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 || pid != 0 {
		return pid, e
	}
	for there := e; there == 0; {
		syscall.RawSyscall(unix.SYS_WRITE, fd, path, 1)
		pid, _, e = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if e == 0 && pid != 0 {
			break
		}
		_, _, there = syscall.RawSyscall(unix.SYS_FACCESSAT, atCurrent, path, 0)
	}
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}
