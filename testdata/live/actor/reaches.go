// SPDX-License-Identifier: Apache-2.0

package actor

// What an actor reaches without opening it by name: descriptors of others, handles, memory, what the kernel copies.

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

var reaches = map[string]func(Act) Result{
	"read":     func(a Act) Result { return using(a.Path, unix.O_RDONLY, firstByte) },
	"readfd":   func(a Act) Result { return errno(firstByte(a.At)) },
	"writefd":  func(a Act) Result { return errno(written(a.At)) },
	"mapwrite": func(a Act) Result { return using(a.Path, unix.O_RDWR, mapShared) },
	"mapfd":    func(a Act) Result { return errno(mapShared(a.At)) },
	"copy":     func(a Act) Result { return between(a, copyRange) },
	"splice":   func(a Act) Result { return using(a.Path, unix.O_RDONLY, spliceOut) },
	"clone": func(a Act) Result {
		return using(a.Path, unix.O_RDONLY, func(fd int) error { return cloneTo(a.To, fd) })
	},
	"sendfile":   func(a Act) Result { return using(a.Path, unix.O_RDONLY, sendOut) },
	"readlink":   func(a Act) Result { _, err := os.Readlink(a.Path); return errno(err) },
	"notify":     notify,
	"fanotify":   watchOpens,
	"fanread":    readOpened,
	"handle":     takeHandle,
	"openhandle": openHandle,
	"offer":      offer,
	"receive":    receive,
	"getfd":      getDescriptor,
	"vmread":     readMemory,
	"attach":     attach,
	"kcmp":       compare,
	"run":        func(a Act) Result { return succeeded(run(Act{Path: "/bin/busybox", Argv: a.Argv})) },
	"execfd":     execDescriptor,
}

func succeeded(r Result) Result {
	if r.Errno == 0 && (r.Status != 0 || r.Signal != 0) {
		r.Errno = unix.EIO
	}
	return r
}

func using(path string, flags int, do func(fd int) error) Result {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	return errno(do(fd))
}

func firstByte(fd int) error {
	n, err := unix.Pread(fd, make([]byte, 1), 0)
	if errors.Is(err, unix.ESPIPE) {
		n, err = unix.Read(fd, make([]byte, 1))
	}
	if err == nil && n == 0 {
		err = io.EOF
	}
	return err
}

func written(fd int) error {
	_, err := unix.Pwrite(fd, []byte("y"), 0)
	return err
}

func mapShared(fd int) error {
	memory, err := unix.Mmap(fd, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(memory)
	if err := unix.Mprotect(memory, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return err
	}
	memory[0] = 'y'
	return nil
}

func between(a Act, do func(from, to int) error) Result {
	to, err := unix.Open(a.To, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(to)
	return using(a.Path, unix.O_RDONLY, func(from int) error { return do(from, to) })
}

func copyRange(from, to int) error {
	n, err := unix.CopyFileRange(from, nil, to, nil, 1, 0)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return err
}

func spliceOut(from int) error {
	fds := make([]int, 2)
	if err := unix.Pipe2(fds, unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	_, err := unix.Splice(from, nil, fds[1], nil, 1, 0)
	return err
}

// cloneTo gives a new file the blocks of an open one.
func cloneTo(path string, from int) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.IoctlFileClone(fd, from)
}

func sendOut(from int) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	_, err = unix.Sendfile(fds[0], from, nil, 1)
	return err
}

// notify asks to be told what happens in a folder.
func notify(a Act) Result {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, a.Path, unix.IN_ALL_EVENTS)
	return errno(err)
}

// watchOpens asks for a descriptor of whatever anybody opens on a mount.
func watchOpens(a Act) Result {
	fd, err := unix.FanotifyInit(unix.FAN_CLOEXEC|unix.FAN_CLASS_NOTIF|unix.FAN_NONBLOCK, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return errno(err)
	}
	return opened(fd, unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_MOUNT, unix.FAN_OPEN, unix.AT_FDCWD, a.Path))
}

// readOpened reads what somebody opened. The kernel says so where it may not give the descriptor.
func readOpened(a Act) Result {
	var event unix.FanotifyEventMetadata
	raw := (*[unsafe.Sizeof(event)]byte)(unsafe.Pointer(&event))[:]
	if _, err := unix.Read(a.At, raw); err != nil {
		return errno(err)
	}
	if event.Fd < 0 {
		return Result{Errno: unix.EACCES}
	}
	defer unix.Close(int(event.Fd))
	return errno(firstByte(int(event.Fd)))
}

