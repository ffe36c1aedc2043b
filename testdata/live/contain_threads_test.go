// SPDX-License-Identifier: Apache-2.0

package live

// A process of several threads that loop is frozen: what "within one scheduling" means for each of them.

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/testdata/live/actor"
)

// spinners begins a session with such threads, which ends with the test.
func spinners(t *testing.T) (member, []actor.Lap) {
	t.Helper()
	t.Setenv("GODEBUG", "asyncpreemptoff=1") // no signal of its own runtime comes to a thread that computes
	in := memberOf(t, 0)
	t.Cleanup(func() { _ = in.cmd.Process.Kill() })
	dir := t.TempDir()
	shared, err := actor.LapsIn(dir + "/laps")
	must(t, err)
	in.want(act{Do: "spin", Path: dir + "/laps", To: dir + "/written"}, 0)
	moves(t, shared)
	return in, shared
}

// moves waits until each thread has come round.
func moves(t *testing.T, shared []actor.Lap) {
	t.Helper()
	for i := range shared {
		before := shared[i].Rounds.Load()
		becomes(t, func() bool { return shared[i].Rounds.Load() > before })
	}
}

// came is how far a thread has come, and how often it was given a processor.
type came struct{ rounds, turns uint64 }

func lookAt(t *testing.T, pid uint32, shared []actor.Lap) []came {
	t.Helper()
	seen := make([]came, len(shared))
	for i := range shared {
		seen[i].rounds = shared[i].Rounds.Load()
	}
	for i := range shared {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/schedstat", pid, shared[i].TID.Load()))
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
	threads, loops := map[int]string{}, actor.LoopNames()
	for i := range shared {
		threads[int(shared[i].TID.Load())] = loops[i]
	}
	foremost(t, threads)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	fewest := make([]uint64, len(shared)) // turns after a switch
	for range 20 {
		var at []came
		b.look = func() { at = lookAt(t, in.pid(), shared) }
		_, err := f.Freeze(ctx, ids, mayFork)
		must(t, err)
		stopped := lookAt(t, in.pid(), shared)
		time.Sleep(100 * time.Millisecond)
		for i, later := range lookAt(t, in.pid(), shared) {
			if stopped[i].rounds != at[i].rounds {
				t.Errorf("%s: %d rounds after the switch, in %d turns", loops[i], stopped[i].rounds-at[i].rounds, stopped[i].turns-at[i].turns)
			}
			if later != stopped[i] {
				t.Errorf("%s: %+v when all stood still, then %+v", loops[i], stopped[i], later)
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
			t.Errorf("%s: %d turns after the switch at the fewest, want the one in which it stops", loops[i], turns)
		}
	}
}
