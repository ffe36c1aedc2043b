// SPDX-License-Identifier: Apache-2.0

// Vm runs a command, or the tests of a Go package, in a guest with a kernel under test.
// It exits with the command's code; 124 is a time-out, 125 a guest that died, 2 a mistake in usage
// or a harness that could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/reeve-sensor/reeve/testdata/vm"
)

const usage = `usage: vm [flags] -- 'COMMAND'
       vm [flags] test ./PACKAGE [-- -test.run X ...]
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code, err := run(ctx, os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
	}
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) (int, error) {
	config := vm.Config{Log: os.Stderr, Console: os.Stdout}
	flags, quiet, verbose := flagsFor(&config)
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	rest := flags.Args()
	if len(rest) == 0 {
		flags.Usage()
		return 2, flag.ErrHelp
	}
	if config.LSM == "nobpf" {
		config.LSM = vm.NoBPF
	}
	config.KVM = os.Getenv("REEVE_VM_ACCEL") == "kvm"
	if *quiet {
		config.Console = io.Discard
	}
	result, err := start(ctx, config, rest)
	if err == nil && result.Code == vm.CodeDied && !config.KVM {
		// Emulated processors run code that the kernel rewrites half old, half new, once in some hundred guests (jump labels under
		// TCG). A fault of the programs under test comes again.
		fmt.Fprintln(os.Stderr, "vm: the guest died: once more, for emulation may have")
		result, err = start(ctx, config, rest)
	}
	if err != nil {
		return 2, err
	}
	if *quiet {
		showTrouble(result.Console)
	}
	if *verbose || *quiet {
		fmt.Fprintf(os.Stderr, "vm: code %d, kernel %s, lsm %s, job after %.1f s, whole %.1f s, processors busy %.1f s\n",
			result.Code, result.Kernel, result.LSM, result.Up.Seconds(), result.Elapsed.Seconds(), result.Busy.Seconds())
	}
	return result.Code, nil
}

func start(ctx context.Context, config vm.Config, rest []string) (vm.Result, error) {
	if rest[0] != "test" || len(rest) < 2 {
		config.Command = strings.Join(rest, " ")
		return vm.Run(ctx, config)
	}
	args := rest[2:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	return vm.GoTest(ctx, config, rest[1], args...)
}

func flagsFor(c *vm.Config) (flags *flag.FlagSet, quiet, verbose *bool) {
	flags = flag.NewFlagSet("vm", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&c.Kernel, "k", "6.12", "kernel series: "+strings.Join(vm.Series(), ", "))
	flags.StringVar(&c.LSM, "lsm", "", "security modules for lsm= (none: the kernel's own list; nobpf: "+vm.NoBPF+")")
	flags.IntVar(&c.Memory, "m", 0, "memory in MB")
	flags.IntVar(&c.CPUs, "c", 0, "virtual CPUs")
	flags.DurationVar(&c.Timeout, "t", 0, "time-out, such as 90s")
	flags.StringVar(&c.Append, "a", "", "further words for the kernel command line")
	flags.Func("module", "further kernel module, loaded at boot; repeatable", func(s string) error {
		c.Modules = append(c.Modules, s)
		return nil
	})
	flags.StringVar(&c.Out, "o", "", "folder that receives what the job leaves in /out")
	flags.StringVar(&c.Ext4, "ext4", "", "guest path at which to mount a fresh ext4")
	flags.StringVar(&c.Tree, "tree", "", "folder to use as root in place of the host's")
	flags.BoolVar(&c.ICount, "icount", false, "let the guest's clock count instructions")
	flags.Func("f", "file or folder to copy into /job, or FILE:/PATH; repeatable", func(s string) error {
		from, to, _ := strings.Cut(s, ":")
		c.Files = append(c.Files, vm.File{From: from, To: to})
		return nil
	})
	flags.Func("layer", "host folder laid over the root of -root and -systemd; repeatable", func(s string) error {
		c.Layers = append(c.Layers, s)
		return nil
	})
	flags.Func("e", "NAME=value for the command; repeatable", func(s string) error {
		c.Env = append(c.Env, s)
		return nil
	})
	mode := func(m vm.Mode) func(string) error {
		return func(string) error { c.Mode = m; return nil }
	}
	flags.BoolFunc("root", "use the host's root, read-only under an overlay", mode(vm.Root))
	flags.BoolFunc("systemd", "the same, booted with systemd", mode(vm.Systemd))
	quiet = flags.Bool("q", false, "hide the console, show only kernel trouble and the outcome")
	verbose = flags.Bool("v", false, "say at the end what ran and how long")
	return flags, quiet, verbose
}

// showTrouble prints the lines of the console that say that the kernel is unwell.
func showTrouble(console string) {
	for line := range strings.Lines(console) {
		if strings.Contains(line, "panic") || strings.Contains(line, "BUG") || strings.Contains(line, "WARNING:") {
			fmt.Fprint(os.Stderr, "vm: ", line)
		}
	}
}
