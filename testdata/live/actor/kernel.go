// SPDX-License-Identifier: Apache-2.0

package actor

// What an actor executes that is no file, and what it does to other processes and to the kernel itself.

import (
	"errors"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// harmless is a signal that a Go program takes for its own.
const harmless = unix.SIGURG

var deep = map[string]func(Act) Result{
	"kill":        func(a Act) Result { return errno(unix.Kill(target(a), harmless)) },
	"pidkill":     signalDescriptor,
	"queue":       queueSignal,
	"execmemory":  func(Act) Result { return inMemory() },
	"execdeleted": execDeleted,
	"execown":     execOwn,
	"bpf":         askPrograms,
	"perf":        countKernel,
	"module":      loadModule,
	"modulefrom":  loadModuleFrom,
}

func signalDescriptor(a Act) Result {
	fd, err := unix.PidfdOpen(target(a), 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	return errno(unix.PidfdSendSignal(fd, harmless, nil, 0))
}

// queueSignal sends one with a value, as sigqueue(3) does. kernel: include/uapi/asm-generic/siginfo.h.
func queueSignal(a Act) Result {
	const queued = -1 // SI_QUEUE
	info := [32]int32{int32(harmless), 0, queued}
	_, _, e := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(target(a)), uintptr(harmless), uintptr(unsafe.Pointer(&info)))
	return errno(zeroIsNil(e))
}

func zeroIsNil(e unix.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// inMemory executes a program that was never in a file.
func inMemory() Result {
	fd, err := unix.MemfdCreate("attack", 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte("#!/bin/busybox true\n")); err != nil {
		return errno(err)
	}
	return byDescriptor(fd)
}

// execDeleted executes a program whose file is taken away first.
func execDeleted(a Act) Result {
	return using(a.Path, unix.O_PATH, func(fd int) error {
		if err := unix.Unlink(a.Path); err != nil {
			return err
		}
		if r := byDescriptor(fd); r.Errno != 0 {
			return r.Errno
		}
		return nil
	})
}

func byDescriptor(fd int) Result {
	path := "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(fd)
	return succeeded(run(Act{Path: path, Argv: []string{path}}))
}

// askPrograms asks for the number of the first program.
func askPrograms(Act) Result {
	var attributes struct{ start, next, flags uint32 }
	_, _, e := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_GET_NEXT_ID, uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes))
	return errno(zeroIsNil(e))
}

// countKernel counts what the processor does in the kernel, too.
func countKernel(Act) Result {
	attributes := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{}))}
	fd, err := unix.PerfEventOpen(&attributes, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err == nil {
		unix.Close(fd)
	}
	return errno(err)
}

func loadModule(a Act) Result {
	return using(a.Path, unix.O_RDONLY, func(fd int) error { return looked(unix.FinitModule(fd, "", 0)) })
}

func loadModuleFrom(a Act) Result {
	image, err := os.ReadFile(a.Path)
	if err != nil {
		return errno(err)
	}
	return errno(looked(unix.InitModule(image, "")))
}

// looked is nil where the kernel looked at what was to be a module, and found that it is none.
func looked(err error) error {
	if errors.Is(err, unix.ENOEXEC) {
		return nil
	}
	return err
}

// execOwn executes a copy of a program in memory, made with the rights on files of user At.
func execOwn(a Act) Result {
	text, err := os.ReadFile(a.Path)
	if err != nil {
		return errno(err)
	}
	if err := unix.Setfsuid(a.At); err != nil {
		return errno(err)
	}
	fd, err := unix.MemfdCreate("busybox", 0)
	if err = first(err, unix.Setfsuid(0)); err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, text); err != nil {
		return errno(err)
	}
	a.Path = "/proc/self/fd/" + strconv.Itoa(fd)
	return run(a)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
