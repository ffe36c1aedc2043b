// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/signal"
	"syscall"
)

type options struct {
	here     bool
	unit     bool
	wire     bool
	verbose  bool
	kernel   string
	bin      string
	scenario string
	agent    string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	var o options
	if err := o.parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	out := newScreen(os.Stdout, o.wire)
	var err error
	if o.here {
		err = onStage(ctx, o, out)
	} else {
		err = inGuest(ctx, o, out)
	}
	if err != nil {
		out.say(bad, "demo: %v", err)
		return 1
	}
	return 0
}

func (o *options) parse(args []string) error {
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.BoolVar(&o.here, "here", false, "run on this kernel, not in a machine")
	f.BoolVar(&o.unit, "unit", false, "with -here: start reeved as the systemd unit that the package installs")
	f.BoolVar(&o.wire, "wire", false, "with -here: mark lines for the director instead of colouring them")
	f.BoolVar(&o.verbose, "v", false, "show the machine's whole console")
	f.StringVar(&o.kernel, "k", "6.12", "kernel of the machine")
	f.StringVar(&o.bin, "bin", "bin", "folder of reeved and reeve")
	f.StringVar(&o.scenario, "scenario", "testdata/messages/scenarios/demo.toml", "what the agent is told to do")
	f.StringVar(&o.agent, "agent", "", "Claude Code's program; default: what packaging/provision.sh claude downloaded")
	return f.Parse(args)
}
