// SPDX-License-Identifier: Apache-2.0

// Messages serves a scenario as an Anthropic Messages API on loopback. With a command it runs that
// command against itself and exits with its code, 3 if the command ended before the script did.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/reeve-sensor/reeve/testdata/messages"
)

const usage = `usage: messages [flags] SCENARIO.toml [-- COMMAND ARGS...]
`

type options struct {
	listen, record string
	vars           map[string]string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "messages:", err)
	}
	os.Exit(code)
}

func run(ctx context.Context, args []string) (int, error) {
	o := options{vars: map[string]string{}}
	flags := flagsFor(&o)
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return 2, flag.ErrHelp
	}
	scenario, err := messages.Load(flags.Arg(0), o.vars)
	if err != nil {
		return 2, err
	}
	command := flags.Args()[1:]
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	var record io.Writer
	if o.record != "" {
		f, err := os.Create(o.record)
		if err != nil {
			return 2, err
		}
		defer f.Close()
		record = f
	}
	return serve(ctx, o.listen, messages.New(scenario, record), command)
}

func flagsFor(o *options) *flag.FlagSet {
	flags := flag.NewFlagSet("messages", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback address")
	flags.StringVar(&o.record, "record", "", "file for one JSON object a request")
	flags.Func("set", "NAME=value for a variable of the scenario; repeatable", func(s string) error {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("no =")
		}
		o.vars[name] = value
		return nil
	})
	return flags
}

func serve(ctx context.Context, address string, handler *messages.Server, command []string) (int, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return 2, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return 2, fmt.Errorf("listening on %s: not a loopback address", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return 2, err
	}
	server := &http.Server{Handler: handler}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer func() {
		server.Close()
		<-ended
	}()
	url := "http://" + listener.Addr().String()
	if len(command) == 0 {
		fmt.Println(url)
		<-ctx.Done()
		return 0, nil
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), messages.Environ(url)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 2, err
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		return code, nil
	}
	if !handler.Done() {
		return 3, errors.New("the command ended before the script did")
	}
	return 0, nil
}
