// SPDX-License-Identifier: Apache-2.0

package churn

// The hammer: this test binary under another name. Copied to an agent's path it is the agent, anywhere else the bystander.
// It tries the same denied acts over and over, in threads, in children and in processes that are born all the time. What
// came of them is counted in shared memory, for it may be killed at any moment.

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	hammerMark = "REEVE_TEST_HAMMER"
	pauseMark  = "REEVE_TEST_PAUSE"
	once       = "once" // else the file of the tallies

	secret  = "/data/secret/key"
	program = "/data/secret/busybox-tool"
)

// oddShown is how many odd ends of one kind of act are shown.
const oddShown = 3

// tally is what came of one kind of act.
type tally struct{ Refused, Passed, Odd int64 }

func (t *tally) add(err, refusal error) {
	switch {
	case err == nil:
		atomic.AddInt64(&t.Passed, 1)
	case errors.Is(err, refusal), endedAtOnce(err):
		atomic.AddInt64(&t.Refused, 1)
	default:
		if atomic.AddInt64(&t.Odd, 1) <= oddShown {
			fmt.Fprintln(os.Stderr, "odd:", err)
		}
	}
}

// endedAtOnce reports that a program was killed before its first instruction: by the second look, or by the kernel, where the
// check of the exec was left out and that of the program's map refused (fs/exec.c:bprm_execve, past the point of no return).
func endedAtOnce(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGKILL || status.Signal() == syscall.SIGSEGV)
}

// blows are the acts, each with what it is refused with.
var blows = []struct {
	name    string
	refusal syscall.Errno
	strike  func() error
}{
	{"open", unix.EACCES, func() error { return opened(secret) }},
	{"exec", unix.EPERM, func() error { return exec.Command(program, "true").Run() }},
	{"thread", unix.EACCES, openedByThread},
	{"born", unix.EACCES, openedByChild},
}

// tallies are those of all blows, in a file that hammers and test share.
type tallies [4]tally

func open(t *testing.T, path string) *tallies {
	t.Helper()
	must(t, os.WriteFile(path, make([]byte, unsafe.Sizeof(tallies{})), 0o666))
	all, err := share(path)
	must(t, err)
	return all
}

func share(path string) (*tallies, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	memory, err := unix.Mmap(int(f.Fd()), 0, int(unsafe.Sizeof(tallies{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*tallies)(unsafe.Pointer(unsafe.SliceData(memory))), nil
}

func opened(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func openedByThread() error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and is not unlocked: the thread ends with it
		done <- opened(secret)
	}()
	return <-done
}

// openedByChild starts another hammer that strikes once: for the agent it is an agent that begins, at any moment. One that
// is killed has not come through.
func openedByChild() error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args[0] = "hammer"
	cmd.Env = []string{hammerMark + "=" + once}
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		if e.ExitCode() < 0 && e.Sys().(syscall.WaitStatus).Signal() == unix.SIGKILL {
			return unix.EACCES
		}
		return syscall.Errno(e.ExitCode())
	}
	return err
}

// hammer strikes until it is killed.
func hammer() {
	if os.Getenv(hammerMark) == once {
		var e syscall.Errno
		errors.As(opened(secret), &e)
		os.Exit(int(e))
	}
	all, err := share(os.Getenv(hammerMark))
	if err != nil {
		panic(err)
	}
	rest, err := time.ParseDuration(os.Getenv(pauseMark))
	if err != nil {
		panic(err)
	}
	for i, blow := range blows {
		go func() {
			for ; ; time.Sleep(rest) {
				all[i].add(blow.strike(), blow.refusal)
			}
		}()
	}
	select {}
}

// smith keeps a hammer swinging from a copy at path: one that is killed is followed by another. so far gives what all of them
// counted; stop ends it, and says how many were killed besides.
func smith(t *testing.T, path string) (soFar func() tallies, stop func() (tallies, int)) {
	t.Helper()
	install(t, "/proc/self/exe", path)
	shared := filepath.Join("/data", filepath.Base(filepath.Dir(path))+".tallies")
	all := open(t, shared)
	done, ended := make(chan struct{}), make(chan int)
	go func() {
		killed := 0
		for {
			cmd := exec.Command(path)
			cmd.Env = []string{hammerMark + "=" + shared, pauseMark + "=" + pause.String()}
			cmd.Stderr = os.Stderr
			exit := make(chan error, 1)
			if err := atPriority(lowest, cmd.Start); err != nil {
				exit <- err
			} else {
				go func() { exit <- cmd.Wait() }()
			}
			select {
			case <-exit:
				killed++
			case <-done:
				_ = cmd.Process.Kill()
				<-exit
				ended <- killed
				return
			}
		}
	}()
	struck := func() bool { return atomic.LoadInt64(&all[0].Refused)+atomic.LoadInt64(&all[0].Passed) > 0 }
	for deadline := time.Now().Add(readyWait); !struck(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not hammer", path)
		}
	}
	soFar = func() tallies {
		var now tallies
		for i := range all {
			now[i] = tally{atomic.LoadInt64(&all[i].Refused), atomic.LoadInt64(&all[i].Passed), atomic.LoadInt64(&all[i].Odd)}
		}
		return now
	}
	return soFar, func() (tallies, int) {
		close(done)
		killed := <-ended
		return soFar(), killed
	}
}

func install(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	must(t, err)
	must(t, os.MkdirAll(filepath.Dir(to), 0o755))
	_ = os.Remove(to) // it may run
	must(t, os.WriteFile(to, data, 0o755))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
