// SPDX-License-Identifier: Apache-2.0

// This file keeps a second daemon from starting: the first one holds a lock, and its pid is in the file.

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
)

// lock takes the lock under dir. It is held until the file is closed, however the process ends.
func lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, site.Hint(fmt.Errorf("making the run folder: %w", err), "reeved runs as root; systemctl start reeved")
	}
	name := filepath.Join(dir, "reeved.lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, site.Hint(fmt.Errorf("opening the lock: %w", err), "reeved runs as root; systemctl start reeved")
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("locking %s: %w", name, err)
		}
		pid := make([]byte, 20)
		n, _ := f.ReadAt(pid, 0)
		return nil, fmt.Errorf("already running: process %s holds %s", strings.TrimSpace(string(pid[:n])), name)
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		return nil, errors.Join(fmt.Errorf("writing %s: %w", name, err), f.Close())
	}
	return f, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}
