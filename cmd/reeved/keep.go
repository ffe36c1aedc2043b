// SPDX-License-Identifier: Apache-2.0

// This file keeps what must outlive the daemon in the state folder: whole or not at all, also where the machine stops amid it.

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/reeve-sensor/reeve/sensor/durable"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// clock is the kernel's clock and the boot that it counts from.
type clock struct {
	boot string
	now  func() uint64 // ns
}

// machineClock is that of this machine.
func machineClock() clock {
	boot, err := procfs.BootID()
	if err != nil {
		boot = "" // the daemon does not start without
	}
	return clock{boot, procfs.SinceBoot}
}

// keep writes v to a file that only root reads.
func keep(dir, name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("keeping %s: %w", name, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keeping %s: %w", name, err)
	}
	return durable.Write(filepath.Join(dir, name), append(raw, '\n'))
}

// kept reads what keep wrote. It is false where nothing is kept.
func kept(dir, name string, v any) (bool, error) {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		return false, fmt.Errorf("reading %s in %s: %w", name, dir, err)
	}
	return true, nil
}

// drop forgets what was kept.
func drop(dir, name string) error {
	err := os.Remove(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = durable.Folder(dir)
	}
	if err != nil {
		return fmt.Errorf("forgetting %s in %s: %w", name, dir, err)
	}
	return nil
}
