// SPDX-License-Identifier: Apache-2.0

// Hostile is a plugin that does whatever its name says at the moment that its name says: crash-export, hang-configure. Its
// settings say which back end it exports to; by itself it behaves.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	goplugin "github.com/hashicorp/go-plugin"

	"github.com/reeve-sensor/reeve/plugins/api"
)

var (
	backend string
	poison  string
	leaked  [][]byte
)

// misdeeds are what it can do.
var misdeeds = map[string]func(){
	"crash": func() { panic("a hostile plugin") },
	"hang":  func() { select {} },
	"exit":  func() { os.Exit(0) },
	"leak": func() {
		go func() {
			for {
				b := make([]byte, 8<<20)
				for i := range b {
					b[i] = 1
				}
				leaked = append(leaked, b)
				time.Sleep(5 * time.Millisecond)
			}
		}()
	},
	"flood": func() {
		for range 4 {
			go func() {
				for {
					fmt.Println(strings.Repeat("flood ", 1000))
					fmt.Fprintln(os.Stderr, strings.Repeat("flood ", 1000))
				}
			}()
		}
	},
	"child": func() {
		c := exec.Command("/bin/sleep", "1000")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := c.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	},
	"garbage":  func() { fmt.Println("this is no handshake"); select {} },
	"longline": func() { fmt.Print(strings.Repeat("x", 1<<20)); select {} },
	"address":  func() { fmt.Println("1|1|unix|/run/reeve/admin.sock|grpc|"); select {} },
	"network":  func() { fmt.Println("1|1|tcp|127.0.0.1:1|grpc|"); select {} },
	"version": func() {
		goplugin.Serve(&goplugin.ServeConfig{
			HandshakeConfig:  api.Handshake,
			VersionedPlugins: map[int]goplugin.PluginSet{7: {}},
			GRPCServer:       goplugin.DefaultGRPCServer,
		})
	},
}

// at does what the name says is to be done at a moment.
func at(moment string) {
	what, when, _ := strings.Cut(os.Args[0], "-")
	if f := misdeeds[what]; f != nil && when == moment {
		f()
	}
}

func main() {
	at("start")
	at("describe") // there is no other moment for it: the description is at hand
	api.Main(api.Plugin{
		Name: os.Args[0], Version: "1", About: "does harm",
		Settings: []api.Setting{
			{Key: "backend", Kind: api.Text, About: "where events go"},
			{Key: "poison", Kind: api.Text, About: "id of an event that ends it"},
			{Key: "targets", Kind: api.List, About: "what it tries to get at"},
			{Key: "token", Kind: api.Text, Secret: true, About: "its secret"},
		},
		Configure: configure,
		Export:    export,
		Health:    health,
		Actions: []api.Action{
			{Name: "freeze", Do: respond("freeze")}, {Name: "kill", Do: respond("kill")}, {Name: "many", Do: many},
		},
	})
}

func configure(_ context.Context, v api.Values) error {
	at("configure")
	backend, poison = v.Text("backend", ""), v.Text("poison", "")
	if targets := v.List("targets"); targets != nil {
		return tell(append(steal(targets), "env "+strings.Join(environment(), " "), fmt.Sprintf("uid %d", os.Getuid())))
	}
	return nil
}

func health(context.Context) error {
	at("health")
	if strings.HasPrefix(os.Args[0], "ill-") {
		return errors.New("its certificate ends tomorrow")
	}
	return nil
}

func export(ctx context.Context, events []api.Event) ([]string, error) {
	at("export")
	if backend == "" {
		return nil, nil
	}
	var ids, refused []string
	for _, e := range events {
		switch {
		case e.ID == poison:
			panic("poison")
		case strings.HasPrefix(e.ID, "unwanted"):
			refused = append(refused, e.ID)
		default:
			ids = append(ids, e.ID)
		}
	}
	return refused, tell(ids)
}

// environment are the names of its variables.
func environment() (names []string) {
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// tell hands lines to the back end, and waits for its answers.
func tell(lines []string) error {
	c, err := net.Dial("tcp", backend)
	if err != nil {
		return err
	}
	defer c.Close()
	for answers := bufio.NewScanner(c); len(lines) > 0; lines = lines[1:] {
		if _, err := fmt.Fprintln(c, lines[0]); err != nil {
			return err
		}
		if !answers.Scan() {
			return errors.New("the back end has gone")
		}
		if answers.Text() != "ok" {
			return fmt.Errorf("the back end says %s", answers.Text())
		}
	}
	return nil
}

func respond(action string) func(context.Context, api.Event, api.Session) error {
	return func(ctx context.Context, e api.Event, s api.Session) error {
		at("respond")
		_, err := s.Act(ctx, action, "it said so")
		return err
	}
}

// many asks for more than it was called for.
func many(ctx context.Context, _ api.Event, s api.Session) error {
	var errs []error
	for range 20 {
		_, err := s.Act(ctx, "kill", "")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// steal tries to read, list, connect to, trace and signal, and tells what it got.
func steal(targets []string) (got []string) {
	for _, target := range targets {
		how, what, _ := strings.Cut(target, " ")
		got = append(got, fmt.Sprintf("%s: %v", target, attempts[how](what)))
	}
	return got
}

var attempts = map[string]func(string) error{
	"read":    func(name string) error { _, err := os.ReadFile(name); return err },
	"list":    func(name string) error { _, err := os.ReadDir(name); return err },
	"connect": func(name string) error { c, err := net.Dial("unix", name); _ = c; return err },
	"trace":   func(pid string) error { return syscall.PtraceAttach(number(pid)) },
	"signal":  func(pid string) error { return syscall.Kill(number(pid), syscall.SIGTERM) },
	"root":    func(string) error { return syscall.Setuid(0) },
	"others":  func(string) error { return readOthers() },
}

// readOthers tries to read the environment and the descriptors of every process that has another user.
func readOthers() error {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	refused := 0
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || info.Sys().(*syscall.Stat_t).Uid == uint32(os.Getuid()) {
			continue
		}
		environment, err1 := os.ReadFile(filepath.Join(name, "environ"))
		descriptors, err2 := os.ReadDir(filepath.Join(name, "fd"))
		if len(environment)+len(descriptors) > 0 {
			return nil
		}
		if errors.Is(err1, os.ErrPermission) && errors.Is(err2, os.ErrPermission) {
			refused++
		}
	}
	if refused == 0 {
		return nil // nobody was there to be read
	}
	return fmt.Errorf("refused by all %d", refused)
}

func number(pid string) int {
	n, err := strconv.Atoi(pid)
	if err != nil {
		panic(err)
	}
	return n
}
