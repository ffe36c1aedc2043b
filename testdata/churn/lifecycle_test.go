// SPDX-License-Identifier: Apache-2.0

package churn

// What the daemon leaves when it goes, and what it finds when it comes.

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// strike is one denied open by an agent that begins for it: what the kernel said.
func strike(t *testing.T) error {
	t.Helper()
	cmd := exec.Command(agent)
	cmd.Env = []string{hammerMark + "=" + once}
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() > 0 {
		return unix.Errno(e.ExitCode())
	}
	return err
}

// strikes are some on each processor in turn, to tell what the kernel does not hold from what one processor did not see: an emulated
// one was seen to go on with code that another had changed.
func strikes(t *testing.T) (said []error) {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with its processor
	for cpu := range runtime.NumCPU() {
		var one unix.CPUSet
		one.Set(cpu)
		must(t, unix.SchedSetaffinity(0, &one))
		for range 3 {
			said = append(said, strike(t))
		}
	}
	return said
}

// prepared is a machine with policy and agent, and a daemon that does not run yet.
func prepared(t *testing.T) *daemon {
	t.Helper()
	if _, err := os.Stat(*one); err != nil {
		t.Skip("two builds of the daemon are needed: make test-churn")
	}
	must(t, os.MkdirAll("/data/secret", 0o755))
	must(t, os.WriteFile(secret, []byte("secret"), 0o644))
	install(t, "/proc/self/exe", agent)
	write(t, 0)
	return newDaemon(t, [2]string{*one, *other})
}

func pinned(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(pins)
	if os.IsNotExist(err) {
		return 0
	}
	must(t, err)
	return len(entries)
}

func TestDeadDaemonStillHoldsAndTheNextOneTells(t *testing.T) {
	d := prepared(t)
	d.start()
	for _, death := range []struct {
		of  string
		die func()
	}{
		{"SIGKILL", func() { d.end(unix.SIGKILL) }},
		{"want of memory", d.exhausted},
	} {
		death.die()
		began := time.Now().Add(-time.Second)
		if err := strike(t); !errors.Is(err, unix.EACCES) {
			t.Errorf("%s, with no daemon: %v; then on each processor: %v", death.of, err, strikes(t))
		}
		d.start()
		if !eventually(func() bool {
			return slices.ContainsFunc(d.events(began), func(e *pb.Event) bool {
				return e.Kind == "access" && e.Object == secret && e.Rule == "secret" && e.Applied && e.Agent == "hammer"
			})
		}) {
			t.Errorf("%s: the refusal that happened meanwhile is not told: %v", death.of, d.events(began))
		}
	}
}

func (d *daemon) events(since time.Time) (all []*pb.Event) {
	d.t.Helper()
	d.ask(func(c *api.Client) error {
		stream, err := c.Events(d.t.Context(), &pb.EventsRequest{SinceMs: since.UnixMilli(), Limit: 1000})
		if err != nil {
			return err
		}
		all = nil
		for {
			reply, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			all = append(all, reply.Event)
		}
	})
	return all
}

func TestReleaseEndsEnforcement(t *testing.T) {
	for name, end := range map[string]func(*daemon){
		"by-configuration": func(d *daemon) {
			text, err := os.ReadFile(config)
			must(d.t, err)
			must(d.t, os.WriteFile(config, append(text, "on_daemon_exit = \"release\"\n"...), 0o600))
			d.start()
			if err := strike(d.t); !errors.Is(err, unix.EACCES) {
				d.t.Errorf("while it runs: %v", err)
			}
			goesOn := d.frozenLoop()
			d.end(unix.SIGTERM)
			thawed(d.t, goesOn)
		},
		"by-hand": func(d *daemon) {
			d.start()
			goesOn := d.frozenLoop()
			out, err := exec.Command(*one, "--config", config, "--release").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "already running") {
				d.t.Errorf("released under a daemon that runs: %v, %s", err, out)
			}
			d.end(unix.SIGTERM)
			if err := strike(d.t); !errors.Is(err, unix.EACCES) || goesOn() > 0 {
				d.t.Errorf("kept: %v; the frozen session goes on: it wrote %d times", err, goesOn())
			}
			out, err = exec.Command(*one, "--config", config, "--release").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "released") {
				d.t.Errorf("release: %v, %s", err, out)
			}
			thawed(d.t, goesOn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := prepared(t)
			end(d)
			d.cmd = nil
			if n := pinned(t); n > 0 {
				t.Errorf("%d sets of pins are left", n)
			}
			if err := strike(t); err != nil {
				t.Errorf("after the release: %v", err)
			}
		})
	}
}

