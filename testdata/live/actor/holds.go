// SPDX-License-Identifier: Apache-2.0

package actor

// What an actor leaves open, and whom it leaves behind.

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// kept is what holding acts leave open; the actor's, so never closed.
var kept []any

func opened(fd int, err error) Result {
	r := errno(err)
	r.Status = fd
	return r
}

func hold(a Act) Result { return opened(unix.Open(a.Path, a.Flags, 0o644)) }

func holdPipe(Act) Result {
	fds := make([]int, 2)
	return errno(unix.Pipe2(fds, 0))
}

// listen listens as plain TCP, where it does: the runtime prefers another protocol where the kernel has it.
func listen(a Act) Result {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	l, err := config.Listen(context.Background(), a.To, a.Path)
	kept = append(kept, l)
	return errno(err)
}

// leave starts a program that has a file open, and does not wait for it.
func leave(a Act) Result {
	f, err := os.Open(a.Path)
	if err != nil {
		return errno(err)
	}
	defer f.Close()
	p, err := os.StartProcess("/bin/busybox", a.Argv, &os.ProcAttr{Files: []*os.File{f, nil, nil}})
	if err != nil {
		return errno(err)
	}
	return Result{PID: p.Pid}
}

// spawn starts a program and does not wait for it.
func spawn(a Act) Result {
	p, err := os.StartProcess(a.Path, a.Argv, &os.ProcAttr{Env: []string{"PATH=/bin:/usr/bin"}, Files: []*os.File{nil, nil, nil}})
	if err != nil {
		return errno(err)
	}
	go p.Wait()
	return Result{PID: p.Pid}
}

// zombie starts a program that ends at once, and does not wait for it.
func zombie(Act) Result {
	p, err := os.StartProcess("/bin/busybox", []string{"busybox", "true"}, &os.ProcAttr{})
	if err != nil {
		return errno(err)
	}
	for stat := ""; !strings.Contains(stat, ") Z "); {
		raw, err := os.ReadFile("/proc/" + strconv.Itoa(p.Pid) + "/stat")
		if err != nil {
			return errno(err)
		}
		stat = string(raw)
	}
	return Result{PID: p.Pid}
}
