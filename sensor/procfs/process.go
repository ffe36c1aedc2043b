// SPDX-License-Identifier: Apache-2.0

// This file asks /proc about one process.

package procfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// ErrOther says that the pid is another process by now.
var ErrOther = errors.New("the pid belongs to another process")

// Process is what /proc tells. Fields are empty where it does not.
type Process struct {
	Program string
	Cwd     string
	TTY     string
	Args    []string
	UID     uint32
	Env     map[string]string // of the names that were asked for
}

// startTolerance is how far /proc's start time, in ticks and by way of the wall clock, may be off.
const startTolerance = 2 * time.Second

// open finds a process that started at the given time.
func open(ctx context.Context, pid uint32, started time.Time) (*process.Process, error) {
	p, err := process.NewProcessWithContext(ctx, int32(pid))
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	made, err := p.CreateTimeWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("start time of %d: %w", pid, err)
	}
	if !started.IsZero() && time.UnixMilli(made).Sub(started).Abs() > startTolerance {
		return nil, fmt.Errorf("process %d: %w", pid, ErrOther)
	}
	return p, nil
}

// Look asks about a process that started at the given time. names are the environment variables whose values may be kept.
func Look(ctx context.Context, pid uint32, started time.Time, names []string) (*Process, error) {
	p, err := open(ctx, pid, started)
	if err != nil {
		return nil, err
	}
	out := &Process{Env: map[string]string{}}
	out.Program, _ = p.ExeWithContext(ctx)
	out.Cwd, _ = p.CwdWithContext(ctx)
	out.TTY, _ = p.TerminalWithContext(ctx)
	out.Args, _ = p.CmdlineSliceWithContext(ctx)
	if uids, err := p.UidsWithContext(ctx); err == nil && len(uids) > 0 {
		out.UID = uids[0]
	}
	if len(names) == 0 {
		return out, nil
	}
	env, _ := p.EnvironWithContext(ctx)
	for _, entry := range env {
		if name, value, ok := strings.Cut(entry, "="); ok && slices.Contains(names, name) && len(value) <= 256 {
			out.Env[name] = value
		}
	}
	return out, nil
}

// Cwd is the folder of a process, or "".
func Cwd(pid uint32) string {
	name, err := os.Readlink("/proc/" + Number(pid) + "/cwd")
	if err != nil {
		return ""
	}
	return name
}

// Program is the file that a process runs as it sees it, or "".
func Program(pid uint32) string {
	name, err := os.Readlink("/proc/" + Number(pid) + "/exe")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(name, " (deleted)")
}

// Executed is the file that a process was asked to execute, by the name to which the kernel resolved it: what runs, or the
// script that this was given. Nothing where neither is named so, as for a process that has executed something else since.
func Executed(pid uint32, name string, argv []string, skipped uint32) (file, interpreter string) {
	program := Program(pid)
	if filepath.Base(program) == name {
		return program, ""
	}
	if skipped < 2 || int(skipped) > len(argv) { // no `#!` put anything in
		return "", ""
	}
	script := argv[skipped-1]
	if !filepath.IsAbs(script) {
		script = filepath.Join(Cwd(pid), script)
	}
	script, err := filepath.EvalSymlinks(script)
	if err != nil || filepath.Base(script) != name {
		return "", ""
	}
	return script, program
}

// lineMax bounds what is read of a process's command line.
const lineMax = 64 << 10

// Line is a process's command line, with spaces between the arguments, or "".
func Line(pid uint32) string {
	raw, err := os.ReadFile("/proc/" + Number(pid) + "/cmdline")
	if err != nil {
		return ""
	}
	raw = bytes.TrimRight(raw[:min(len(raw), lineMax)], "\x00")
	return strings.ToValidUTF8(string(bytes.ReplaceAll(raw, []byte{0}, []byte{' '})), "\ufffd")
}

// Comm is the name that a process gives itself, or "".
func Comm(pid uint32) string {
	raw, err := os.ReadFile("/proc/" + Number(pid) + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// Number spells a uid or pid.
func Number(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// User is the account of a uid: its name and home, or the number and nothing where there is none.
func User(uid uint32) (name, home string) {
	id := Number(uid)
	u, err := user.LookupId(id)
	if err != nil {
		return id, ""
	}
	return u.Username, u.HomeDir
}

// Groups are the names of a user's groups.
func Groups(uid uint32) ([]string, error) {
	u, err := user.LookupId(Number(uid))
	if err != nil {
		return nil, fmt.Errorf("user %d: %w", uid, err)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", u.Username, err)
	}
	var names []string
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			names = append(names, g.Name)
		}
	}
	return names, nil
}

// noLogin is the login uid of processes that nobody's login led to.
const noLogin = ^uint32(0)

// Owner is the user whose session a process would be: its login uid, else its real uid.
func Owner(pid uint32) (uint32, error) {
	raw, err := os.ReadFile("/proc/" + Number(pid) + "/loginuid")
	if err == nil {
		if uid, err := strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 32); err == nil && uint32(uid) != noLogin {
			return uint32(uid), nil
		}
	}
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return 0, fmt.Errorf("process %d: %w", pid, err)
	}
	uids, err := p.Uids()
	if err != nil || len(uids) == 0 {
		return 0, fmt.Errorf("owner of process %d: %w", pid, err)
	}
	return uids[0], nil
}
