// SPDX-License-Identifier: Apache-2.0

package live

// What a session leaves behind is told where somebody else runs it, with the session that wrote; and nothing is told of what
// nobody in a session wrote.

import (
	"context"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/sourced"
)

// derivedIn are the records of what a session wrote and somebody else ran, by the file's name.
func derivedIn(records []record) map[string][]bpf.EventDerived {
	found := map[string][]bpf.EventDerived{}
	for _, r := range records {
		if bpf.EventKind(r.Kind) != bpf.KindDerived {
			continue
		}
		e := as[bpf.EventDerived](r.raw)
		path := string(r.raw[binary.Size(e):][:e.Text])
		found[path] = append(found[path], e)
	}
	return found
}

// author is a session, with its number.
func author(t *testing.T) (*process, uint64) {
	t.Helper()
	p := start(t)
	p.do(act{Do: "noop"})
	slot, err := kernel.Adopt(context.Background(), sensor.Adoption{PID: p.pid()})
	must(t, err)
	p.adopted = true
	return p, slotOf(t, slot).Id
}

const (
	leftProgram = "/data/left/program"
	leftScript  = "/data/left/script"
)

// left puts a program and a script there; who opens them for writing wrote them. It gives the program's exec.
func left(t *testing.T) act {
	t.Helper()
	must(t, os.RemoveAll("/data/left"))
	copyOf(t, leftProgram)
	must(t, os.WriteFile(leftScript, []byte("#!/bin/sh\nexit 0\n"), 0o755))
	return act{Do: "exec", Path: leftProgram, Argv: []string{"busybox", "true"}}
}

var (
	writeProgram = act{Do: "open", Path: leftProgram, Flags: unix.O_WRONLY}
	writeScript  = act{Do: "open", Path: leftScript, Flags: unix.O_WRONLY}
)

func TestDerivedIsTold(t *testing.T) {
	policy(t, "")
	for name, c := range map[string]struct {
		write *act // by the session
		run   act
		want  bpf.Op // OpNone: nothing is told
	}{
		"a program":         {&writeProgram, act{Do: "exec", Path: leftProgram, Argv: []string{"busybox", "true"}}, bpf.OpExec},
		"a script":          {&writeScript, act{Do: "exec", Path: leftScript, Argv: []string{"script"}}, bpf.OpExec},
		"a map":             {&writeProgram, act{Do: "map", Path: leftProgram}, bpf.OpExecMap},
		"a later map":       {&writeProgram, act{Do: "mprotect", Path: leftProgram}, bpf.OpExecMap},
		"reading":           {&writeProgram, act{Do: "open", Path: leftProgram}, bpf.OpNone},
		"the other file":    {&writeScript, act{Do: "exec", Path: leftProgram, Argv: []string{"busybox", "true"}}, bpf.OpNone},
		"nobody's program":  {nil, act{Do: "exec", Path: leftProgram, Argv: []string{"busybox", "true"}}, bpf.OpNone},
		"nobody's map":      {nil, act{Do: "map", Path: leftProgram}, bpf.OpNone},
		"an interpreter":    {&writeProgram, act{Do: "exec", Path: leftScript, Argv: []string{"script"}}, bpf.OpExec},
		"by another name":   {&writeProgram, act{Do: "exec", Path: "/proc/self/root" + leftProgram, Argv: []string{"busybox", "true"}}, bpf.OpExec},
		"what is not there": {&writeProgram, act{Do: "exec", Path: "/data/left/none", Argv: []string{"none"}}, bpf.OpNone},
	} {
		t.Run(name, func(t *testing.T) {
			left(t)
			if name == "an interpreter" {
				must(t, os.WriteFile(leftScript, []byte("#!"+leftProgram+" true\n"), 0o755))
			}
			in, id := author(t)
			out := start(t)
			out.do(act{Do: "noop"})
			if c.write != nil {
				in.want(*c.write, 0)
			}
			stop := watch(t)
			r := out.do(c.run)
			told := derivedIn(stop())
			if c.want == bpf.OpNone {
				if len(told) != 0 {
					t.Errorf("told: %+v", told)
				}
				return
			}
			file := c.write.Path
			if len(told) != 1 || len(told[file]) != 1 {
				t.Fatalf("told: %+v, want %s once", told, file)
			}
			e := told[file][0]
			if e.Head.Session != id || bpf.Op(e.Head.Op) != c.want || e.By != 0 || e.Since == 0 || bpf.Action(e.Head.Action) != bpf.ActionAllow {
				t.Errorf("%+v, want session %d", e, id)
			}
			if r.PID != 0 && e.Head.Pid != uint32(r.PID) {
				t.Errorf("by process %d, want %d", e.Head.Pid, r.PID)
			}
		})
	}
}

