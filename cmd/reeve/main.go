// SPDX-License-Identifier: Apache-2.0

// Reeve is the command line: what people ask the daemon, and what can be answered without one.
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

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/inventory/approve"
)

// version is set when a release is built.
var version = "dev"

// Exit statuses.
const (
	exitDone  = 0
	exitNo    = 1 // the answer is no
	exitUsage = 2 // usage, or no answer
)

// command is one row of the table of subcommands.
type command struct {
	name  string
	args  string // as usage shows them
	about string
	run   func(context.Context, *env, []string) error
}

// table is every command, in the order in which help lists them.
func table() []command {
	return []command{
		{"doctor", "[--json] [--cgroup PATH]", "what this kernel allows, what is missing and how to get it", doctor},
		{"status", "[--json]", "coverage, policy, sessions, losses", statusCommand},
		{"run", "[--agent A] [--role R] [--require C] -- CMD…", "run CMD as an agent session", runCommand},
		{"adopt", "[--agent A] [--role R] [--json] PID", "make a running process and its descendants a session", adopt},
		{"sessions", "[--all] [--json]", "list sessions", sessions},
		{"session show", "[--json] ID", "a session's tree and timeline, with reasons", sessionShow},
		{"session kill", "[--reason TEXT] [--json] ID", "end every process of a session and its children", contain("kill")},
		{"session freeze", "[--reason TEXT] [--json] ID", "stop every task of a session and its children where it is", contain("freeze")},
		{"session isolate", "[--reason TEXT] [--json] ID", "refuse a session and its children all networks and the sockets of others", contain("isolate")},
		{"session deny", "[--reason TEXT] [--json] ID", "refuse a session and its children everything that policy can", contain("deny")},
		{"session thaw", "[--reason TEXT] [--json] ID", "let a session go on: the end of freeze, isolate and deny", contain("thaw")},
		{"events", "[--follow] [--session ID] [--since 1h] [--all] [--json]", "what happened; JSON is OCSF", events},
		{"why", "[--last] [--session ID] [--json]", "which rule stopped me, why, what is allowed instead", why},
		{"policy check", "[--json] [PATH…]", "all faults of a policy, without applying it", policyCheck},
		{"policy show", "[--running] [--json] [PATH…]", "a policy with everything merged", policyShow},
		{"policy explain", "[--policy P] [--role R|--user U] [--by NAME] [--json] --op OP OBJECT", "what the policy says of an object", policyExplain},
		{"policy diff", "[--json] [OLD] NEW", "what changes from one policy to another", policyDiff},
		{"policy apply", "[--confirm-within 60s] [--confirm] [--json] [PATH…]", "put a policy into force", policyApply},
		{"inventory", "[--kind K] [--user U] [--risk LEVEL] [--exposure|--diff[=FILE]|--cyclonedx] [--refresh|--own] [--json]", "agents, connectors, skills and the like on this machine, with their risk", inventoryCommand},
		{"inventory show", "[--own] [--json] KIND:NAME", "what is known of one: what it runs, why it is a risk, who approved it", inventoryShow},
		{"approve", "[--user U] [--file F] [--reason TEXT] [--json] KIND:NAME[@IDENTITY]", "let something be, as it is now: what it becomes asks again", decide(approve.Approved)},
		{"pin", "[--user U] [--file F] [--reason TEXT] [--json] KIND:NAME[@IDENTITY]", "approve something that is known whole, and say how a policy names it", decide(approve.Pinned)},
		{"revoke", "[--user U] [--file F] [--reason TEXT] [--json] KIND:NAME[@IDENTITY]", "take an approval back", decide(approve.Revoked)},
		{"scan", "[--json|--sarif] [--threshold review|block] [--all] [--cache FOLDER] [--against FILE] PATH…", "judge skills and connectors before they load; runs nothing, needs no daemon", scanCommand},
		{"plugin new", "[--module PATH] [--json] NAME", "write the beginning of a plugin into a new folder", pluginNew},
		{"break-glass", "(--host|--role R|--session ID) (--for 15m --reason TEXT|--end) [--json]", "let policy refuse nothing for a time; it is recorded", breakGlass},
	}
}

