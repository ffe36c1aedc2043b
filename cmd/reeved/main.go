// SPDX-License-Identifier: Apache-2.0

// Reeved is the daemon: it puts the policy into the kernel, reads what the kernel says, and answers on the local sockets.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor"
)

// version is set when a release is built.
var version = "dev"

func main() {
	sensor.CanaryMain()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `usage: reeved [--config FILE] [--require COVERAGE] [--cgroup PATH] [--check | --release]

Runs in the foreground; systemd starts it as reeved.service. SIGHUP reloads the
policy, SIGTERM stops. Exit status: 0 stopped or checked, 1 the check found faults,
2 it could not run.

`

// options are the command line.
type options struct {
	config  string
	require string
	cgroup  string
	check   bool
	release bool
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("reeved", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.PrintDefaults()
	}
	f.StringVar(&o.config, "config", site.DefaultConfig, "the configuration `FILE`")
	f.StringVar(&o.require, "require", "", "do not start below this `COVERAGE`: full, network or observe")
	f.StringVar(&o.cgroup, "cgroup", "", "judge networks below this `PATH` of cgroup2 alone: for trials; what is pinned elsewhere moves there, and stays there until a start says otherwise")
	f.BoolVar(&o.check, "check", false, "check configuration, catalogue and policy, then exit")
	f.BoolVar(&o.release, "release", false, "take away what daemons left in the kernel, then exit")
	showVersion := f.Bool("version", false, "print the version, then exit")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if *showVersion {
		return o, errVersion
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, nil
}

var errVersion = errors.New("version")

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, errVersion):
		fmt.Fprintln(stdout, "reeved", version)
		return 0
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		tell(stderr, err)
		return 2
	}
	if o.release {
		if err := release(o, stdout); err != nil {
			tell(stderr, err)
			return 2
		}
		return 0
	}
	s, err := prepare(o)
	if err != nil {
		tell(stderr, err)
		if o.check {
			return 1
		}
		return 2
	}
	if o.check {
		fmt.Fprintln(stdout, s.summary())
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if err := s.serve(ctx, log); err != nil {
		tell(stderr, err)
		return 2
	}
	return 0
}

// tell prints an error as people read it: a line for each fault, the first hints below.
func tell(w io.Writer, err error) {
	lines, hints := site.Say(err)
	for _, l := range lines {
		fmt.Fprintln(w, "reeved:", l)
	}
	for _, h := range hints {
		fmt.Fprintln(w, "hint:", h)
	}
}
