// SPDX-License-Identifier: Apache-2.0

package live

// What a process has open before it belongs to a session is recorded when it does, with what policy says of it.

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

// heldIn are the records of open objects.
func heldIn(records []record) []record {
	var list []record
	for _, r := range records {
		if bpf.EventKind(r.Kind) == bpf.KindHeld {
			list = append(list, r)
		}
	}
	return list
}

// holding is what one held object must be recorded as.
type holding struct {
	object string
	op     bpf.Op
	view   bpf.View
	action bpf.Action
}

func holdingOf(r record) holding {
	return holding{r.object(), bpf.Op(r.Op), bpf.View(r.View), bpf.Action(r.Action)}
}

// wantHeld fails the test where one of them is missing, or says that something was done.
func wantHeld(t *testing.T, records []record, pid uint32, want []holding) {
	t.Helper()
	got := map[holding]bool{}
	for _, r := range heldIn(records) {
		if r.Flags&uint16(bpf.EventApplied) != 0 || r.Error != 0 {
			t.Errorf("%s: a file that is open was refused: %+v", r.object(), r.EventHeader)
		}
		if r.Pid == pid {
			got[holdingOf(r)] = true
		}
	}
	for _, h := range want {
		if !got[h] {
			t.Errorf("process %d: %+v is missing among %+v", pid, h, got)
		}
	}
}

func TestAdoptedSessionTellsWhatItHolds(t *testing.T) {
	files(t)
	unused := filepath.Join("/data", "deleted")
	must(t, touch(unused))
	policy(t, secretPolicy)
	p, bystander := start(t), start(t)
	for _, a := range []act{
		{Do: "hold", Path: "/data/free/file", Flags: unix.O_RDWR},
		{Do: "hold", Path: "/data/secret/key"},
		{Do: "hold", Path: "/data/readonly/file", Flags: unix.O_WRONLY},
		{Do: "hold", Path: unused},
		{Do: "keep", Path: "/data/secret/deep/er/key"},
		{Do: "pipe"}, {Do: "memfd", Path: "secrets"},
		{Do: "listen", To: "tcp", Path: "127.0.0.1:7070"}, {Do: "listen", To: "unix", Path: "/data/listening"},
		{Do: "listen", To: "unix", Path: "@abstract"},
	} {
		p.want(a, 0)
	}
	must(t, os.Remove(unused))
	bystander.want(act{Do: "hold", Path: "/data/secret/key"}, 0)
	child := uint32(p.do(act{Do: "leave", Path: "/data/secret/open.txt", Argv: []string{"busybox", "sleep", "60"}}).PID)
	stop := watch(t)
	_, err := kernel.Adopt(context.Background(), sensor.Adoption{PID: p.pid()})
	must(t, err)
	records := stop()
	wantHeld(t, records, p.pid(), []holding{
		{"/data/free/file", bpf.OpFileWrite, bpf.ViewHost, bpf.ActionAllow},
		{"/data/secret/key", bpf.OpFileRead, bpf.ViewHost, bpf.ActionDeny},
		{"/data/readonly/file", bpf.OpFileWrite, bpf.ViewHost, bpf.ActionDeny},
		{unused, bpf.OpFileRead, bpf.ViewHost, bpf.ActionAllow},
		{"", bpf.OpFileRead, bpf.ViewNameless, bpf.ActionAllow},  // the pipe's two ends
		{"", bpf.OpFileWrite, bpf.ViewNameless, bpf.ActionAllow}, //
		{"memfd:secrets", bpf.OpFileWrite, bpf.ViewNameless, bpf.ActionAllow},
		{"TCP", bpf.OpNetFamily, bpf.ViewNameless, bpf.ActionAllow},
		{"UNIX-STREAM", bpf.OpNetFamily, bpf.ViewNameless, bpf.ActionAllow},
	})
	wantHeld(t, records, child, []holding{{"/data/secret/open.txt", bpf.OpFileRead, bpf.ViewHost, bpf.ActionAllow}})
	sockets := 0
	for _, r := range heldIn(records) {
		switch {
		case r.Pid != p.pid() && r.Pid != child:
			t.Errorf("a record of process %d, which belongs to no session", r.Pid)
		case strings.HasPrefix(r.object(), "/data/secret/deep"):
			t.Error("a path that is open as a name only counts as open")
		case bpf.Op(r.Op) == bpf.OpNetFamily:
			sockets++
		}
	}
	if sockets < 3 {
		t.Errorf("%d sockets, want 3", sockets)
	}
	stop = watch(t)
	session(t)
	for _, r := range heldIn(stop()) {
		if r.Pid == p.pid() {
			t.Errorf("%s is told again with another session", r.object())
		}
	}
}

