// SPDX-License-Identifier: Apache-2.0

// This file begins sessions: of a command, and of a process that runs already.

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// Exit statuses of run, besides those of the command.
const (
	exitNoSession = 125
	exitRefused   = 126
	exitNotFound  = 127
)

// runCommand becomes the command, as a session.
func runCommand(ctx context.Context, e *env, args []string) error {
	f := e.flags("run")
	agent := f.String("agent", "", "count the session as this `AGENT`'s; else the first that CMD executes names it")
	role := f.String("role", "", "the session's `ROLE`; administrators only")
	require := f.String("require", "", "do not run below this `COVERAGE`: full, network or observe")
	if err := f.Parse(args); err != nil { // flags end at CMD
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return &exit{exitNoSession, site.Hint(fmt.Errorf("run: %w", err), "reeve run --help")}
	}
	if f.NArg() == 0 {
		return &exit{exitNoSession, site.Hint(errors.New("run: a command is expected"), "reeve run -- claude")}
	}
	program, err := exec.LookPath(f.Arg(0))
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	if err != nil {
		return &exit{notRun(err), fmt.Errorf("%s: %w", f.Arg(0), cause(err))}
	}
	c, err := e.dial(ctx)
	if err != nil {
		return &exit{exitNoSession, err}
	}
	_, err = c.Run(ctx, &pb.RunRequest{Agent: *agent, Role: *role, Require: *require})
	if err != nil {
		return &exit{exitNoSession, unwrapExit(told(err))}
	}
	if err := c.Close(); err != nil {
		return &exit{exitNoSession, fmt.Errorf("leaving the daemon: %w", err)}
	}
	err = syscall.Exec(program, f.Args(), os.Environ())
	return &exit{notRun(err), site.Hint(fmt.Errorf("%s: %w", program, err), "reeve why says whether a rule refused it")}
}

// notRun is the status for a command that did not start.
func notRun(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return exitNotFound
	}
	return exitRefused
}

func cause(err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	return err
}

// unwrapExit takes a status off an error that gets another one.
func unwrapExit(err error) error {
	var x *exit
	if errors.As(err, &x) && x.err != nil {
		return x.err
	}
	return err
}

// adopt makes a running process a session.
func adopt(ctx context.Context, e *env, args []string) error {
	f := e.flags("adopt")
	agent := f.String("agent", "", "count the session as this `AGENT`'s")
	role := f.String("role", "", "the session's `ROLE`; administrators only")
	asJSON := f.Bool("json", false, "one object")
	rest, err := parse(f, args)
	if err != nil {
		return err
	}
	if err := count("adopt", rest, 1, 1, "one process id"); err != nil {
		return err
	}
	pid, err := strconv.ParseUint(rest[0], 10, 31)
	if err != nil {
		return fmt.Errorf("adopt: %q is no process id", rest[0])
	}
	c, err := e.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	reply, err := c.Adopt(ctx, &pb.AdoptRequest{Pid: uint32(pid), Agent: *agent, Role: *role})
	if err != nil {
		return told(err)
	}
	if *asJSON {
		return writeJSON(e.stdout, map[string]any{"session": reply.Id, "coverage": reply.Coverage})
	}
	fmt.Fprintf(e.stdout, "session %s, coverage %s\n", reply.Id, reply.Coverage)
	return nil
}
