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

// left are a program and a script; who opens them for writing wrote them.
func left(t *testing.T) (program, script act) {
	t.Helper()
	must(t, os.RemoveAll("/data/left"))
	copyOf(t, leftProgram)
	must(t, os.WriteFile(leftScript, []byte("#!/bin/sh\nexit 0\n"), 0o755))
	return act{Do: "exec", Path: leftProgram, Argv: []string{"busybox", "true"}}, act{Do: "exec", Path: leftScript, Argv: []string{"script"}}
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
		"it cannot be read": {&writeProgram, act{Do: "exec", Path: "/data/left/none", Argv: []string{"none"}}, bpf.OpNone},
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
			if e.Head.Session != id || bpf.Op(e.Head.Op) != c.want || e.By != 0 || e.Written == 0 || bpf.Action(e.Head.Action) != bpf.ActionAllow {
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
	run, _ := left(t)
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
	run, _ := left(t)
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

// A session is told of what another one wrote, with its own number beside; one that began inside is not somebody else.
func TestDerivedBetweenSessions(t *testing.T) {
	policy(t, "")
	run, _ := left(t)
	in, id := author(t)
	other, by := author(t)
	in.want(writeProgram, 0)
	stop := watch(t)
	other.want(run, 0)
	told := derivedIn(stop())[leftProgram]
	if len(told) != 1 || told[0].Head.Session != id || told[0].By != by {
		t.Errorf("told %+v, want session %d by session %d", told, id, by)
	}
}