// handle is what handle took.
var handle unix.FileHandle

func takeHandle(a Act) Result {
	var err error
	handle, _, err = unix.NameToHandleAt(unix.AT_FDCWD, a.Path, 0)
	return errno(err)
}

// openHandle opens it on the file system of a path.
func openHandle(a Act) Result {
	mount, err := unix.Open(a.Path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(mount)
	return closed(opened(unix.OpenByHandleAt(mount, handle, a.Flags|unix.O_CLOEXEC)))
}

const passing = "@reeve-attack"

// offer opens a file and gives it to the first who connects.
func offer(a Act) Result {
	fd, err := unix.Open(a.Path, a.Flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	l, err := net.Listen("unix", passing)
	if err != nil {
		return errno(err)
	}
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _, _ = c.(*net.UnixConn).WriteMsgUnix([]byte{0}, unix.UnixRights(fd), nil)
	}()
	return Result{}
}

// receive gets what is offered. The kernel leaves out what a check refuses, and says only that something is missing.
func receive(Act) Result {
	c, err := net.Dial("unix", passing)
	if err != nil {
		return errno(err)
	}
	defer c.Close()
	control := make([]byte, 64)
	_, n, flags, _, err := c.(*net.UnixConn).ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		return errno(err)
	}
	if n == 0 && flags&unix.MSG_CTRUNC != 0 {
		return Result{Errno: unix.EACCES}
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) == 0 {
		return Result{Errno: unix.EACCES}
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return Result{Errno: unix.EACCES}
	}
	return Result{Status: fds[0]}
}

// target is the process that an act is about.
func target(a Act) int {
	pid, _ := strconv.Atoi(a.Argv[0])
	return pid
}

func getDescriptor(a Act) Result {
	pidfd, err := unix.PidfdOpen(target(a), 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(pidfd)
	return opened(unix.PidfdGetfd(pidfd, a.At, 0))
}

// readMemory reads the beginning of a program's text, whose place is in the maps that everybody's own program shares.
func readMemory(a Act) Result {
	local := make([]byte, 4)
	address, err := textOf()
	if err != nil {
		return errno(err)
	}
	_, err = unix.ProcessVMReadv(target(a), []unix.Iovec{{Base: &local[0], Len: 4}}, []unix.RemoteIovec{{Base: address, Len: 4}}, 0)
	return errno(err)
}

// textOf is where this program lies; a static one lies there in every process.
func textOf() (uintptr, error) {
	f, err := elf.Open("/proc/self/exe")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return uintptr(f.Section(".text").Addr), nil
}

// attach stops a process as a debugger does, and lets it go.
func attach(a Act) Result {
	const seize = 0x4206
	_, _, e := unix.Syscall6(unix.SYS_PTRACE, seize, uintptr(target(a)), 0, 0, 0, 0)
	if e != 0 {
		return Result{Errno: e}
	}
	unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(target(a)), 0, 0, 0, 0)
	return Result{}
}

// compare asks whether two processes share their memory.
func compare(a Act) Result {
	const sharedMemory = 1
	_, _, e := unix.Syscall6(unix.SYS_KCMP, uintptr(os.Getpid()), uintptr(target(a)), sharedMemory, 0, 0, 0)
	return Result{Errno: e}
}

const descriptorMark = "REEVE_TEST_DESCRIPTOR"

// This program as an interpreter that binfmt_misc gives the descriptor of what is executed: it tells whether it can read it.
func tellDescriptor() int {
	const execFD = 2 // AT_EXECFD
	auxv, err := os.ReadFile("/proc/self/auxv")
	for ; err == nil && len(auxv) >= 16; auxv = auxv[16:] {
		if binary.LittleEndian.Uint64(auxv) == execFD && firstByte(int(binary.LittleEndian.Uint64(auxv[8:]))) == nil {
			return 0
		}
	}
	return 1
}

// execDescriptor executes a file whose interpreter is this program.
func execDescriptor(a Act) Result {
	cmd := exec.Cmd{Path: a.Path, Args: []string{a.Path}, Env: []string{descriptorMark + "=1"}}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return Result{Errno: unix.EACCES}
	}
	return errno(err)
}
