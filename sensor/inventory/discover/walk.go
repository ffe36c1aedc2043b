// SPDX-License-Identifier: Apache-2.0

// This file searches: for folders that hold settings of agents, for packed extensions, for agents wherever they were
// installed. It follows no link, and has three bounds: depth, entries, and folders that it never enters.

package discover

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// never are folders that hold no project of a person: histories, caches and what package managers unpacked.
var never = []string{".git", ".hg", ".svn", ".cache", ".npm", ".Trash", "__pycache__", ".venv", ".tox", ".gradle", ".m2", ".rustup", ".mozilla", ".wine", "lost+found"}

// packages are folders of package managers: agents may lie in them, projects do not.
var packages = []string{"node_modules", "site-packages", "dist-packages", ".cargo", "vendor"}

// goModules is where Go keeps the modules of others, under any workspace.
const goModules = "go/pkg/mod"

// Search looks through a home for projects, packed extensions and agents. What it finds in settings is for Home and Project.
func (p *Pass) Search(h Home) Result {
	w := p.part(h, "")
	if p.Depth > 0 {
		w.search(h.Dir, true)
	}
	return w.done()
}

// walker is one search.
type walker struct {
	*part
	markers  map[string]bool     // first components of what projects hold
	own      map[string]bool     // folders of the home in which agents keep their own
	programs map[string][]target // agents by the last component of their program
	home     bool
	deeper   int    // folders that lie below the depth
	ended    string // why it ended early
}

type target struct {
	agent *inventory.Agent
	glob  string
}

func (w *part) search(dir string, home bool) {
	s := &walker{part: w, home: home, markers: map[string]bool{}, own: map[string]bool{}, programs: map[string][]target{}}
	s.learn(dir)
	s.folder(rel(dir), 0, false)
	if s.ended == "" && s.deeper > 0 && home {
		s.ended = fmt.Sprintf("%d folders lie more than %d deep", s.deeper, w.Depth)
	}
	if s.ended != "" {
		w.add(inventory.Item{Kind: inventory.KindFile, Name: path.Base(dir), Owner: w.home.User, Scope: inventory.ScopeUser, File: dir,
			Error: "not searched whole: " + s.ended})
	}
}

// learn makes of the catalogue what names are looked for.
func (s *walker) learn(dir string) {
	for i := range s.Catalogue.Agents {
		a := &s.Catalogue.Agents[i]
		for j := range a.Config {
			c := &a.Config[j]
			for _, p := range braces(c.Below()) {
				first, rest, _ := strings.Cut(p, "/")
				switch {
				case c.Scope == inventory.ScopeProject:
					s.markers[first] = true
				case strings.HasPrefix(c.File, "~/") && strings.HasPrefix(first, ".") && rest != "":
					if first == ".config" {
						second, _, _ := strings.Cut(rest, "/")
						first = path.Join(first, second)
					}
					s.own[path.Join(rel(dir), first)] = true
				}
			}
		}
		for _, g := range a.Exec {
			if last := path.Base(g); strings.HasPrefix(g, "**/") && !strings.ContainsAny(last, "*?[{") {
				s.programs[last] = append(s.programs[last], target{a, strings.TrimPrefix(g, "**/")})
			}
		}
	}
}

// folder looks at one folder, then at those in it. packed says that it lies in a package manager's.
func (s *walker) folder(dir string, depth int, packed bool) {
	var below []string
	project := false
	_ = s.entriesOf(dir, func(e fs.DirEntry) bool { // race: a folder may go, or not be readable: then nothing is in it
		if s.entries++; s.entries > s.Entries {
			s.ended = fmt.Sprintf("more than %d entries", s.Entries)
			return false
		}
		if s.Progress != nil && s.entries%4096 == 0 {
			s.Progress(s.entries)
		}
		name := e.Name()
		project = project || s.markers[name]
		if e.IsDir() {
			below = append(below, name)
			return true
		}
		s.file(dir, name)
		return true
	})
	if project && !packed && !s.own[dir] && s.home && dir != rel(s.part.home.Dir) {
		s.out.Projects = append(s.out.Projects, "/"+dir)
	}
	for _, name := range below {
		if s.ended != "" {
			return
		}
		inner := path.Join(dir, name)
		if slices.Contains(never, name) || slices.Contains(s.Skip, name) {
			continue
		}
		if depth+1 > s.Depth {
			if !packed {
				s.deeper++
			}
			continue
		}
		s.folder(inner, depth+1, packed || s.own[inner] || s.markers[name] || slices.Contains(packages, name) || strings.HasSuffix(inner, goModules))
	}
}

// file looks at the name of one file.
func (s *walker) file(dir, name string) {
	if ext := strings.ToLower(path.Ext(name)); s.home && (ext == ".mcpb" || ext == ".dxt") {
		s.packedFile("/" + path.Join(dir, name))
	}
	for _, t := range s.programs[name] {
		full := path.Join(dir, name)
		if ok, _ := doublestar.Match("**/"+t.glob, full); ok {
			s.program(t.agent, "/"+full)
		}
	}
}