// What is told is whose the file is at the moment it is run.
func TestDerivedFollowsTheFile(t *testing.T) {
	policy(t, "")
	run := left(t)
	in, id := author(t)
	out := start(t)
	out.do(act{Do: "noop"})
	tell := func(name string, by *process, want map[string]uint64) {
		t.Helper()
		stop := watch(t)
		by.want(run, 0)
		told := derivedIn(stop())
		if len(told) != len(want) {
			t.Errorf("%s: told %+v, want %v", name, told, want)
		}
		for path, session := range want {
			if len(told[path]) != 1 || told[path][0].Head.Session != session {
				t.Errorf("%s: told %+v, want %v", name, told, want)
			}
		}
	}
	in.want(writeProgram, 0)
	tell("its own session", in, nil)
	must(t, os.Rename(leftProgram, "/data/left/moved"))
	run.Path = "/data/left/moved"
	tell("under a new name", out, map[string]uint64{run.Path: id})

	must(t, in.stdin.Close())
	if err := in.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond) // told once a second
	tell("its session has ended", out, map[string]uint64{run.Path: id})

	copyOf(t, "/data/left/new")
	must(t, os.Rename("/data/left/new", run.Path))
	tell("replaced by somebody else", out, nil)
}

// An exec in a storm costs one record a second, which counts the others.
func TestDerivedIsFolded(t *testing.T) {
	policy(t, "")
	run := left(t)
	in, _ := author(t)
	out := start(t)
	out.do(act{Do: "noop"})
	in.want(writeProgram, 0)
	stop := watch(t)
	out.want(run, 0)
	out.want(run, 0)
	if told := derivedIn(stop()); len(told[leftProgram]) != 1 {
		t.Errorf("two at once: %+v", told)
	}
	time.Sleep(1200 * time.Millisecond)
	stop = watch(t)
	out.want(run, 0)
	if told := derivedIn(stop())[leftProgram]; len(told) != 1 || told[0].Repeats != 1 {
		t.Errorf("a second later: %+v, want one with one repeat", told)
	}
}

// What another session wrote is told of who runs it in one, with its number beside; and not of the one that wrote.
func TestDerivedBetweenSessions(t *testing.T) {
	policy(t, "")
	run := left(t)
	in, id := author(t)
	other, by := author(t)
	in.want(writeProgram, 0)
	stop := watch(t)
	other.want(run, 0)
	told := derivedIn(stop())[leftProgram]
	if len(told) != 1 || told[0].Head.Session != id || told[0].By != by {
		t.Errorf("told %+v, want session %d by session %d", told, id, by)
	}
	in.want(writeScript, 0)
	stop = watch(t)
	in.want(act{Do: "map", Path: leftScript}, 0)
	other.want(act{Do: "map", Path: leftScript}, 0)
	told = derivedIn(stop())[leftScript]
	if len(told) != 1 || told[0].Head.Session != id || told[0].By != by || bpf.Op(told[0].Head.Op) != bpf.OpExecMap {
		t.Errorf("told of maps %+v, want session %d by session %d", told, id, by)
	}
}

