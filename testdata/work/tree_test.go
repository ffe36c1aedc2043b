// SPDX-License-Identifier: Apache-2.0

package work

// A folder as one can compare it: each name with what it is.

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// snapshot tells of each name below root its kind and mode, owner, links, content, and its time where the tool keeps that.
func (w work) snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	must(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		short, _ := filepath.Rel(root, name)
		if w.isLeft(short) {
			return nil
		}
		text, err := w.describe(name, short, d)
		tree[short] = text
		return err
	}))
	return tree
}

func (w work) describe(name, short string, d fs.DirEntry) (string, error) {
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	raw := info.Sys().(*syscall.Stat_t)
	text := fmt.Sprintf("%s uid %d links %d", info.Mode(), raw.Uid, raw.Nlink)
	switch info.Mode().Type() {
	case 0:
		data, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf(" size %d content %x", len(data), sha256.Sum256(data))
	case fs.ModeSymlink:
		to, err := os.Readlink(name)
		if err != nil {
			return "", err
		}
		text += " to " + to
	}
	if within(short, w.keeps) {
		text += " at " + info.ModTime().UTC().String()
	}
	return text, nil
}

// isLeft says whether the tool is free to write what it likes there. Folders are still looked into for names.
func (w work) isLeft(short string) bool {
	for _, leaf := range w.leaves {
		if short == leaf || strings.Contains("/"+short+"/", "/"+leaf+"/") {
			return true
		}
	}
	return false
}

func within(short string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return short == f || strings.HasPrefix(short, f+"/") })
}

// difference is at most some lines about what is not in both.
func difference(outside, inside map[string]string) string {
	names := slices.Sorted(maps.Keys(outside))
	for name := range inside {
		if _, ok := outside[name]; !ok {
			names = append(names, name)
		}
	}
	var lines []string
	for _, name := range names {
		if outside[name] != inside[name] {
			lines = append(lines, fmt.Sprintf("%q\n  outside: %s\n  inside:  %s", name, outside[name], inside[name]))
		}
	}
	if len(lines) > 8 {
		lines = append(lines[:8], fmt.Sprintf("and %d more", len(lines)-8))
	}
	return strings.Join(lines, "\n")
}