// frozenLoop is a session that has been frozen, told by whether it has written since, and how often. It ends with the first fork that
// is refused.
func (d *daemon) frozenLoop() (goesOn func() int64) {
	d.t.Helper()
	const beats = "/data/beats"
	must(d.t, os.WriteFile(beats, nil, 0o644))
	loop := exec.Command("/bin/busybox", "sh", "-c", "while :; do echo >> "+beats+"; busybox sleep 0.05; done")
	var said bytes.Buffer
	loop.Stdout, loop.Stderr = &said, &said
	must(d.t, loop.Start())
	d.t.Cleanup(func() {
		_ = loop.Process.Kill()
		_ = loop.Wait()
		if d.t.Failed() {
			d.t.Logf("the loop said: %s", said.String())
		}
	})
	written := func() int64 {
		info, err := os.Stat(beats)
		must(d.t, err)
		return info.Size()
	}
	if !eventually(func() bool { return written() > 0 }) {
		d.t.Fatal("the loop does not begin")
	}
	d.ask(func(c *api.Client) error {
		s, err := c.Adopt(d.t.Context(), &pb.AdoptRequest{Pid: uint32(loop.Process.Pid)})
		if err == nil {
			_, err = c.Contain(d.t.Context(), &pb.ContainRequest{Id: s.Id, Action: string(api.Freeze)})
		}
		return err
	})
	before := written()
	return func() int64 { return written() - before }
}

// thawed: one that only ended when it was let go would have written once, at most.
func thawed(t *testing.T, goesOn func() int64) {
	t.Helper()
	if !eventually(func() bool { return goesOn() >= 10 }) {
		t.Errorf("what was frozen does not go on, and nobody knows of it any more: it wrote %d times", goesOn())
	}
}

// A session that was made by hand keeps its role over kills, upgrades and reloads: the numbers go on.
func TestSessionKeepsItsRole(t *testing.T) {
	d := prepared(t)
	must(t, os.WriteFile("/data/policy.d/roles.toml", []byte("version = 1\n[[role]]\nname = \"first\"\n[[role]]\nname = \"second\"\nextends = [\"default\"]\n"), 0o644))
	t.Cleanup(func() { os.Remove("/data/policy.d/roles.toml") })
	d.start()
	cmd := exec.Command("/bin/busybox", "sleep", "1000")
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var adopted *pb.AdoptReply
	d.ask(func(c *api.Client) (err error) {
		adopted, err = c.Adopt(t.Context(), &pb.AdoptRequest{Pid: uint32(cmd.Process.Pid), Role: "second"})
		return err
	})
	must(t, os.WriteFile("/data/policy.d/roles.toml", []byte("version = 1\n[[role]]\nname = \"zeroth\"\n[[role]]\nname = \"second\"\nextends = [\"default\"]\n"), 0o644))
	for name, step := range map[string]func(){"kill": d.kill, "upgrade": d.upgrade, "reload": d.reload} {
		step()
		if !kept(d, adopted.Id) {
			t.Errorf("after %s: %v", name, d.sessions())
		}
	}
}

// kept waits a moment: processes are told to a new daemon after it has said that it is ready.
func kept(d *daemon, id string) bool {
	return eventually(func() bool {
		return slices.ContainsFunc(d.sessions(), func(s *pb.SessionInfo) bool {
			return s.Id == id && s.Role == "second" && s.Processes == 1
		})
	})
}
