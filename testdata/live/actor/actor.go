// SPDX-License-Identifier: Apache-2.0

// Package actor is the process that is watched in the tests of testdata/live, and how they speak to it. It does one system call when
// told, and answers with what the kernel said. Adopted, it is a session; left alone, it is the control.
package actor

import (
	"encoding/gob"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Act is one thing that an actor is told to do.
type Act struct {
	Do    string
	Path  string
	To    string
	Argv  []string
	Flags int
	At    int     // a descriptor
	User  uint32  // who executes, where that is not root
	Steps []Order // of the model

	Patient bool // networks: nothing is refused, so that what does not come is late
}

// Result is what came of it.
type Result struct {
	Errno  syscall.Errno
	Status int            // exit code
	Signal syscall.Signal // that ended the program
	PID    int
	Seen   string   // what a step of the model showed
	Steps  []Result // what came of each
	Flips  Flips
}

// Knows tells whether an actor can be told that.
func Knows(do string) bool { return acts[do] != nil }

var acts = together(basic, names, attributes, reaches, views, byWorkers, sockets, networks, deep, rarely, terminals, children, threads, called, staged)

func together(tables ...map[string]func(Act) Result) map[string]func(Act) Result {
	all := map[string]func(Act) Result{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

var basic = map[string]func(Act) Result{
	"open":     func(a Act) Result { return open(a.Path, a.Flags) },
	"exec":     run,
	"start":    started,
	"launch":   launched,
	"map":      func(a Act) Result { return mapped(a.Path, unix.PROT_READ|unix.PROT_EXEC, 0) },
	"mprotect": func(a Act) Result { return mapped(a.Path, unix.PROT_READ, unix.PROT_READ|unix.PROT_EXEC) },
	"chroot":   func(a Act) Result { return errno(unix.Chroot(a.Path)) },
	"chdir":    func(a Act) Result { return errno(unix.Chdir(a.Path)) },
	"unshare":  func(a Act) Result { return errno(unix.Unshare(a.Flags)) },
	"bind":     func(a Act) Result { return errno(unix.Mount(a.Path, a.To, "", unix.MS_BIND, "")) },
	"tmpfs":    func(a Act) Result { return errno(unix.Mount("none", a.Path, "tmpfs", 0, "")) },
	"mkdir":    func(a Act) Result { return errno(os.MkdirAll(a.Path, 0o755)) },
	"write":    func(a Act) Result { return errno(os.WriteFile(a.Path, []byte(a.To), 0o644)) },
	"symlink":  func(a Act) Result { return errno(os.Symlink(a.Path, a.To)) },
	"keep":     keep,
	"thread":   openInThread,
	"worker":   openByWorker,
	"noop":     func(Act) Result { return Result{} },
	"hold":     hold,
	"pipe":     holdPipe,
	"memfd":    func(a Act) Result { return opened(unix.MemfdCreate(a.Path, 0)) },
	"listen":   listen,
	"leave":    leave,
	"zombie":   zombie,
	"spawn":    spawn,
	"flood":    flood,
	"insist":   insist,
	"spin":     spin,
}

// keep opens a path as a name only, which reads nothing and so is not judged, and leaves it open.
func keep(a Act) Result {
	fd, err := unix.Open(a.Path, unix.O_PATH, 0)
	r := errno(err)
	r.Status = fd
	return r
}

func errno(err error) Result {
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return Result{Errno: e}
	}
	if err != nil {
		return Result{Errno: unix.EIO}
	}
	return Result{}
}

func open(path string, flags int) Result {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o644)
	if err == nil {
		unix.Close(fd)
	}
	return errno(err)
}

// insist opens so many times, and is woken for each of them wherever the kernel was meanwhile. Status: how often it was let.
func insist(a Act) (r Result) {
	nap := unix.Timespec{Nsec: 20_000}
	for range a.At {
		if open(a.Path, a.Flags).Errno == 0 {
			r.Status++
		}
		_ = unix.Nanosleep(&nap, nil) // or less, where a signal comes
	}
	return r
}

// openInThread opens from a thread that does not lead the process.
func openInThread(a Act) Result {
	done := make(chan Result)
	go func() {
		runtime.LockOSThread()
		done <- open(a.Path, a.Flags)
	}()
	return <-done
}

func mapped(path string, first, then int) Result {
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
		return Result{}
	}
	return errno(unix.Mprotect(memory, then))
}

func run(a Act) Result {
	cmd := exec.Cmd{Path: a.Path, Args: a.Argv, Env: []string{"PATH=/bin:/usr/bin"}}
	if a.User != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.User, Gid: a.User}}
	}
	return ended(cmd)
}

// ended runs a command, and tells how it ended.
func ended(cmd exec.Cmd) Result {
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return errno(err)
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	r := Result{Status: status.ExitStatus(), PID: cmd.Process.Pid}
	if status.Signaled() {
		r.Signal = status.Signal()
	}
	return r
}

// started runs a program for which nothing else is opened.
func started(a Act) Result {
	pid, err := syscall.ForkExec(a.Path, a.Argv, &syscall.ProcAttr{})
	if err != nil {
		return errno(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return errno(err)
	}
	r := Result{Status: status.ExitStatus()}
	if status.Signaled() {
		r.Signal = status.Signal()
	}
	return r
}

// launched starts a program as an agent starts a connector.
func launched(a Act) Result {
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

// Main acts as it is told on standard input, until that ends. Names need not be text, so gob and not JSON.
func Main() {
	if os.Getenv(descriptorMark) != "" {
		os.Exit(tellDescriptor())
	}
	in, out := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	for {
		var a Act
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
func perform(a Act) Result {
	if deputy != nil {
		return deputy.ask(a)
	}
	return acts[a.Do](a)
}
