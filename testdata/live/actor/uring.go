// SPDX-License-Identifier: Apache-2.0

package actor

// io_uring: its workers are made by copy_process, not by fork, and act for the session that made the ring.

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// params mirrors struct io_uring_params.
type params struct {
	sqEntries, cqEntries, flags, cpu, idle, features, wq uint32
	_                                                    [3]uint32
	sq, cq                                               offsets
}

type offsets struct {
	head, tail, mask, entries, a, b, array, _ uint32 // array is cqes less two places in the other ring
	_                                         uint64
}

// entry mirrors struct io_uring_sqe as operations on names use it.
type entry struct {
	opcode, flags uint8
	_             uint16
	fd            int32
	to            uintptr
	path          uintptr
	length        uint32 // mode, or the descriptor of the second path's folder
	how           uint32 // flags of the operation
	_             [32]byte
}

const (
	opSendMsg   = 9 // IORING_OP_SENDMSG and so on
	opConnect   = 16
	opOpenAt    = 18
	opSend      = 26
	opRenameAt  = 35
	opUnlinkAt  = 36
	opMkdirAt   = 37
	opSymlinkAt = 38
	opLinkAt    = 39
	opSocket    = 45
	here        = 1<<32 + unix.AT_FDCWD // AT_FDCWD, without a sign
	always      = 1 << 4                // IOSQE_ASYNC: by a worker, whatever could be done at once
	polled      = 1 << 1                // IORING_SETUP_SQPOLL
	getEvents   = 1 | 1<<1              // IORING_ENTER_GETEVENTS, and SQ_WAKEUP for a thread that polls
	offsetRing  = 0
	offsetEntry = 0x10000000
	offsetDone  = 0x8000000
)

var byWorkers = map[string]func(Act) Result{
	"worker":         openByWorker,
	"worker-unlink":  func(a Act) Result { return byWorker(a, entry{opcode: opUnlinkAt}) },
	"worker-mkdir":   func(a Act) Result { return byWorker(a, entry{opcode: opMkdirAt, length: 0o755}) },
	"worker-symlink": func(a Act) Result { return byWorker(a, entry{opcode: opSymlinkAt}) },
	"worker-link":    func(a Act) Result { return byWorker(a, entry{opcode: opLinkAt, length: here}) },
	"worker-rename":  func(a Act) Result { return byWorker(a, entry{opcode: opRenameAt, length: here}) },
}

// openByWorker opens a file in an io_uring worker.
func openByWorker(a Act) Result {
	r := byWorker(a, entry{opcode: opOpenAt, how: uint32(a.Flags | unix.O_CLOEXEC)})
	if r.Errno == 0 {
		unix.Close(r.Status)
	}
	return r
}

// byWorker lets an io_uring worker do one operation on the act's names. Its status is the operation's result.
func byWorker(a Act, e entry) Result {
	path, to := append([]byte(a.Path), 0), append([]byte(a.To), 0)
	e.flags, e.fd, e.path = always, unix.AT_FDCWD, uintptr(unsafe.Pointer(&path[0]))
	if a.To != "" {
		e.to = uintptr(unsafe.Pointer(&to[0]))
	}
	r := submit(e, 0)
	runtime.KeepAlive(path)
	runtime.KeepAlive(to)
	return r
}

// submit has one operation done by a ring of that kind. kernel: a signal while a worker is made cancels what waits for it, and Go's
// scheduler sends itself some.
func submit(e entry, setup uint32) Result {
	for {
		if r := submitOnce(e, setup); r.Errno != unix.ECANCELED {
			return r
		}
	}
}

func submitOnce(e entry, setup uint32) Result {
	p := params{flags: setup, idle: 100}
	ring, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return Result{Errno: errno}
	}
	defer unix.Close(int(ring))
	area := func(offset int64, size uint32) []byte {
		b, err := unix.Mmap(int(ring), offset, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			panic(err)
		}
		return b
	}
	page := uint32(4096)
	queue, entries, done := area(offsetRing, page), area(offsetEntry, page), area(offsetDone, page)
	*(*entry)(unsafe.Pointer(&entries[0])) = e
	*(*uint32)(unsafe.Pointer(&queue[p.sq.array])) = 0
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&queue[p.sq.tail])), 1)
	errno = enter(ring, 1)
	// A signal, and Go's scheduler sends itself some, ends the wait before there is an answer.
	for answered := (*uint32)(unsafe.Pointer(&done[p.cq.tail])); errno == 0 && atomic.LoadUint32(answered) == 0; {
		errno = enter(ring, 0)
	}
	if errno != 0 {
		return Result{Errno: errno}
	}
	answer := *(*int32)(unsafe.Pointer(&done[p.cq.b+8])) // cqes[0].res
	if answer < 0 {
		return Result{Errno: syscall.Errno(-answer)}
	}
	return Result{Status: int(answer)}
}

// enter hands entries to the kernel and waits for one answer, or for a signal.
func enter(ring, entries uintptr) syscall.Errno {
	_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, ring, entries, 1, getEvents, 0, 0)
	if errno == unix.EINTR {
		return 0
	}
	return errno
}
