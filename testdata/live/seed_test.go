// SPDX-License-Identifier: Apache-2.0

package live

// Agents that ran before the sensor did are found, with every thread and every child.

import (
	"context"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/enforce"
)

func TestSeedFindsRunningAgents(t *testing.T) {
	files(t)
	agents(t)
	policy(t, secretPolicy) // no catalogue yet: the agent starts unwatched
	out := start(t)
	out.do(act{Do: "noop"})
	done := make(chan result)
	go func() {
		line := "touch /data/ready; while ! test -e /data/go; do sleep 0.1; done; cat /data/secret/key"
		done <- out.do(act{Do: "exec", Path: "/data/agents/busybox-alpha", Argv: []string{"sh", "-c", line}})
	}()
	waitFor(t, "/data/ready")
	policy(t, secretPolicy, testAgents...)
	made, err := kernel.SeedAgents(context.Background())
	must(t, err)
	if made != 1 {
		t.Errorf("%d sessions of running agents, want 1", made)
	}
	must(t, touch("/data/go"))
	if r := <-done; r.Status == 0 {
		t.Error("an agent older than the sensor read what policy denies")
	}
	if again, err := kernel.SeedAgents(context.Background()); err != nil || again != 0 {
		t.Errorf("seeding again: %d sessions, %v", again, err)
	}
}

// likeThis is an actor's program under another name.
func likeThis(t *testing.T, path string) {
	t.Helper()
	from, err := os.Open(actorAt)
	must(t, err)
	defer from.Close()
	_ = os.Remove(path) // one that somebody may be executing
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	must(t, err)
	_, err = io.Copy(to, from)
	must(t, err)
	must(t, to.Close())
	t.Cleanup(func() { os.Remove(path) })
}

// threads have a crowd open a path, and fail the test where one of them is not told that.
func (p *process) threads(path string, want unix.Errno) {
	p.t.Helper()
	var r result
	unlessLeftOut(p.t, func() bool {
		r = p.do(act{Do: "each", Path: path})
		for _, one := range r.Steps {
			if one.Errno != want {
				return false
			}
		}
		return true
	})
	seen := map[int]bool{}
	for _, one := range r.Steps {
		if one.Errno != want {
			p.t.Errorf("thread %d of %d, %s: %v, want %v", one.PID, p.pid(), path, one.Errno, want)
		}
		seen[one.PID] = true
	}
	if len(seen) != crowdSize {
		p.t.Errorf("%d threads acted, want %d", len(seen), crowdSize)
	}
}

const crowdSize = 5

func TestSeedFindsEveryThread(t *testing.T) {
	files(t)
	agents(t)
	const name = "/data/agents/of-threads"
	likeThis(t, name)
	policy(t, secretPolicy) // no catalogue yet
	agent, out := startProgram(t, name), start(t)
	for _, p := range []*process{agent, out} {
		p.want(act{Do: "gather", At: crowdSize}, 0)
		p.threads("/data/secret/key", 0)
	}
	policy(t, secretPolicy, enforce.Agent{ID: 7, Exec: []string{name}})
	made, err := kernel.SeedAgents(context.Background())
	must(t, err)
	if made != 1 {
		t.Errorf("%d sessions of running agents, want 1", made)
	}
	if s := slotOf(t, slotBy(t, agent.pid())); s == nil || s.Tasks <= crowdSize {
		t.Errorf("the session has not all threads of the process: %+v", s)
	}
	agent.threads("/data/secret/key", unix.EACCES)
	agent.want(act{Do: "open", Path: "/data/secret/key"}, unix.EACCES)
	agent.want(act{Do: "thread", Path: "/data/secret/key"}, unix.EACCES)
	agent.threads("/data/free/file", 0)
	out.threads("/data/secret/key", 0)
}