// User space asks the same map of an open file, also where the file system does not tell which of a number's files it is.
func TestKernelTellsWhoWrote(t *testing.T) {
	policy(t, "")
	left(t)
	const inMemory = "/tmp/left"
	must(t, os.MkdirAll(inMemory, 0o755))
	must(t, unix.Mount("none", inMemory, "tmpfs", 0, ""))
	synced(t)
	t.Cleanup(func() { // its number is the next one's that is mounted
		must(t, unix.Unmount(inMemory, unix.MNT_DETACH))
		synced(t)
	})
	must(t, os.WriteFile(inMemory+"/file", nil, 0o644))
	must(t, os.WriteFile(inMemory+"/other", nil, 0o644))
	in, id := author(t)
	in.want(writeProgram, 0)
	in.want(act{Do: "open", Path: inMemory + "/file", Flags: unix.O_WRONLY}, 0)
	// A file system in memory does not tell generations, and an earlier one may have had its number: what sessions before wrote there
	// is no fault.
	for path, wrote := range map[string]bool{leftProgram: true, leftScript: false, inMemory + "/file": true, inMemory + "/other": false, "/data": false} {
		f, err := os.Open(path)
		must(t, err)
		by, ok, err := kernel.Wrote(f)
		f.Close()
		if err != nil || wrote != (ok && by.Session == id) {
			t.Errorf("%s: %+v, %t, %v; did session %d write it: %t", path, by, ok, err, id, wrote)
		}
	}
	copyOf(t, "/data/left/new")
	must(t, os.Rename("/data/left/new", leftProgram))
	f, err := os.Open(leftProgram)
	must(t, err)
	defer f.Close()
	if by, ok, err := kernel.Wrote(f); ok || err != nil {
		t.Errorf("replaced by somebody else: %+v, %v", by, err)
	}
}

// Who reads as a program what a session wrote: the whole way, but for the daemon.
func TestSourcedIsTold(t *testing.T) {
	policy(t, "")
	must(t, os.RemoveAll("/data/left"))
	must(t, os.MkdirAll("/data/left", 0o755))
	told := make(chan *event.Sourced, 16)
	w, err := sourced.Open(sourced.Options{
		Member: func(pidfd int) (sourced.Member, error) {
			slot, ok, err := kernel.TaskSession(pidfd)
			if !ok {
				return sourced.Member{}, err
			}
			return sourced.Member{Session: slot.Id, Parent: slot.Parent}, err
		},
		Author: func(f *os.File) (sourced.Author, bool, error) {
			by, ok, err := kernel.Wrote(f)
			return sourced.Author{Session: by.Session, Principal: by.Principal}, ok, err
		},
		Tell: func(s *event.Sourced) { told <- s },
	})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	defer func() {
		stop()
		must(t, <-done)
	}()
	in, id := author(t)
	out := start(t)
	out.do(act{Do: "noop"})
	const file = "/data/left/.profile"
	in.want(act{Do: "write", Path: file, To: "sleep 1\n"}, 0)
	w.Saw(&event.Event{Kind: event.Access, Object: file, View: event.ViewHost,
		Head: event.Head{Kind: event.Access, Op: event.Op(bpf.OpFileWrite), Session: id, Action: event.Allow}})
	for end := time.Now().Add(10 * time.Second); w.Counts().Marked == 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	shell := act{Do: "exec", Path: "/bin/busybox", Argv: []string{"sh", "-c", ". " + file}}
	in.want(shell, 0)
	select {
	case s := <-told:
		t.Errorf("by its own session: %+v", s)
	case <-time.After(time.Second):
	}
	r := out.do(shell)
	select {
	case s := <-told:
		if s.Session != id || s.Object != file || s.PID != uint32(r.PID) || s.By != 0 || s.Why == "" {
			t.Errorf("%+v, want session %d", s, id)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("not told: %+v", w.Counts())
	}
}

// A session that began inside of the one that wrote is not somebody else; one inside of another session is.
func TestDerivedInAChildSession(t *testing.T) {
	policy(t, "", observers(t)...)
	left(t)
	in, id := author(t)
	other, by := author(t)
	in.want(writeProgram, 0)
	child := act{Do: "exec", Path: plain, Argv: []string{"sh", "-c", leftProgram + " true"}}
	stop := watch(t)
	in.want(child, 0)
	if told := derivedIn(stop()); len(told) != 0 {
		t.Errorf("told of its own child: %+v", told)
	}
	stop = watch(t)
	other.want(child, 0)
	told := derivedIn(stop())[leftProgram]
	if len(told) != 1 || told[0].Head.Session != id || told[0].By <= by {
		t.Errorf("told %+v, want session %d by one after %d", told, id, by)
	}
}
