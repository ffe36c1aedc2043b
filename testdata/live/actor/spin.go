// SPDX-License-Identifier: Apache-2.0

package actor

// Threads that loop, and write down how often they came round where who watches sees it.

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Lap is a thread's in shared memory: how often it came round, and which thread that is.
type Lap struct {
	Rounds atomic.Uint64
	TID    atomic.Uint64
	_      [48]byte // a line of the processor's cache is one thread's
}

// rounds is what threads do between two of theirs.
var rounds = []struct {
	name string
	call func(file uintptr)
}{
	{"computes", nil},
	{"computes-too", nil},
	{"calls", func(uintptr) { _, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0) }},
	{"writes", func(file uintptr) {
		_, _, _ = unix.RawSyscall6(unix.SYS_PWRITE64, file, uintptr(unsafe.Pointer(&laps[0])), 1, 0, 0, 0)
	}},
	{"sleeps", func(uintptr) {
		moment := unix.Timespec{Nsec: 100_000}
		_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&moment)), 0, 0)
	}},
}

var laps []Lap // of the actor

// LoopNames are what its threads do, in the order of their laps.
func LoopNames() (names []string) {
	for _, r := range rounds {
		names = append(names, r.name)
	}
	return names
}

// LapsIn maps the laps of a file.
func LapsIn(path string) ([]Lap, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := len(rounds) * int(unsafe.Sizeof(Lap{}))
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	raw, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*Lap)(unsafe.Pointer(&raw[0])), len(rounds)), nil
}

// endCollecting has Go collect no more garbage here: it would wait for every thread to halt, and one that computes never does.
func endCollecting() {
	debug.SetGCPercent(-1)
	runtime.GC() // ends what is under way
}

// spin has threads of the actor loop for as long as it lives. Go's own scheduler is out of their way: each has a processor of it.
func spin(a Act) Result {
	var err error
	if laps, err = LapsIn(a.Path); err != nil {
		return errno(err)
	}
	file, err := unix.Open(a.To, unix.O_WRONLY|unix.O_CREAT, 0o644)
	if err != nil {
		return errno(err)
	}
	runtime.GOMAXPROCS(len(rounds) + 2)
	endCollecting()
	for i := range rounds {
		go func() {
			runtime.LockOSThread()
			own, call := &laps[i], rounds[i].call
			own.TID.Store(uint64(unix.Gettid()))
			for call == nil {
				own.Rounds.Add(1)
			}
			for {
				own.Rounds.Add(1)
				call(uintptr(file))
			}
		}()
	}
	return Result{}
}
