// SPDX-License-Identifier: Apache-2.0

package live

// An actor that executes while somebody rewrites the command line under the kernel's hands.

import (
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var rewriting = map[string]func(act) result{
	"flip": flipped,
}

// flips is what became of what was executed again and again.
type flips struct{ Killed, Zero, Other int }

// flipped executes a program Flags times. Its last argument is one letter, which a thread of another processor changes all the
// while between To's first and second one, before, amid and behind the moment at which the kernel reads it.
func flipped(a act) result {
	memory, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return errno(err)
	}
	defer unix.Munmap(memory)
	argv, err := syscall.SlicePtrFromStrings(a.Argv)
	if err != nil {
		return errno(err)
	}
	argv = append(argv[:len(a.Argv)], &memory[0], nil)
	path, err := unix.BytePtrFromString(a.Path)
	if err != nil {
		return errno(err)
	}
	defer flip((*uint32)(unsafe.Pointer(&memory[0])), uint32(a.To[0]), uint32(a.To[1]))()
	r := result{}
	for range a.Flags {
		if err := r.Flips.once(path, argv); err != nil {
			return errno(err)
		}
	}
	return r
}

// flip changes a letter until the function that it gives is called. The letter's word has the zero behind it.
func flip(word *uint32, one, other uint32) (stop func()) {
	atomic.StoreUint32(word, one)
	var over atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !over.Load() {
			atomic.StoreUint32(word, other)
			atomic.StoreUint32(word, one)
		}
	}()
	return func() {
		over.Store(true)
		<-done
	}
}

func (t *flips) once(path *byte, argv []*byte) error {
	pid, e := forkExec(path, &argv[0])
	if e != 0 {
		return e
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(int(pid), &status, 0, nil); err != nil {
		return err
	}
	switch {
	case status.Signaled():
		t.Killed++
	case status.ExitStatus() == 0:
		t.Zero++
	default:
		t.Other++
	}
	return nil
}

// forkExec executes in a child whose memory is a copy, but for what was mapped as shared: os/exec takes a copy of the arguments that
// nobody else knows. Between the two calls the child has one thread of a Go program, which must not ask for anything of its runtime.
//
//go:nosplit
//go:norace
func forkExec(path *byte, argv **byte) (uintptr, syscall.Errno) {
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 || pid != 0 {
		return pid, e
	}
	syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(argv)), 0)
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 127, 0, 0)
	}
}
