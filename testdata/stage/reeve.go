// SPDX-License-Identifier: Apache-2.0

package stage

// Reeve on the stage: as the package installs it in a machine, from a folder of its own on this kernel.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// readyTime bounds how long reeved may take to load, verify and attach its programs; emulated, that is seconds.
const readyTime = 2 * time.Minute

// Reeve is how a stage speaks to the running daemon: its command line, as a person would.
type Reeve struct {
	// Program is the command line's own, Env what it needs besides the caller's environment.
	Program string
	Env     []string

	stop func()
	said func() string
}

// Stop ends a daemon that Launch started; one that is a unit goes on.
func (r *Reeve) Stop() { r.stop() }

// Said is what the daemon has said, for whoever must find out what is wrong.
func (r *Reeve) Said() string { return r.said() }

func (r *Reeve) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.Program, args...)
	cmd.Env = append(os.Environ(), r.Env...)
	return cmd
}

// Output runs a command that must succeed.
func (r *Reeve) Output(ctx context.Context, args ...string) (string, error) {
	cmd := r.command(ctx, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("reeve %s: %w\n%s%s", strings.Join(args, " "), err, out, complaint.String())
	}
	return string(out), nil
}

// Objects reads a command's JSON, one object a line.
func Objects[T any](ctx context.Context, r *Reeve, args ...string) ([]T, error) {
	out, err := r.Output(ctx, args...)
	if err != nil {
		return nil, err
	}
	var all []T
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var one T
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("reeve %s: %w", strings.Join(args, " "), err)
		}
		all = append(all, one)
	}
}

const unitLog = "/run/reeved.log"

// Install starts reeved as the unit, from the files of packaging in this folder. systemd says when it is ready.
func Install(ctx context.Context, bin string) (*Reeve, error) {
	script := `set -e
		install -m 755 "$1/reeved" "$1/reeve" /usr/bin/
		install -D -m 644 reeve.toml /etc/reeve/reeve.toml
		# The machine's root is the host's, by a server that keeps a descriptor of all that was looked at: nothing is searched.
		sed -i 's/^depth .*/depth = 0/; s/^system .*/system = []/' /etc/reeve/reeve.toml
		install -D -m 644 sysusers.conf /usr/lib/sysusers.d/reeve.conf
		install -D -m 644 tmpfiles.conf /usr/lib/tmpfiles.d/reeve.conf
		install -D -m 644 reeved.service /etc/systemd/system/reeved.service
		systemd-sysusers reeve.conf
		systemd-tmpfiles --create reeve.conf
		# The machine keeps no journal.
		mkdir -p /run/systemd/system/reeved.service.d
		printf '[Service]\nStandardError=append:%s\n' "$2" > /run/systemd/system/reeved.service.d/stage.conf
		systemctl daemon-reload
		# systemd takes a Type that it does not know for "simple", and would not wait.
		systemctl show -p Type reeved | grep -q notify || { echo "the unit's Type was not understood"; exit 1; }
		systemctl start reeved || { cat "$2"; exit 1; }`
	if out, err := exec.CommandContext(ctx, "sh", "-c", script, "sh", bin, unitLog).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("starting reeved.service: %w\n%s", err, out)
	}
	said := func() string {
		log, err := os.ReadFile(unitLog)
		if err != nil {
			return err.Error()
		}
		return string(log)
	}
	return &Reeve{Program: "/usr/bin/reeve", stop: func() {}, said: said}, nil
}

// Launch starts reeved from a folder of its own, with the preset alone, and nothing left behind.
func Launch(ctx context.Context, bin string) (*Reeve, error) {
	folder, err := os.MkdirTemp("/run", "reeve-stage-")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(folder, "reeve.toml")
	// In a machine the root is the host's (Install): nothing is searched there, nor need be elsewhere.
	text := fmt.Sprintf("policy = []\nagents = %q\nrun = %q\nstate = %q\ngroup = \"root\"\non_daemon_exit = \"release\"\npins = \"\"\n"+
		"[inventory]\ndepth = 0\nsystem = []\n",
		filepath.Join(folder, "agents.d"), filepath.Join(folder, "run"), filepath.Join(folder, "state"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	for _, name := range []string{"run", "state", "agents.d"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			return nil, err
		}
	}
	var said bytes.Buffer
	daemon := exec.Command(filepath.Join(bin, "reeved"), "--config", config)
	daemon.Stderr = &said
	daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := daemon.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		daemon.Wait()
		close(ended)
	}()
	r := &Reeve{Program: filepath.Join(bin, "reeve"), Env: []string{"REEVE_CONFIG=" + config}, said: said.String}
	r.stop = func() {
		daemon.Process.Signal(syscall.SIGTERM)
		<-ended
		os.RemoveAll(folder)
	}
	if err := r.wait(ctx, ended); err != nil {
		r.stop()
		return nil, fmt.Errorf("starting reeved: %w\n%s", err, said.String())
	}
	return r, nil
}

// wait asks until the daemon answers.
func (r *Reeve) wait(ctx context.Context, ended <-chan struct{}) error {
	for deadline := time.Now().Add(readyTime); ; {
		_, err := r.Output(ctx, "status")
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("it ended")
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// Follow gives events to show as they come, each as a line, until the function that it returns is called.
func (r *Reeve) Follow(ctx context.Context, show func(line string)) (func(), error) {
	cmd := r.command(ctx, "events", "--follow")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			show(lines.Text())
		}
	}()
	return func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-done
		cmd.Wait()
	}, nil
}
