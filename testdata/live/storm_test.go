// SPDX-License-Identifier: Apache-2.0

package live

// Start-up under load: agents begin and end all the time while programs are attached and running agents are looked for.
// Afterwards every process that runs an agent's program, and whatever descends from one, is in a session.

import (
	"context"
	"flag"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/testdata/live/actor"
)

var storms = flag.Int("storms", 4, "storms of agents; each lasts longer before the programs are attached than the one before")

const stormAgent = "/data/agents/busybox-storm"

var stormAgents = []enforce.Agent{{ID: 21, Exec: []string{stormAgent}}}

// stormLines are what each of the storm's shells does again and again. None of them is an agent.
var stormLines = []string{
	stormAgent + " sleep 1 & sleep 0.05",
	stormAgent + " sh -c 'busybox sleep 1 & busybox sleep 1' & sleep 0.1",
	"/data/agents/storm.sh & sleep 0.1",
	stormAgent + " sh -c 'for i in 1 2 3 4; do (busybox sleep 0.5; busybox sleep 0.5) & done; wait' & sleep 0.2",
}

// detached takes the kernel's programs off their hooks until the test is over.
func detached(t *testing.T) {
	t.Helper()
	for name := range kernel.Attached() {
		must(t, kernel.Detach(name))
	}
	t.Cleanup(func() { must(t, kernel.Attach()) })
}

