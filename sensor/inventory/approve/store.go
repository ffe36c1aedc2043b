// SPDX-License-Identifier: Apache-2.0

// This file keeps decisions on disk: whole or not at all, for the daemon and for a command that finds none running.

package approve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor/durable"
)

// Store is approvals.json in the state folder.
type Store struct{ Dir string }

const name = "approvals.json"

// file is what is written.
type file struct {
	Version int      `json:"version"`
	Records []Record `json:"records"`
}

const version = 1

// Read gives every decision. Where none was made there is no file.
func (s Store) Read() ([]Record, error) {
	raw, err := os.ReadFile(filepath.Join(s.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading approvals: %w", err)
	}
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(s.Dir, name), err)
	}
	if f.Version != version {
		return nil, fmt.Errorf("reading %s: version %d is not of this build", filepath.Join(s.Dir, name), f.Version)
	}
	return f.Records, nil
}

// Add lays decisions over those that are there. Two writers wait for each other.
func (s Store) Add(more []Record) error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("keeping approvals: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(s.Dir, "."+name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("keeping approvals: %w", err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("keeping approvals: locking: %w", err)
	}
	records, err := s.Read()
	if err != nil {
		return err // what cannot be read is not written over
	}
	return s.write(keep(records, more))
}

func (s Store) write(records []Record) error {
	raw, err := json.MarshalIndent(file{version, records}, "", " ")
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(s.Dir, name), append(raw, '\n'))
}
