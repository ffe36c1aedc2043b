// SPDX-License-Identifier: Apache-2.0

package vm

// One run from the first file to the last: prepare, boot, watch, collect.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Run boots a guest and runs one command in it. The error is about the harness alone: a job that
// fails, runs out of time or takes the guest down with it is a Result.
func Run(ctx context.Context, config Config) (Result, error) {
	c, err := config.complete()
	if err != nil {
		return Result{}, fmt.Errorf("vm: %w", err)
	}
	k, err := openKernel(ctx, c.Cache, c.Kernel, c.logf)
	if err != nil {
		return Result{}, fmt.Errorf("vm: %w", err)
	}
	scratch, err := os.MkdirTemp("", "reeve-vm-")
	if err != nil {
		return Result{}, fmt.Errorf("vm: %w", err)
	}
	defer os.RemoveAll(scratch)
	r := &run{Config: c, kernel: k, scratch: scratch}
	result, err := r.do(ctx)
	if err != nil {
		return result, fmt.Errorf("vm: %w", err)
	}
	return result, nil
}

// boots is how often a guest may be started until its job begins.
const boots = 3

// run is one run in progress. All its files lie in scratch.
type run struct {
	Config
	kernel  *kernel
	scratch string
}

func (r *run) path(name string) string { return filepath.Join(r.scratch, name) }

func (r *run) do(ctx context.Context) (Result, error) {
	if err := r.prepare(ctx); err != nil {
		return Result{}, err
	}
	result, err := r.bootShared(ctx)
	// Emulated processors fail a kernel now and then while it starts. What the job did is never tried again.
	for try := 1; err == nil && result.Code == CodeDied && result.Up == 0 && try < boots; try++ {
		r.logf("the guest died before its job began: booting again")
		result, err = r.bootShared(ctx)
	}
	if err != nil {
		return result, err
	}
	if r.Out != "" && result.Code != CodeTimeout && result.Code != CodeDied {
		if err := unpackOut(r.path("out.img"), r.Out); err != nil {
			return result, fmt.Errorf("files from the guest: %w", err)
		}
	}
	return result, nil
}

// prepare makes the initial file system and the disks.
func (r *run) prepare(ctx context.Context) error {
	base, err := openBase(ctx, r.Cache, r.kernel, r.Modules)
	if err != nil {
		return err
	}
	job, err := r.jobTree(r.kernel)
	if err != nil {
		return err
	}
	// The kernel unpacks archives that follow one another in turn.
	err = writeWith(r.path("initrd"), func(w io.Writer) error {
		f, err := os.Open(base)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(w, f); err != nil {
			return err
		}
		return job.pack(w)
	})
	if err != nil {
		return err
	}
	if r.Out != "" {
		if err := sparse(r.path("out.img"), r.OutSize); err != nil {
			return err
		}
	}
	if r.Ext4 == "" {
		return nil
	}
	if err := sparse(r.path("ext4.img"), 1<<30); err != nil {
		return err
	}
	_, err = tool(ctx, "", "mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", r.path("ext4.img"))
	return err
}

func sparse(name string, size int64) error {
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return err
	}
	return os.Truncate(name, size)
}

// bootShared boots once, with servers of its own: they end with the first guest that ends.
func (r *run) bootShared(ctx context.Context) (Result, error) {
	shares, err := r.openShares(ctx)
	if err != nil {
		shares.Close()
		return Result{}, err
	}
	defer shares.Close()
	return r.boot(ctx)
}

// boot runs QEMU to its end and reads what the guest reported.
func (r *run) boot(ctx context.Context) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	var console capture
	var complaint strings.Builder
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", r.qemuArgs()...)
	cmd.Stdout = &stripper{to: io.MultiWriter(&console, r.Console)}
	cmd.Stderr = &complaint
	// The guest must not outlive a harness that is killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	start := time.Now()
	err := cmd.Run()
	result := Result{Console: console.String(), Elapsed: time.Since(start), Code: CodeDied}
	if cmd.ProcessState != nil {
		result.Busy = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if report, err := os.ReadFile(r.path("status")); err == nil {
		result.read(string(report))
	}
	// A guest that reported its status in time has ended, whatever QEMU did afterwards.
	var exit *exec.ExitError
	switch {
	case result.Code != CodeDied:
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		result.Code = CodeTimeout
		r.logf("time-out after %s", r.Timeout)
	case ctx.Err() != nil:
		return result, ctx.Err()
	case err != nil && !errors.As(err, &exit), err != nil && result.Console == "":
		return result, fmt.Errorf("running QEMU: %w: %s", err, strings.TrimSpace(complaint.String()))
	default:
		r.logf("the guest died without a status %s", strings.TrimSpace(complaint.String()))
	}
	return result, nil
}

// read takes the guest's report: lines name=value, of which rc is the last.
func (r *Result) read(report string) {
	for line := range strings.Lines(report) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		switch name {
		case "kernel":
			r.Kernel = value
		case "lsm":
			r.LSM = value
		case "up":
			if seconds, err := strconv.ParseFloat(value, 64); err == nil {
				r.Up = time.Duration(seconds * float64(time.Second))
			}
		case "rc":
			if code, err := strconv.Atoi(value); err == nil {
				r.Code = code
			}
		}
	}
}

// capture collects the console; QEMU's output and a reader may overlap at a time-out.
type capture struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.Write(p)
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}

// stripper removes the carriage returns of a serial line.
type stripper struct{ to io.Writer }

func (s *stripper) Write(p []byte) (int, error) {
	clean := make([]byte, 0, len(p))
	for _, b := range p {
		if b != '\r' {
			clean = append(clean, b)
		}
	}
	if _, err := s.to.Write(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}
