// SPDX-License-Identifier: Apache-2.0

// This file reads which npm package a script belongs to that is installed or checked out. The script alone says little of what
// runs: a release with other code behind the same entry is told by its version, its files, and what it depends on.

package discover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// The bounds of a package.
const (
	moduleFilesMax = 2_000 // files of its own
	moduleDepsMax  = 1_000 // packages that it needs, theirs among them
	moduleNamesMax = 5_000 // names by which these are asked for
	linksMax       = 40    // symbolic links of one name
)

// manifest is as much as is read of package.json.
type manifest struct {
	Name     string            `json:"name"`
	Version  string            `json:"version"`
	Needs    map[string]string `json:"dependencies"`
	Perhaps  map[string]string `json:"optionalDependencies"`
	Borrowed map[string]string `json:"peerDependencies"`
}

// module is a package on disk.
type module struct {
	dir string
	manifest
}

// belongs puts the package of a script or program into the identity.
func (s *source) belongs(it *inventory.Item, file string) {
	if it.Identity.Package != nil {
		return
	}
	file = s.real(file)
	m := s.moduleOf(file)
	if m == nil {
		s.ofWheel(it, file)
		return
	}
	p := &inventory.Package{Registry: "npm", Name: event.Redact(clean(m.Name)), Version: event.Redact(clean(m.Version)), Exact: true}
	it.Identity.Package = p
	if s.isWorkedOn(m.dir) {
		return
	}
	files, err := s.contentOf(it, m)
	if err != nil {
		s.partly(it, p.String()+" is not known whole: "+reason(err))
		return
	}
	id := inventory.Identity{Files: files}
	p.Digest = "sha256:" + id.Content()
}

// partly says why an identity does not hold what will run, where nothing has said so yet.
func (s *source) partly(it *inventory.Item, why string) {
	if it.Identity.Loose == "" {
		it.Identity.Loose = why
	}
}

// isWorkedOn reports whether a package is the project itself, or what the project is a part of: the agent changes it all day, and its
// connector would ask each time.
func (s *source) isWorkedOn(dir string) bool {
	return s.project != "" && !strings.Contains(dir+"/", modules) && strings.HasPrefix(s.project+"/", dir+"/")
}

// scripts are files that are part of a package wherever that lies. What is built, or another language's, is beside it only.
var scripts = []string{".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"}

// moduleOf finds the package of a file: below node_modules the one that was installed, else the nearest that has a name. The home is
// nobody's package, whatever lies in it.
func (w *part) moduleOf(file string) *module {
	if dir, name := npmFolder(file); dir != "" {
		m := w.module(dir)
		if m != nil {
			m.Name = name
		}
		return m
	}
	if !slices.Contains(scripts, path.Ext(file)) {
		return nil
	}
	for dir := path.Dir(file); dir != "/" && dir != "." && dir != w.home.Dir; dir = path.Dir(dir) {
		if m := w.module(dir); m != nil && m.Name != "" {
			return m
		}
	}
	return nil
}

// module reads the manifest in a folder; nil where there is none.
func (w *part) module(dir string) *module {
	raw, _, err := w.slurp(path.Join(dir, manifestFile), proseMax)
	m := &module{dir: dir}
	if err != nil || json.Unmarshal(raw, &m.manifest) != nil {
		return nil
	}
	return m
}

const manifestFile = "package.json"

// contentOf sums a package's own files, and the manifests of what it needs: a release of that has another one.
func (s *source) contentOf(it *inventory.Item, m *module) ([]inventory.Part, error) {
	s.watch(path.Dir(m.dir), path.Base(m.dir)) // npm puts another folder in its place
	var files []inventory.Part
	var left int64 = contentMax
	err := s.own(m.dir, "", 0, func(name string, e fs.DirEntry) error {
		if len(files) == moduleFilesMax {
			return fmt.Errorf("more than %d files", moduleFilesMax)
		}
		return s.content(m.dir, name, e, &left, &files, &it.Facts.Writable)
	})
	if err != nil {
		return nil, err
	}
	needed, err := s.needed(m)
	return append(files, needed...), err
}

// apart are folders that are no code of a package's own.
var apart = []string{".git", "node_modules"}

// noted are files that servers keep beside their code while they run: memories, logs, databases.
var noted = []string{".jsonl", ".log", ".db", ".db-shm", ".db-wal", ".sqlite", ".sqlite3", ".sqlite-shm", ".sqlite-wal", ".pid", ".tmp"}

// own visits a package's own files.
func (w *part) own(dir, below string, depth int, visit func(name string, e fs.DirEntry) error) error {
	if depth > globDepth {
		return fmt.Errorf("more than %d folders deep", globDepth)
	}
	w.watch(path.Join(dir, below), every)
	var inner error
	err := w.entriesOf(rel(path.Join(dir, below)), func(e fs.DirEntry) bool {
		name := path.Join(below, e.Name())
		switch {
		case e.IsDir() && slices.Contains(apart, e.Name()):
		case e.IsDir():
			inner = w.own(dir, name, depth+1, visit)
		case !slices.Contains(noted, path.Ext(name)):
			inner = visit(name, e)
		}
		return inner == nil
	})
	return errors.Join(inner, err)
}

// needed are the packages that one needs, where Node.js finds them, each by the sum of its manifest.
func (w *part) needed(m *module) ([]inventory.Part, error) {
	var out []inventory.Part
	seen, asked := map[string]bool{m.dir: true}, 0
	for wait := []*module{m}; len(wait) > 0; wait = wait[1:] {
		names := wait[0].needs()
		if asked += len(names); asked > moduleNamesMax {
			return nil, fmt.Errorf("more than %d names of packages that it needs", moduleNamesMax)
		}
		for _, name := range names {
			dep := w.find(wait[0].dir, name)
			if dep == nil || seen[dep.dir] {
				continue
			}
			if seen[dep.dir] = true; len(seen) > moduleDepsMax {
				return nil, fmt.Errorf("more than %d packages that it needs", moduleDepsMax)
			}
			w.watch(dep.dir, manifestFile)
			sum, _, err := w.sum(path.Join(dep.dir, manifestFile), proseMax)
			if err != nil {
				return nil, err
			}
			out = append(out, inventory.Part{Name: path.Join(dep.dir, manifestFile), Value: sum})
			wait = append(wait, dep)
		}
	}
	return out, nil
}

// needs are the names of what a package needs, in an order of their own.
func (m *module) needs() []string {
	names := map[string]bool{}
	for _, list := range []map[string]string{m.Needs, m.Perhaps, m.Borrowed} {
		for name := range list {
			if fs.ValidPath(name) && strings.Count(name, "/") <= 1 {
				names[name] = true
			}
		}
	}
	return sortedKeys(names)
}

// find looks for a package as Node.js does: in node_modules of the folder, then of each above it.
func (w *part) find(dir, name string) *module {
	for ; ; dir = path.Dir(dir) {
		if path.Base(dir) != "node_modules" {
			if m := w.module(w.real(path.Join(dir, "node_modules", name))); m != nil {
				return m
			}
		}
		if dir == "/" || dir == "." {
			return nil
		}
	}
}

// real follows the symbolic links of a name, as far as there is something.
func (p *Pass) real(name string) string {
	done, rest := "/", strings.Split(rel(name), "/")
	for links := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		target, err := fs.ReadLink(p.FS, rel(next))
		if err != nil || links == linksMax {
			done, rest = next, rest[1:]
			continue
		}
		links++
		if path.IsAbs(target) {
			done = "/"
		}
		rest = append(strings.Split(strings.TrimPrefix(path.Clean(target), "/"), "/"), rest[1:]...)
	}
	return done
}
