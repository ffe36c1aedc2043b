// SPDX-License-Identifier: Apache-2.0

// Package durable writes the files that a sensor must have again after a power cut: each whole or not at all.
package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Write puts a file that its owner alone reads in the place of whatever has the name, and makes its folder last. Where it fails the old
// one stays, but for an error of the folder itself, which may leave either after a power cut.
func Write(name string, raw []byte) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("keeping %s: %w", name, err)
	}
	_, err = f.Write(raw)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("keeping %s: %w", name, errors.Join(err, os.Remove(f.Name())))
	}
	return Folder(dir)
}

// Folder makes renames and removals in a folder last.
func Folder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("keeping what is in %s: %w", dir, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("keeping what is in %s: %w", dir, err)
	}
	return nil
}