func TestFoundSessionTellsWhatItHolds(t *testing.T) {
	files(t)
	agents(t)
	policy(t, secretPolicy)
	out := start(t)
	out.do(act{Do: "noop"})
	line := "exec 3</data/secret/key 4>>/data/free/file; /bin/busybox sleep 60 & touch /data/ready; wait"
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		out.do(act{Do: "exec", Path: "/data/agents/busybox-alpha", Argv: []string{"sh", "-c", line}})
	}()
	waitFor(t, "/data/ready")
	policy(t, secretPolicy, testAgents...)
	stop := watch(t)
	made, err := kernel.SeedAgents(context.Background())
	must(t, err)
	records := stop()
	starts := sessionsIn(records, bpf.KindSessionStart)
	if made != 1 || len(starts) != 1 || starts[0].Cause != uint32(bpf.CauseSeed) {
		t.Fatalf("%d sessions: %+v", made, starts)
	}
	root := starts[0].Head.Pid
	var child uint32
	for _, r := range records {
		if e := as[bpf.EventProcess](r.raw); bpf.EventKind(r.Kind) == bpf.KindPresent && e.ParentPid == root {
			child = r.Pid
		}
	}
	for _, pid := range []uint32{root, child} {
		wantHeld(t, records, pid, []holding{
			{"/data/secret/key", bpf.OpFileRead, bpf.ViewHost, bpf.ActionDeny},
			{"/data/free/file", bpf.OpFileWrite, bpf.ViewHost, bpf.ActionAllow},
		})
	}
	for _, pid := range []uint32{child, root} {
		if err := unix.Kill(int(pid), unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) { // the root waits for its child
			t.Error(err)
		}
	}
	<-ended
}

// A session that an exec began has opened nothing unjudged.
func TestBegunSessionHoldsNothing(t *testing.T) {
	files(t)
	agents(t)
	policy(t, "", testAgents...)
	out := start(t)
	out.do(act{Do: "noop"})
	done := make(chan result)
	go func() {
		done <- out.do(act{Do: "exec", Path: "/data/agents/busybox-alpha", Argv: []string{"sh", "-c", "touch /data/ready; sleep 3"}})
	}()
	waitFor(t, "/data/ready")
	stop := watch(t)
	session(t) // runs the iterators
	for _, r := range heldIn(stop()) {
		if r.Agent == 7 {
			t.Errorf("the session of an exec holds %s", r.object())
		}
	}
	<-done
}

// A sweep ends no session that somebody lives in, and the one that nobody does.
func TestSweepEndsWhatNobodyLivesIn(t *testing.T) {
	policy(t, "")
	p := session(t)
	must(t, kernel.Sweep()) // of what other tests left
	before, err := kernel.Counters()
	must(t, err)
	must(t, kernel.Sweep())
	slots, err := kernel.Sessions()
	must(t, err)
	i := slices.IndexFunc(slots, func(s sensor.Slot) bool { return s.RootPid == p.pid() })
	if i < 0 {
		t.Fatal("a session that somebody lives in was ended")
	}
	must(t, kernel.Detach("observe_end"))
	must(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
	must(t, kernel.Attach())
	if slotOf(t, slots[i].Number) == nil {
		t.Fatal("the session ended though nobody saw its last thread end")
	}
	stop := watch(t)
	must(t, kernel.Sweep())
	ends := sessionsIn(stop(), bpf.KindSessionEnd)
	after, err := kernel.Counters()
	must(t, err)
	if len(ends) != 1 || ends[0].Head.Session != slots[i].Id || after[bpf.CountSessionsSwept] != before[bpf.CountSessionsSwept]+1 {
		t.Errorf("sessions that ended: %+v, %d swept", ends, after[bpf.CountSessionsSwept])
	}
	if slotOf(t, slots[i].Number) != nil {
		t.Error("the session goes on without a thread")
	}
}

// A process that ended and was not waited for is found by every pass, and must not be counted again.
func TestEndedProcessesKeepNoSession(t *testing.T) {
	policy(t, "")
	p := session(t)
	r := p.do(act{Do: "zombie"})
	session(t) // passes over it
	slots, err := kernel.Sessions()
	must(t, err)
	i := -1
	for n := range slots {
		if slots[n].RootPid == p.pid() {
			i = n
		}
	}
	if i < 0 || r.PID == 0 {
		t.Fatalf("%+v, %+v", slots, r)
	}
	must(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
	ends(t, slots[i].Number)
}