// storm runs until the function that it returns is called, which ends everything that came of it.
func storm(t *testing.T) (shells []int, calm func()) {
	t.Helper()
	var running []*process
	for _, line := range stormLines {
		p := start(t)
		p.do(act{Do: "noop"})
		r := p.do(act{Do: "spawn", Path: "/bin/busybox", Argv: []string{"sh", "-c", "while :; do " + line + "; done"}})
		if r.Errno != 0 {
			t.Fatal(r)
		}
		running, shells = append(running, p), append(shells, r.PID)
	}
	return shells, func() {
		for _, pid := range shells {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		for _, p := range running {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
		becomes(t, func() bool {
			members := stormMembers(t)
			for pid := range members {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
			return len(members) == 0
		})
	}
}

// living is a process as /proc shows it.
type living struct {
	parent  int
	started string
	program string
}

// processes are all that live: what ended and waits for its parent has no program.
func processes(t *testing.T) map[int]living {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	must(t, err)
	all := map[int]living{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		program, err := os.Readlink("/proc/" + e.Name() + "/exe")
		raw, statErr := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil || statErr != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		fields := strings.Fields(rest)
		parent, err := strconv.Atoi(fields[1])
		must(t, err)
		all[pid] = living{parent, fields[19], program}
	}
	return all
}

// stormMembers are the processes that have to be in a session: those that run the agent, and what descends from them.
func stormMembers(t *testing.T) map[int]living {
	t.Helper()
	all := processes(t)
	members := map[int]living{}
	for grown := -1; grown != len(members); {
		grown = len(members)
		for pid, p := range all {
			if _, inside := members[p.parent]; inside || p.program == stormAgent {
				members[pid] = p
			}
		}
	}
	return members
}

// outside are those of the members that belong to no session.
func outside(t *testing.T, members map[int]living) map[int]living {
	t.Helper()
	left := map[int]living{}
	for pid, p := range members {
		if !inSession(t, pid) {
			left[pid] = p
		}
	}
	return left
}

func inSession(t *testing.T, pid int) bool {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	_, ok, err := kernel.TaskSession(fd)
	must(t, err)
	return ok
}

// unwatched are the members that stay outside: an exec that /proc shows already may still be on its way.
func unwatched(t *testing.T) map[int]living {
	t.Helper()
	left := outside(t, stormMembers(t))
	for range 10 {
		if len(left) == 0 {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
		now := outside(t, stormMembers(t))
		maps.DeleteFunc(left, func(pid int, p living) bool { return now[pid] != p })
	}
	return left
}

func TestStartUpInAStormOfAgents(t *testing.T) {
	files(t)
	copyOf(t, stormAgent)
	script(t, "/data/agents/storm.sh", "#!/bin/sh\n"+stormAgent+" sleep 0.7\n"+stormAgent+" sleep 0.7\n")
	bystander := start(t)
	bystander.do(act{Do: "noop"})
	detached(t)
	found := 0
	for round := range *storms {
		policy(t, secretPolicy, stormAgents...)
		shells, calm := storm(t)
		becomes(t, func() bool { return len(stormMembers(t)) > 0 }) // it blows
		time.Sleep(time.Duration(200+150*round) * time.Millisecond)
		must(t, kernel.Unsettle())
		must(t, kernel.Attach())
		made, err := kernel.SeedAgents(context.Background())
		must(t, err)
		seen := 0
		for range 5 {
			seen += len(stormMembers(t))
			for pid, p := range unwatched(t) {
				t.Errorf("round %d: process %d (%+v) is in no session", round, pid, p)
			}
			bystander.want(act{Do: "open", Path: "/data/secret/key"}, 0)
		}
		t.Logf("round %d: %d sessions were found, %d processes looked at", round, made, seen)
		if seen == 0 {
			t.Errorf("round %d: no storm", round)
		}
		found += made // on a slow machine a round's agents may all have ended while the programs were attached
		for _, pid := range append(shells, int(bystander.pid())) {
			if inSession(t, pid) {
				t.Errorf("round %d: process %d, which is no agent's, is in a session", round, pid)
			}
		}
		calm()
		if left := lingering(t, 21); len(left) > 0 {
			skipped, err := kernel.Skipped()
			t.Fatalf("round %d: %d sessions without end, as %+v; %d runs were left out (%v)", round, len(left), left[0], skipped, err)
		}
		if t.Failed() {
			return
		}
		for name := range kernel.Attached() {
			must(t, kernel.Detach(name))
		}
	}
	if found == 0 {
		t.Error("no agent was there before the programs in any round")
	}
}

// lingering are the sessions of an agent that do not end, by themselves or swept.
func lingering(t *testing.T, agent uint32) []sensor.Slot {
	t.Helper()
	var left []sensor.Slot
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		slots, err := kernel.Sessions()
		must(t, err)
		left = slices.DeleteFunc(slots, func(s sensor.Slot) bool { return s.Agent != agent })
		if len(left) == 0 {
			return nil
		}
		must(t, kernel.Sweep())
	}
	return left
}

// An exec that passed its check before the programs sat, and that ends when everything was looked for already, is found at
// its commit, or else by nobody: a lease on the interpreter holds it up in between.
func TestExecAmidTheAttach(t *testing.T) {
	const agent, interpreter = "/data/agents/amid", "/data/lease/interpreter"
	must(t, os.MkdirAll("/data/lease", 0o755))
	must(t, os.MkdirAll("/data/agents", 0o755))
	must(t, os.WriteFile(agent, actor.Program(interpreter), 0o755))
	must(t, os.WriteFile(interpreter, actor.Program(""), 0o755))
	for name, unsettle := range map[string]bool{"unsettled": true, "as-if-settled": false} {
		t.Run(name, func(t *testing.T) {
			policy(t, "", enforce.Agent{ID: 22, Exec: []string{agent}})
			out := start(t)
			out.do(act{Do: "noop"})
			detached(t)
			lease := leaseOn(t, interpreter)
			spawned := make(chan struct{})
			go func() {
				defer close(spawned)
				out.do(act{Do: "spawn", Path: agent, Argv: []string{"amid"}})
			}()
			becomes(t, func() bool { return lease.wanted(t) })
			must(t, kernel.Maps.Settled.Put(uint32(0), uint64(0)))
			if unsettle {
				must(t, kernel.Unsettle())
			}
			must(t, kernel.Attach())
			made, err := kernel.SeedAgents(context.Background())
			must(t, err)
			lease.release(t)
			pid := 0
			becomes(t, func() bool {
				for n, p := range processes(t) {
					if p.program == agent {
						pid = n
					}
				}
				return pid != 0
			})
			time.Sleep(100 * time.Millisecond)               // /proc is ahead of the commit
			want := unsettle || kernel.Form == bpf.FormTwice // which looks at every exec once more
			if in := inSession(t, pid); made != 0 || in != want {
				t.Errorf("%d found early, then in a session: %v, want %v", made, in, want)
			}
			must(t, unix.Kill(pid, unix.SIGKILL))
			<-spawned
		})
	}
}

// lease makes everyone else who opens the file wait.
type lease struct{ fd int }

func leaseOn(t *testing.T, path string) lease {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_WRLCK)
	must(t, err)
	return lease{fd}
}

// wanted reports whether somebody waits.
func (l lease) wanted(t *testing.T) bool {
	t.Helper()
	kind, err := unix.FcntlInt(uintptr(l.fd), unix.F_GETLEASE, 0)
	must(t, err)
	return kind != unix.F_WRLCK
}

func (l lease) release(t *testing.T) {
	t.Helper()
	_, err := unix.FcntlInt(uintptr(l.fd), unix.F_SETLEASE, unix.F_UNLCK)
	must(t, err)
}
