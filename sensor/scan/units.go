// SPDX-License-Identifier: Apache-2.0

// This file divides a tree into the units that get a verdict each.

package scan

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/depend"
)

// Units finds the skills in a tree, at any depth. What belongs to none of them is one more unit, the root; a root without skills
// is a single one. Folders that cannot be read are left to the scan, which tells them.
func Units(fsys fs.FS, root string) []Unit {
	var skills []string
	_ = fs.WalkDir(fsys, root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // the scan of the unit tells it
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return fs.SkipDir
		}
		if !entry.IsDir() && strings.EqualFold(entry.Name(), "SKILL.md") {
			skills = append(skills, path.Dir(name))
		}
		return nil
	})
	slices.Sort(skills)
	skills = slices.Compact(skills)
	if len(skills) == 0 || len(skills) == 1 && (skills[0] == root || skills[0] == ".") {
		return []Unit{{Root: root}}
	}
	units := []Unit{}
	if !slices.Contains(skills, root) {
		units = append(units, Unit{Root: root, Skips: within(skills, root)})
	}
	for _, s := range skills {
		units = append(units, Unit{Root: s, Skips: within(skills, s)})
	}
	return units
}

// within are the folders of a list below another.
func within(list []string, dir string) []string {
	var below []string
	for _, l := range list {
		if l != dir && (dir == "." || strings.HasPrefix(l, dir+"/")) {
			below = append(below, l)
		}
	}
	return below
}

func nameFault(registry, name string) (string, bool) {
	f, ok := depend.Name(registry, name)
	return f.Detail, ok
}
