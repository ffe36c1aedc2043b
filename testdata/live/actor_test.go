// SPDX-License-Identifier: Apache-2.0

package live

// The actor: this test binary, started again as the process that is watched. It does one system call when told, and
// answers with what the kernel said. Adopted, it is a session; left alone, it is the control.

import (
	"encoding/gob"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const actorMark = "REEVE_TEST_ACTOR"

// The actor's main goroutine keeps the first thread, so every other goroutine is in a thread that does not lead.
func init() {
	if os.Getenv(actorMark) != "" {
		runtime.LockOSThread()
	}
}

// act is one thing that an actor is told to do.
type act struct {
	Do    string
	Path  string
	To    string
	Argv  []string
	Flags int
	At    int     // a descriptor
	User  uint32  // who executes, where that is not root
	Steps []order // of the model

	Patient bool // networks: nothing is refused, so that what does not come is late
}

// result is what came of it.
type result struct {
	Errno  syscall.Errno
	Status int            // exit code
	Signal syscall.Signal // that ended the program
	PID    int
	Seen   string   // what a step of the model showed
	Steps  []result // what came of each
	Flips  flips
}

var acts = together(basic, names, attributes, reaches, views, byWorkers, sockets, networks, deep, rarely, terminals, children, threads, called)

func together(tables ...map[string]func(act) result) map[string]func(act) result {
	all := map[string]func(act) result{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

var basic = map[string]func(act) result{
	"open":     func(a act) result { return open(a.Path, a.Flags) },
	"exec":     run,
	"start":    started,
	"launch":   launched,
	"map":      func(a act) result { return mapped(a.Path, unix.PROT_READ|unix.PROT_EXEC, 0) },
	"mprotect": func(a act) result { return mapped(a.Path, unix.PROT_READ, unix.PROT_READ|unix.PROT_EXEC) },
	"chroot":   func(a act) result { return errno(unix.Chroot(a.Path)) },
	"chdir":    func(a act) result { return errno(unix.Chdir(a.Path)) },
	"unshare":  func(a act) result { return errno(unix.Unshare(a.Flags)) },
	"bind":     func(a act) result { return errno(unix.Mount(a.Path, a.To, "", unix.MS_BIND, "")) },
	"tmpfs":    func(a act) result { return errno(unix.Mount("none", a.Path, "tmpfs", 0, "")) },
	"mkdir":    func(a act) result { return errno(os.MkdirAll(a.Path, 0o755)) },
	"write":    func(a act) result { return errno(os.WriteFile(a.Path, []byte(a.To), 0o644)) },
	"symlink":  func(a act) result { return errno(os.Symlink(a.Path, a.To)) },
	"keep":     keep,
	"thread":   openInThread,
	"worker":   openByWorker,
	"noop":     func(act) result { return result{} },
	"hold":     hold,
	"pipe":     holdPipe,
	"memfd":    func(a act) result { return opened(unix.MemfdCreate(a.Path, 0)) },
	"listen":   listen,
	"leave":    leave,
	"zombie":   zombie,
	"spawn":    spawn,
	"flood":    flood,
	"spin":     spin,
}

// keep opens a path as a name only, which reads nothing and so is not judged, and leaves it open.
func keep(a act) result {
	fd, err := unix.Open(a.Path, unix.O_PATH, 0)
	r := errno(err)
	r.Status = fd
	return r
}

func errno(err error) result {
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return result{Errno: e}
	}
	if err != nil {
		return result{Errno: unix.EIO}
	}
	return result{}
}

func open(path string, flags int) result {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o644)
	if err == nil {
		unix.Close(fd)
	}
	return errno(err)
}

// openInThread opens from a thread that does not lead the process.
func openInThread(a act) result {
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		done <- open(a.Path, a.Flags)
	}()
	return <-done
}

func mapped(path string, first, then int) result {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	memory, err := unix.Mmap(fd, 0, os.Getpagesize(), first, unix.MAP_PRIVATE)
	if err != nil {
		return errno(err)
	}
	defer unix.Munmap(memory)
	if then == 0 {
		return result{}
	}
	return errno(unix.Mprotect(memory, then))
}

func run(a act) result {
	cmd := exec.Cmd{Path: a.Path, Args: a.Argv, Env: []string{"PATH=/bin:/usr/bin"}}
	if a.User != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.User, Gid: a.User}}
	}
	return ended(cmd)
}

// ended runs a command, and tells how it ended.
func ended(cmd exec.Cmd) result {
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return errno(err)
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	r := result{Status: status.ExitStatus(), PID: cmd.Process.Pid}
	if status.Signaled() {
		r.Signal = status.Signal()
	}
	return r
}

// started runs a program for which nothing else is opened.
func started(a act) result {
	pid, err := syscall.ForkExec(a.Path, a.Argv, &syscall.ProcAttr{})
	if err != nil {
		return errno(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return errno(err)
	}
	r := result{Status: status.ExitStatus()}
	if status.Signaled() {
		r.Signal = status.Signal()
	}
	return r
}

// launched starts a program as an agent starts a connector.
func launched(a act) result {
	r := run(a)
	switch {
	case r.Errno != 0:
	case r.Signal == syscall.SIGKILL:
		r.Errno = unix.EPERM
	case r.Status != 0:
		r.Errno = unix.EIO
	}
	return r
}

// actor runs in the child. Names need not be text, so gob and not JSON.
func actor() {
	in, out := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	for {
		var a act
		if err := in.Decode(&a); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			panic(err)
		}
		if err := out.Encode(perform(a)); err != nil {
			panic(err)
		}
	}
}

// perform does it here, or passes it on to the child that acts in place of this process.
func perform(a act) result {
	if deputy != nil {
		return deputy.ask(a)
	}
	return acts[a.Do](a)
}

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
	return startProgram(t, "/proc/self/exe")
}

// startProgram is start with another name of this program.
func startProgram(t *testing.T, path string) *process {
	t.Helper()
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), actorMark+"=1")
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
