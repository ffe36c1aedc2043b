// SPDX-License-Identifier: Apache-2.0

// This file finds the programs of the system that policy refuses to anybody, for what sessions write to be compared with.

package site

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/copies"
)

// Bounds of the search.
const (
	lookedMax = 50_000 // names in folders
	belowMax  = 6      // folders between a place that a rule names and a program
)

// Originals are the programs that policy refuses, as far as nobody but root may change them: a session's own would make copies of what
// others write. One whose bytes another program has that is refused to nobody is none, since whoever wants it has it there; but not where
// a session wrote that one. They are looked for in the folders of programs, and where refusing rules say. whole is false where there is
// more than is looked through.
func Originals(im *enforce.Image, avoid []string, wrote func(*os.File) (bool, error)) (found copies.Originals, whole bool) {
	p := Programs{Avoid: avoid}
	s := search{programs: &p, sizes: map[string]int64{}, left: lookedMax}
	for _, dir := range folders("") {
		s.walk(dir, 1)
	}
	for _, place := range im.RefusedPlaces() {
		s.walk(place, belowMax)
	}
	table := im.Oracle()
	free := copies.Originals{}
	found = copies.Originals{}
	for file, size := range s.sizes {
		switch {
		case !rootAlone(file):
		case table.Refused(file):
			found[size] = append(found[size], file)
		default:
			free[size] = append(free[size], file)
		}
	}
	for size, files := range found {
		slices.Sort(files)
		found[size] = slices.DeleteFunc(files, func(file string) bool { return isFree(file, free[size], wrote) })
		if len(found[size]) == 0 {
			delete(found, size)
		}
	}
	return found, s.left > 0
}

// isFree reports whether one of the programs that are refused to nobody has a file's bytes.
func isFree(file string, programs []string, wrote func(*os.File) (bool, error)) bool {
	for _, program := range programs {
		f, err := os.Open(program)
		if err != nil {
			continue
		}
		same, err := copies.Same(f, file)
		own := false
		if same && err == nil {
			own, err = wrote(f)
		}
		f.Close()
		if same && err == nil && !own {
			return true
		}
	}
	return false
}

// search is a walk through folders.
type search struct {
	programs *Programs
	sizes    map[string]int64 // of the files that may be executed, by the names that the kernel has for them
	left     int
}

// walk takes in a program, or the programs of a folder and of those below it.
func (s *search) walk(name string, below int) {
	if s.left <= 0 || s.programs.avoided(name) {
		return
	}
	s.left--
	file, err := filepath.EvalSymlinks(name)
	if err != nil || s.programs.avoided(file) {
		return
	}
	info, err := os.Lstat(file)
	switch {
	case err != nil:
	case info.Mode().IsRegular():
		s.take(file, info)
	case info.IsDir() && below > 0:
		entries, _ := os.ReadDir(file) // what cannot be read has no program for anybody
		for _, e := range entries {
			if e.Type()&fs.ModeSymlink != 0 && below > 1 {
				continue // it may lead round in a circle, and anywhere
			}
			s.walk(filepath.Join(file, e.Name()), below-1)
		}
	}
}

func (s *search) take(file string, info fs.FileInfo) {
	if info.Mode()&0o111 != 0 && info.Size() > 0 && len(file) < bpf.CopyPath {
		s.sizes[file] = info.Size()
	}
}
