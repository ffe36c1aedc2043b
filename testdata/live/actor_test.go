// SPDX-License-Identifier: Apache-2.0

package live

// Actors as the tests hold them: processes that are watched, or that are the control.

import (
	"encoding/gob"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/live/actor"
)

type (
	act    = actor.Act
	result = actor.Result
)

// actorAt is the program of actors: beside this one (make live-files).
var actorAt = func() string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return filepath.Join(filepath.Dir(self), "actor")
}()

// process is a running actor.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  *gob.Encoder
	out *gob.Decoder

	stdin   io.Closer
	answers *os.File
	adopted bool
}

// start runs an actor outside of every session.
func start(t *testing.T) *process {
	t.Helper()
	return startProgram(t, actorAt)
}

// startProgram is start with another name of this program.
func startProgram(t *testing.T, path string) *process {
	t.Helper()
	cmd := exec.Command(path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		hung := time.AfterFunc(answerWithin, func() { cmd.Process.Kill() })
		defer hung.Stop()
		cmd.Wait()
	})
	return &process{t: t, cmd: cmd, in: gob.NewEncoder(in), out: gob.NewDecoder(out), stdin: in, answers: out.(*os.File)}
}

func (p *process) pid() uint32 { return uint32(p.cmd.Process.Pid) }

// answerWithin is how long an act may take on a slow machine. An actor that hangs must not take the whole run with it.
const answerWithin = 5 * time.Minute

// do lets the actor act once.
func (p *process) do(a act) result {
	p.t.Helper()
	must(p.t, p.in.Encode(a))
	must(p.t, p.answers.SetReadDeadline(time.Now().Add(answerWithin)))
	var r result
	if err := p.out.Decode(&r); err != nil {
		p.t.Fatalf("%s %s %s %q: no answer: %v", a.Do, a.Path, a.To, a.Argv, err)
	}
	return r
}

// want fails the test where the act does not end with this errno.
func (p *process) want(a act, e syscall.Errno) {
	p.t.Helper()
	var r result
	unlessLeftOut(p.t, func() bool {
		r = p.do(a)
		return r.Errno == e
	})
	if r.Errno != e {
		p.t.Errorf("%s %s %s %q: %v, want %v", a.Do, a.Path, a.To, a.Argv, r.Errno, e)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func touch(path string) error { return os.WriteFile(path, nil, 0o644) }

// waitFor waits until a file is there.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not appear", path)
		}
	}
}

// becomes waits until something holds.
func becomes(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come true")
		}
	}
}

// ends waits until a session is over. kernel: on one that preempts itself the program at another thread's end may stand on that
// processor, and an end is left out; then it is swept, as the daemon does.
func ends(t *testing.T, slot uint32) {
	t.Helper()
	becomes(t, func() bool {
		if slotOf(t, slot) == nil {
			return true
		}
		leftOut, err := kernel.Skipped()
		must(t, err)
		if leftOut > 0 {
			must(t, kernel.Sweep())
		}
		return slotOf(t, slot) == nil
	})
}

func itoa(n int) string { return strconv.Itoa(n) }
