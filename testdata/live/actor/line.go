// SPDX-License-Identifier: Apache-2.0

package actor

// An actor that executes as no library would: by descriptors alone, and while somebody rewrites the command line under the
// kernel's hands.

import (
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var rarely = map[string]func(Act) Result{
	"flip": flipped,
	"execat": func(a Act) Result {
		return using(a.Path, unix.O_PATH, func(fd int) error { return execAt(fd, a.Argv) })
	},
	"exectmpfile": execNameless,
	"squeeze":     squeezed,
}

// Flips is what became of what was executed again and again.
type Flips struct{ Killed, Zero, Other int }

// flipped executes a program Flags times. Its last argument is one letter, which a thread of another processor changes all the
// while between To's first and second one, before, amid and behind the moment at which the kernel reads it.
func flipped(a Act) Result {
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
	r := Result{}
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

func (t *Flips) once(path *byte, argv []*byte) error {
	status, err := waited(forkExec(unix.AT_FDCWD, path, &argv[0], 0))
	switch {
	case err != nil:
		return err
	case status.Signaled():
		t.Killed++
	case status.ExitStatus() == 0:
		t.Zero++
	default:
		t.Other++
	}
	return nil
}

// execAt executes what a descriptor leads to, by no name at all.
func execAt(fd int, words []string) error {
	argv, err := syscall.SlicePtrFromStrings(words)
	if err != nil {
		return err
	}
	var none byte
	status, err := waited(forkExec(fd, &none, &argv[0], unix.AT_EMPTY_PATH))
	switch {
	case err != nil:
		return err
	case status.ExitStatus() == refusedExec:
		return unix.EPERM
	case status.ExitStatus() != 0:
		return unix.EIO
	}
	return nil
}

// execNameless executes a program that never had a name, in a folder's file system.
func execNameless(a Act) Result {
	program, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return errno(err)
	}
	fd, err := unix.Open(a.Path, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o755)
	if err != nil {
		return errno(err)
	}
	for len(program) > 0 {
		n, err := unix.Write(fd, program)
		if err != nil {
			unix.Close(fd)
			return errno(err)
		}
		program = program[n:]
	}
	own, err := unix.Open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_PATH|unix.O_CLOEXEC, 0)
	unix.Close(fd) // or the kernel finds it busy
	if err != nil {
		return errno(err)
	}
	defer unix.Close(own)
	return errno(execAt(own, a.Argv))
}

// squeezed executes a program in the control group To, to which its memory is charged from the begin.
func squeezed(a Act) (r Result) {
	opened := using(a.To, unix.O_PATH|unix.O_DIRECTORY, func(group int) error {
		r = ended(exec.Cmd{Path: a.Path, Args: a.Argv, SysProcAttr: &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: group}})
		return nil
	})
	if opened.Errno != 0 {
		return opened
	}
	return r
}

func waited(pid uintptr, e syscall.Errno) (status unix.WaitStatus, err error) {
	if e != 0 {
		return 0, e
	}
	_, err = unix.Wait4(int(pid), &status, 0, nil)
	return status, err
}

// refusedExec is the status of a child that executed nothing.
const refusedExec = 127

// forkExec executes in a child whose memory is a copy, but for what was mapped as shared: os/exec takes a copy of the arguments
// that nobody else knows. Between the two calls the child has one thread of a Go program, which must not ask for anything of
// its runtime.
//
//go:nosplit
//go:norace
func forkExec(at int, path *byte, argv **byte, flags int) (uintptr, syscall.Errno) {
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 || pid != 0 {
		return pid, e
	}
	syscall.RawSyscall6(unix.SYS_EXECVEAT, uintptr(at), uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(argv)), 0, uintptr(flags), 0)
	for {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, refusedExec, 0, 0)
	}
}
