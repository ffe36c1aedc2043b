// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/session"
	"github.com/reeve-sensor/reeve/testdata/need"
)

func TestMain(m *testing.M) {
	sensor.CanaryMain()
	if play := parts[os.Getenv(part)]; play != nil {
		os.Exit(play(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stage is a folder with an agent, a tool and a file that policy denies.
func stage(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	for _, name := range []string{"agent", "tool"} {
		in, err := os.Open("/proc/self/exe")
		must(t, err)
		out, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_WRONLY, 0o755)
		must(t, err)
		_, err = io.Copy(out, in)
		must(t, errors.Join(err, out.Close(), in.Close()))
	}
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("s"), 0o600))
	return dir
}

const agentID = 31

// denyAll refuses a session everything.
const denyAll = `version = 1
base = "none"
[[role]]
name = "default"
defaults = { exec = "deny", file = "deny", foreign = "deny", nameless = "deny" }
[[rule]]
id = "all"
on = ["file.read", "file.write", "exec", "exec.map"]
match = ["**"]
action = "deny"
[[rule]]
id = "lines"
on = ["exec.argv"]
match = ["*"]
action = "kill"
`

// observed attaches tracepoints only.
func observed(t *testing.T, dir string) *sensor.Kernel {
	t.Helper()
	return loaded(t, dir, sensor.Options{Form: bpf.FormObserve})
}

// loaded attaches the programs of a form, under a policy that denies everything.
func loaded(t *testing.T, dir string, o sensor.Options) *sensor.Kernel {
	t.Helper()
	need.Programs(t)
	k, err := sensor.Load(o)
	must(t, err)
	t.Cleanup(func() { must(t, k.Close()) })
	_, err = k.SyncMounts()
	must(t, err)
	p, err := enforce.Parse(map[string]string{"test.toml": denyAll}, enforce.Options{})
	must(t, err)
	im, err := enforce.Compile(p, []enforce.Agent{{ID: agentID, Exec: []string{filepath.Join(dir, "agent")}}}, 1, enforce.Options{})
	must(t, err)
	must(t, enforce.NewApplier(k.Maps.Tables, k.TableSize).Apply(im))
	must(t, k.Attach())
	return k
}

type names struct{}

func (names) Role(uint64, uint16) string      { return "default" }
func (names) Principal(uint64, uint16) string { return "agent" }

func (names) Name(uint64, event.Op, uint32) string { return "name" }
func (names) Rule(*event.Event) sensor.Rule        { return sensor.Rule{ID: "rule"} }

// tape keeps the events of the test's agent.
type tape struct {
	mu     sync.Mutex
	events []*event.Event
}

func (s *tape) Append(e *event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Head.Agent == agentID {
		s.events = append(s.events, e)
	}
}

func (s *tape) find(f func(*event.Event) bool) *event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.events, f); i >= 0 {
		return s.events[i]
	}
	return nil
}

// record watches until the function that it returns is called.
func record(t *testing.T, k *sensor.Kernel) (*tape, func()) {
	t.Helper()
	verdicts, activity, err := sensor.OpenRings(k.Maps)
	must(t, err)
	c, err := inventory.Builtin()
	must(t, err)
	s := &tape{}
	w := sensor.NewWatch(sensor.WatchOptions{Catalogue: c, Names: names{}, Sink: s, Limits: session.DefaultLimits, Boot: "3f2a"})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx, verdicts, activity) }()
	return s, func() {
		stop()
		must(t, <-done)
	}
}

// run starts a copy and waits for its end.
func run(t *testing.T, play, path string, args ...string) (pid uint32, status int) {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stderr = []string{part + "=" + play}, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return uint32(cmd.Process.Pid), cmd.ProcessState.ExitCode()
}

// eventually waits for what comes a moment later, for as long as a starved machine may need.
func eventually(holds func() bool) {
	for deadline := time.Now().Add(20 * time.Second); !holds() && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
}

func of(kind event.Kind, pid uint32) func(*event.Event) bool {
	return func(e *event.Event) bool { return e.Kind == kind && e.Head.PID == pid }
}

func sessionEnd(e *event.Event) bool { return e.Kind == event.SessionEnd }

func line(argv ...string) func(*event.Event) bool {
	return func(e *event.Event) bool { return e.Kind == event.Exec && slices.Equal(e.Argv, argv) }
}

