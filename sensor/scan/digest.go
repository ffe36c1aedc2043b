// SPDX-License-Identifier: Apache-2.0

// This file names a unit by its content, before it is scanned: what was scanned already need not be scanned again.

package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Digest is SHA-256 over every name, mode, link and content of a unit, as they are on disk. Two units of one digest get one
// report. The error is of what cannot be read: such a unit has no digest.
func Digest(fsys fs.FS, u Unit) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(fsys, u.Root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != u.Root && u.skip(name, entry.IsDir()) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		return add(h, fsys, strings.TrimPrefix(name, u.Root), name, entry)
	})
	if err != nil {
		return "", fmt.Errorf("hashing %s: %w", u.Root, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func add(h io.Writer, fsys fs.FS, inner, name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "%d:%s%o:%d:", len(inner), inner, info.Mode(), info.Size())
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(fsys, name)
		fmt.Fprintf(h, "%d:%s", len(target), target)
		return err
	case info.Mode().IsRegular():
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(h, f)
		return err
	}
	return nil
}
