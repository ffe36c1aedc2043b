// SPDX-License-Identifier: Apache-2.0

package live

// A process of several threads that loop is frozen: what "within one scheduling" means for each of them.

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor"
)

// lap is a thread's in shared memory: how often it came round, and which thread that is.
type lap struct {
	rounds atomic.Uint64
	tid    atomic.Uint64
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

var laps []lap // of the actor

// lapsIn maps the laps of a file.
func lapsIn(path string) ([]lap, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := len(rounds) * int(unsafe.Sizeof(lap{}))
	if err := f.Truncate(int64(size)); err != nil {
		return nil, err
	}
	raw, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*lap)(unsafe.Pointer(&raw[0])), len(rounds)), nil
}

// endCollecting has Go collect no more garbage here: it would wait for every thread to halt, and one that computes never does.
func endCollecting() {
	debug.SetGCPercent(-1)
	runtime.GC() // ends what is under way
}

// spin has threads of the actor loop for as long as it lives. Go's own scheduler is out of their way: each has a processor of it.
func spin(a act) result {
	var err error
	if laps, err = lapsIn(a.Path); err != nil {
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
			own.tid.Store(uint64(unix.Gettid()))
			for call == nil {
				own.rounds.Add(1)
			}
			for {
				own.rounds.Add(1)
				call(uintptr(file))
			}
		}()
	}
	return result{}
}

// spinners begins a session with such threads, which ends with the test.
func spinners(t *testing.T) (member, []lap) {
	t.Helper()
	t.Setenv("GODEBUG", "asyncpreemptoff=1") // no signal of its own runtime comes to a thread that computes
	in := memberOf(t, 0)
	t.Cleanup(func() { _ = in.cmd.Process.Kill() })
	dir := t.TempDir()
	shared, err := lapsIn(dir + "/laps")
	must(t, err)
	in.want(act{Do: "spin", Path: dir + "/laps", To: dir + "/written"}, 0)
	moves(t, shared)
	return in, shared
}

// moves waits until each thread has come round.
func moves(t *testing.T, shared []lap) {
	t.Helper()
	for i := range shared {
		before := shared[i].rounds.Load()
		becomes(t, func() bool { return shared[i].rounds.Load() > before })
	}
}

// came is how far a thread has come, and how often it was given a processor.
type came struct{ rounds, turns uint64 }

func lookAt(t *testing.T, pid uint32, shared []lap) []came {
	t.Helper()
	seen := make([]came, len(shared))
	for i := range shared {
		seen[i].rounds = shared[i].rounds.Load()
	}
	for i := range shared {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/schedstat", pid, shared[i].tid.Load()))
		must(t, err)
		fields := strings.Fields(string(raw)) // Documentation/scheduler/sched-stats.rst: the third is how often it ran here
		seen[i].turns, err = strconv.ParseUint(fields[2], 10, 64)
		must(t, err)
	}
	return seen
}

// beholder looks at a process as soon as it is in the frozen group: the first time that somebody else is asked for after that.
type beholder struct {
	sensor.Members
	t    *testing.T
	pid  uint32
	look func()
}

func (b *beholder) TaskSession(fd int) (sensor.Slot, bool, error) {
	if b.look != nil && inFrozenGroup(b.t, int(b.pid)) {
		b.look()
		b.look = nil
	}
	return b.Members.TaskSession(fd)
}

// Within one scheduling: a thread that stands in the kernel when its process is put into the frozen group does nothing more of its
// own, whatever it loops over. The next time that it is given a processor it ends the call that it is in and stops before it is
// back in its program: it comes round no more at all. That turn may be divided, by an interrupt's work that preempts it on its
// way through the kernel. So what is counted each time is rounds since the switch, none, on every kernel; and of the turns
// since then the fewest that were seen, one, which is the scheduling: it was given a processor, and might have gone on. To have
// all of them stand in the kernel at that moment, they share a processor with the thread that freezes, which goes before them.
// (Who runs on another one is interrupted, as by a signal.)
func TestFrozenThreadsDoNothingMore(t *testing.T) {
	files(t)
	policy(t, secretPolicy)
	in, shared := spinners(t)
	b := &beholder{Members: kernel, t: t, pid: in.pid()}
	f, ids := freezerOf(t, b), map[uint64]bool{in.slot.Id: true}
	t.Cleanup(func() { _, _ = f.Thaw(ids) })
	threads := map[int]string{}
	for i := range shared {
		threads[int(shared[i].tid.Load())] = rounds[i].name
	}
	foremost(t, threads)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	fewest := make([]uint64, len(shared)) // turns after a switch
	for range 20 {
		var at []came
		b.look = func() { at = lookAt(t, in.pid(), shared) }
		_, err := f.Freeze(ctx, ids)
		must(t, err)
		stopped := lookAt(t, in.pid(), shared)
		time.Sleep(100 * time.Millisecond)
		for i, later := range lookAt(t, in.pid(), shared) {
			if stopped[i].rounds != at[i].rounds {
				t.Errorf("%s: %d rounds after the switch, in %d turns", rounds[i].name, stopped[i].rounds-at[i].rounds, stopped[i].turns-at[i].turns)
			}
			if later != stopped[i] {
				t.Errorf("%s: %+v when all stood still, then %+v", rounds[i].name, stopped[i], later)
			}
			if turns := stopped[i].turns - at[i].turns; turns > 0 && (fewest[i] == 0 || turns < fewest[i]) {
				fewest[i] = turns
			}
		}
		_, err = f.Thaw(ids)
		must(t, err)
		moves(t, shared)
	}
	for i, turns := range fewest {
		if turns != 1 {
			t.Errorf("%s: %d turns after the switch at the fewest, want the one in which it stops", rounds[i].name, turns)
		}
	}
}