// What tracepoints alone see of an agent: its session from the exec that begins it to its last process, every process and
// every command line. Nothing is refused under a policy that refuses everything.
func TestTracepointsFollowAnAgent(t *testing.T) {
	dir := stage(t)
	k := observed(t, dir)
	s, stop := record(t, k)
	program, tool := filepath.Join(dir, "agent"), filepath.Join(dir, "tool")
	_, status := run(t, "tester", tool, "outside")
	root, agentSaid := run(t, "agent", program, dir)
	if status != 0 || agentSaid != agentStatus {
		t.Errorf("something was refused: a bystander ended with %d, the agent with %d", status, agentSaid)
	}
	ended := func() bool { // the last end is told on the other ring than the session's
		last := s.find(line("/proc/self/exe", "left behind"))
		return last != nil && s.find(of(event.Exit, last.Head.PID)) != nil &&
			s.find(sessionEnd) != nil
	}
	eventually(ended)
	// kernel: on one that preempts itself the program at another thread's end may stand on that processor, and an end is left out.
	leftOut, err := k.Skipped()
	must(t, err)
	if leftOut > 0 && !ended() {
		t.Logf("the kernel left %d programs out: sweeping, as the daemon does", leftOut)
		must(t, k.Sweep())
		eventually(func() bool { return s.find(sessionEnd) != nil })
	}
	stop()

	begin := s.find(of(event.SessionStart, root))
	if begin == nil || begin.Cause != event.CauseExec {
		t.Fatalf("the session did not begin with the agent's exec: %+v", begin)
	}
	first := s.find(line(program, dir))
	if first == nil || first.Head.PID != root || first.Path != program {
		t.Errorf("the agent's exec: %+v, want its arguments and %s", first, program)
	}
	second := s.find(line(tool, "--flag", "with space"))
	if second == nil || second.Path != tool {
		t.Fatalf("the tool's exec: %+v", second)
	}
	child := s.find(of(event.Fork, second.Head.PID))
	if child == nil || child.ParentPID != root {
		t.Errorf("the tool's fork: %+v", child)
	}
	third := s.find(line("/proc/self/exe", "left behind"))
	if third == nil || third.Path != tool {
		t.Fatalf("the exec of what was left behind: %+v", third)
	}
	for pid, want := range map[uint32]int32{root: agentStatus << 8, second.Head.PID: toolStatus << 8, third.Head.PID: 0} {
		e := s.find(of(event.Exit, pid))
		switch {
		case e == nil && leftOut > 0:
			t.Logf("the end of process %d is not told; the kernel left %d programs out", pid, leftOut)
		case e == nil || e.Status != want:
			t.Errorf("the end of process %d: %+v, want status %#x", pid, e, want)
		}
	}
	end := s.find(sessionEnd)
	if end == nil || end.Time.Before(third.Time.Add(patience/2)) {
		t.Errorf("the session ended with %+v, not with what it left behind", end)
	}
	claims(t, s, begin)
}

// claims checks that nothing is said that was not seen: opens go by, and nothing is stopped.
func claims(t *testing.T, s *tape, begin *event.Event) {
	t.Helper()
	for _, e := range s.events {
		switch {
		case e.Session != begin.Session:
			t.Errorf("an event of another session: %+v", e)
		case e.Kind == event.Access && !e.Starts():
			t.Errorf("an open, or the check of an exec, is claimed: %+v", e)
		case e.Head.Applied() || e.Head.Error != 0 || e.Refused():
			t.Errorf("a refusal is claimed: %+v", e)
		case e.Kind == event.Exec && e.Head.Action != event.Kill:
			t.Errorf("an exec's line was not judged: %+v", e)
		}
	}
}

func TestTracepointsClaimNoMoreThanTheySee(t *testing.T) {
	k := observed(t, stage(t))
	found, err := k.Find(t.Context())
	must(t, err)
	if found.Coverage != sensor.Observe {
		t.Errorf("coverage %s", found.Coverage)
	}
	for _, e := range found.Effects {
		want := sensor.NotSeen
		if e.Op == bpf.OpExec || e.Op == bpf.OpExecArgv {
			want = sensor.Seen
		}
		if e.State != want || e.Reason == "" {
			t.Errorf("%s: %s (%s), want %s", event.Op(e.Op), e.State, e.Reason, want)
		}
	}
}

// An agent that ran before the tracepoints sat is found with what descends from it.
func TestTracepointsFindWhatRuns(t *testing.T) {
	dir := stage(t)
	cmd := exec.Command(filepath.Join(dir, "agent"))
	cmd.Env = []string{part + "=waiter"}
	stdin, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	defer func() {
		stdin.Close()
		_ = cmd.Wait()
	}()
	k := observed(t, dir)
	made, err := k.SeedAgents(t.Context())
	must(t, err)
	if made != 1 {
		t.Errorf("%d sessions, want 1", made)
	}
	slots, err := k.Sessions()
	must(t, err)
	if len(slots) != 1 || slots[0].Agent != agentID || slots[0].RootPid != uint32(cmd.Process.Pid) || slots[0].Tasks < 2 {
		t.Errorf("sessions %s, want one of process %d with all its threads", fmt.Sprint(slots), cmd.Process.Pid)
	}
}
