// SPDX-License-Identifier: Apache-2.0

// This file says to whom signatures of extensions may lead: those that the machine trusts, and those that the administrator does.

package site

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
)

// Publishers are the roots. What of them cannot be read, or may be changed by others than root, is an error beside those that hold.
func (c *Config) Publishers() (*signed.Roots, error) {
	machine, err := x509.SystemCertPool()
	if err != nil {
		err = fmt.Errorf("reading whom the machine trusts: %w", err)
	}
	dir := c.Inventory.Publishers
	if changed := changeable(dir); changed != "" {
		return signed.NewRoots(machine), errors.Join(err, fmt.Errorf("%s: others than root may change it: no publisher is trusted by %s", changed, dir))
	}
	roots, unread := signed.Load(machine, os.DirFS(dir))
	if unread != nil {
		unread = fmt.Errorf("reading %s: %w", dir, unread)
	}
	return roots, errors.Join(err, unread)
}

// changeable is what of a folder others than root may change; "" where there is no folder.
func changeable(dir string) string {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if !rootAlone(dir) {
		return dir
	}
	for _, e := range entries {
		if file := filepath.Join(dir, e.Name()); !rootAlone(file) {
			return file
		}
	}
	return ""
}