// env is what commands write to and read from.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	paint          paint
	width          int
	config         string // file
}

func main() {
	sensor.CanaryMain()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	terminal, width := terminalOf(os.Stdout)
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, width: width, config: site.DefaultConfig,
		paint: paint{terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"},
	}
	if name := os.Getenv("REEVE_CONFIG"); name != "" {
		e.config = name
	}
	os.Exit(dispatch(ctx, e, os.Args[1:]))
}

// dispatch finds the command and says what came of it.
func dispatch(ctx context.Context, e *env, args []string) int {
	if len(args) == 0 {
		help(e.stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "--help", "-h":
		help(e.stdout)
		return exitDone
	case "--version", "version":
		fmt.Fprintln(e.stdout, "reeve", version)
		return exitDone
	}
	c, rest := find(args)
	if c == nil {
		return e.fail(unknown(args))
	}
	err := c.run(ctx, e, rest)
	if errors.Is(err, flag.ErrHelp) {
		return exitDone
	}
	return e.fail(err)
}

// find is the command of the longest name that args begin with, and what is left of them.
func find(args []string) (found *command, rest []string) {
	for _, c := range table() {
		words := strings.Fields(c.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == c.name && (found == nil || len(c.name) > len(found.name)) {
			found, rest = &c, args[len(words):]
		}
	}
	return found, rest
}

func unknown(args []string) error {
	var family []string
	for _, c := range table() {
		if strings.HasPrefix(c.name, args[0]+" ") {
			family = append(family, c.name)
		}
	}
	if family != nil {
		return site.Hint(fmt.Errorf("%s: what of it?", args[0]), "one of: "+strings.Join(family, ", "))
	}
	return site.Hint(fmt.Errorf("no command %q", args[0]), "reeve help lists the commands")
}

func help(w io.Writer) {
	fmt.Fprintln(w, "usage: reeve COMMAND …")
	fmt.Fprintln(w)
	for _, c := range table() {
		fmt.Fprintf(w, "  %-15s %s\n", c.name, c.about)
	}
	fmt.Fprintln(w, "\nreeve COMMAND --help says more. All but run take --json: one object a line.")
	fmt.Fprintln(w, "Exit status: 0 done, 1 the answer is no, 2 usage or no answer.")
}

// exit is an error with a status of its own. A silent one has been told already.
type exit struct {
	code int
	err  error
}

func (x *exit) Error() string {
	if x.err == nil {
		return ""
	}
	return x.err.Error()
}
func (x *exit) Unwrap() error { return x.err }

// fail tells an error in one line and two hints, and gives its status.
func (e *env) fail(err error) int {
	if err == nil {
		return exitDone
	}
	code := exitUsage
	if x, ok := errors.AsType[*exit](err); ok {
		code = x.code
		if x.err == nil {
			return code
		}
		err = x.err
	}
	lines, hints := site.Say(err)
	for _, l := range lines {
		fmt.Fprintln(e.stderr, "reeve:", safe(l))
	}
	for _, h := range hints {
		fmt.Fprintln(e.stderr, "hint:", safe(h))
	}
	return code
}

// flags begins a command's flags. Its usage is the command's row.
func (e *env) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		for _, c := range table() {
			if c.name == name {
				fmt.Fprintf(e.stdout, "usage: reeve %s %s\n\n%s.\n\n", c.name, c.args, strings.ToUpper(c.about[:1])+c.about[1:])
			}
		}
		f.SetOutput(e.stdout)
		f.PrintDefaults()
		f.SetOutput(io.Discard)
	}
	return f
}

// parse reads flags that may stand anywhere among the arguments, up to a "--".
func parse(f *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, site.Hint(fmt.Errorf("%s: %w", f.Name(), err), "reeve "+f.Name()+" --help")
		}
		used := len(args) - f.NArg()
		if f.NArg() == 0 || used > 0 && args[used-1] == "--" {
			return append(rest, f.Args()...), nil
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// count refuses a wrong number of arguments.
func count(name string, args []string, least, most int, what string) error {
	if len(args) < least || len(args) > most {
		return site.Hint(fmt.Errorf("%s: %s expected, %d given", name, what, len(args)), "reeve "+name+" --help")
	}
	return nil
}
