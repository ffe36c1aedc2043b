// SPDX-License-Identifier: Apache-2.0

// This file reads which Python package a script belongs to that pip, pipx or uv have installed: the one whose RECORD has it. The
// script that a command names is the same in every release: three lines that call what lies in the package.

package discover

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// wheel is an installed package: <name>-<version>.dist-info, in a folder of packages.
type wheel struct {
	site, info    string
	name, version string
}

// wheelsMax bounds the packages of one folder.
const wheelsMax = 2_000

var wheelName = regexp.MustCompile(`^([A-Za-z0-9._]+)-([A-Za-z0-9.!+_]+)\.dist-info$`)

// wheelOf finds the package of a script, and what it has there.
func (w *part) wheelOf(file string) (*wheel, []string) {
	var left int64 = contentMax // bound: records of more are those of no connector's packages
	for _, site := range w.sites(file) {
		all := w.wheels(site)
		for _, name := range sortedKeys(all) {
			if files := w.recorded(all[name], file, &left); files != nil {
				return all[name], files
			}
		}
	}
	return nil, nil
}

// sites are the folders of packages that a script may be a part of: the one in which it lies, or those beside its own folder.
func (w *part) sites(file string) []string {
	for _, name := range []string{"/site-packages/", "/dist-packages/"} {
		if at := strings.LastIndex(file, name); at >= 0 {
			return []string{file[:at] + strings.TrimSuffix(name, "/")}
		}
	}
	if !w.isPython(file) {
		return nil
	}
	found, _ := w.glob(rel(path.Dir(path.Dir(file))), "lib/python3*/{site,dist}-packages")
	for i := range found {
		found[i] = "/" + found[i]
	}
	return found
}

// isPython reports whether a script has Python run it, by its first lines: of a long path, a shell executes that.
func (w *part) isPython(file string) bool {
	f, _, err := w.open(file, proseMax)
	if err != nil {
		return false
	}
	defer f.Close()
	head, _ := io.ReadAll(io.LimitReader(f, 512))
	return bytes.HasPrefix(head, []byte("#!")) && bytes.Contains(head, []byte("python"))
}

// wheels are the packages of a folder, by their names as these are compared.
func (w *part) wheels(site string) map[string]*wheel {
	w.watch(site, every)
	out := map[string]*wheel{}
	names, _ := w.glob(rel(site), "*.dist-info")
	for _, name := range names[:min(len(names), wheelsMax)] {
		if m := wheelName.FindStringSubmatch(path.Base(name)); m != nil {
			out[normal(m[1])] = &wheel{site, "/" + name, m[1], m[2]}
		}
	}
	return out
}

var separators = regexp.MustCompile(`[-_.]+`)

func normal(name string) string { return separators.ReplaceAllString(strings.ToLower(name), "-") }

// recorded are the files that a package says it has, where the one that is asked for is among them.
func (w *part) recorded(one *wheel, file string, left *int64) []string {
	raw, _, err := w.slurp(path.Join(one.info, "RECORD"), min(proseMax, *left))
	*left -= int64(len(raw))
	if err != nil || !bytes.Contains(raw, []byte(path.Base(file))) {
		return nil
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord = -1
	lines, err := r.ReadAll()
	if err != nil {
		return nil
	}
	var files []string
	has := false
	for _, line := range lines {
		name := line[0]
		if !path.IsAbs(name) {
			name = path.Join(one.site, name)
		}
		has = has || name == file
		if path.Base(path.Dir(name)) != "__pycache__" { // written at any start
			files = append(files, name)
		}
	}
	if !has {
		return nil
	}
	return files
}

// ofWheel puts the Python package of a script into the identity.
func (s *source) ofWheel(it *inventory.Item, file string) {
	one, names := s.wheelOf(file)
	if one == nil {
		return
	}
	p := &inventory.Package{Registry: "pypi", Name: event.Redact(clean(one.name)), Version: event.Redact(clean(one.version)), Exact: true}
	it.Identity.Package = p
	files, err := s.wheelContent(one, names)
	if err != nil {
		s.partly(it, p.String()+" is not known whole: "+reason(err))
		return
	}
	id := inventory.Identity{Files: files}
	p.Digest = "sha256:" + id.Content()
}

// wheelContent sums what a package has, and the records of what it needs: these have the sums of all that is in there.
func (w *part) wheelContent(one *wheel, names []string) ([]inventory.Part, error) {
	if len(names) > moduleFilesMax {
		return nil, fmt.Errorf("more than %d files", moduleFilesMax)
	}
	all := w.wheels(one.site)
	seen := map[string]bool{normal(one.name): true}
	for wait := []*wheel{one}; len(wait) > 0; wait = wait[1:] {
		for _, name := range w.requires(wait[0]) {
			if dep := all[name]; dep != nil && !seen[name] {
				seen[name] = true
				names, wait = append(names, path.Join(dep.info, "RECORD")), append(wait, dep)
			}
		}
	}
	var out []inventory.Part
	var left int64 = contentMax
	for _, name := range names {
		w.watch(path.Dir(name), path.Base(name))
		sum, info, err := w.sum(name, left)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", path.Base(name), reason(err))
		}
		left -= info.Size()
		out = append(out, inventory.Part{Name: name, Value: sum})
	}
	return out, nil
}

var requirement = regexp.MustCompile(`(?m)^Requires-Dist: *([A-Za-z0-9._-]+)`)

// requires are the names of what a package needs.
func (w *part) requires(one *wheel) []string {
	raw, _, err := w.slurp(path.Join(one.info, "METADATA"), proseMax)
	if err != nil {
		return nil
	}
	head, _, _ := bytes.Cut(raw, []byte("\n\n")) // the description follows
	var names []string
	for _, m := range requirement.FindAllSubmatch(head, -1) {
		names = append(names, normal(string(m[1])))
	}
	return names
}
