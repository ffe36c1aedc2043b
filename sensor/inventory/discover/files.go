// SPDX-License-Identifier: Apache-2.0

// This file is how files are read: regular ones alone, so much of each, links followed where the file system lets them be.

package discover

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// The bounds of what is read.
const (
	settingsMax = 16 << 20 // bytes of a file of settings
	proseMax    = 1 << 20  // bytes of a Markdown file
	contentMax  = 64 << 20 // bytes of a folder that are summed
	filesMax    = 400      // files of a folder that are summed
	programMax  = 2 << 30  // bytes of a program that are summed
	matchesMax  = 2_000    // files of one row
	listedMax   = 20_000   // entries that one row looks at
	globDepth   = 8        // folders that ** goes down
)

// rel is an absolute path as fs.FS has it.
func rel(name string) string {
	if name = strings.Trim(path.Clean(name), "/"); name == "" {
		return "."
	}
	return name
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

var errSpecial = errors.New("no regular file")

// open opens a regular file of a size.
func (p *Pass) open(name string, most int64) (fs.File, fs.FileInfo, error) {
	f, err := p.FS.Open(rel(name))
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errSpecial
	case info.Size() > most:
		err = fmt.Errorf("%d bytes, %d are looked at", info.Size(), most)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

func (p *Pass) slurp(name string, most int64) ([]byte, fs.FileInfo, error) {
	f, info, err := p.open(name, most)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("more than %d bytes", most) // it grew, or lies about its size
	}
	return raw, info, err
}

// reason is an error without the path, which the item has.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// document reads and parses the source's file, once for all rows. It is nil where there is nothing to read.
func (s *source) document() *document {
	s.watch(path.Dir(s.name), path.Base(s.name))
	if d, ok := s.files[s.name]; ok {
		return d
	}
	s.files[s.name] = nil
	format := s.config.Written(s.name)
	most := int64(settingsMax)
	if format == formats.Markdown {
		most = proseMax
	}
	if format == "" {
		info, err := fs.Stat(s.FS, rel(s.name))
		if err != nil {
			return nil
		}
		s.files[s.name] = &document{fact: info}
		return s.files[s.name]
	}
	raw, info, err := s.slurp(s.name, most)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var root *formats.Node
	if err == nil {
		root, err = formats.Parse(format, raw)
	}
	if err != nil {
		s.trouble(s.agent, s.config, s.name, reason(err))
		return nil
	}
	s.files[s.name] = &document{root, info}
	return s.files[s.name]
}

// every is each name of a folder.
const every = "*"

// watch notes a name in a folder whose changes matter; where the folder is not there, that folder's name in what is above it.
func (w *part) watch(dir, name string) {
	for ; dir != "/"; dir, name = path.Dir(dir), path.Base(dir) {
		names := w.watched[dir]
		if names == nil {
			if info, err := fs.Stat(w.FS, rel(dir)); err != nil || !info.IsDir() {
				continue
			}
			names = map[string]bool{}
			w.watched[dir] = names
		}
		names[name] = true
		return
	}
}

// glob lists what a pattern of the catalogue matches below a folder. Links are followed where the pattern names or matches
// them, and not by **, which therefore ends. It tells whether bounds cut it short.
func (w *part) glob(dir, pattern string) (names []string, bounded bool) {
	g := globber{part: w, left: listedMax}
	for _, p := range braces(pattern) {
		g.expand(dir, strings.Split(p, "/"), 0)
	}
	slices.Sort(g.names)
	return slices.Compact(g.names), g.bounded
}

type globber struct {
	*part
	names   []string
	left    int
	bounded bool
}

func (g *globber) expand(at string, pattern []string, depth int) {
	switch {
	case len(g.names) >= matchesMax:
		g.bounded = true
	case len(pattern) == 0:
		g.names = append(g.names, at)
	case pattern[0] == "":
		g.expand(at, pattern[1:], depth)
	case pattern[0] == "**":
		g.expand(at, pattern[1:], depth)
		if depth < globDepth {
			g.list(at, "*", true, func(name string) { g.expand(name, pattern, depth+1) })
		}
	case !strings.ContainsAny(pattern[0], `*?[\`):
		g.expand(path.Join(at, pattern[0]), pattern[1:], depth)
	default:
		g.list(at, pattern[0], false, func(name string) { g.expand(name, pattern[1:], depth) })
	}
}

// list visits the entries of a folder that match.
func (g *globber) list(dir, pattern string, foldersOnly bool, visit func(string)) {
	g.watch("/"+dir, every)
	if err := g.entriesOf(dir, func(e fs.DirEntry) bool {
		if g.left--; g.left < 0 {
			g.bounded = true
			return false
		}
		if foldersOnly && !e.IsDir() {
			return true
		}
		if ok, _ := doublestar.Match(pattern, e.Name()); ok {
			visit(path.Join(dir, e.Name()))
		}
		return true
	}); err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.add(inventory.Item{Kind: inventory.KindFile, Name: path.Base(dir), Owner: g.home.User, Scope: inventory.ScopeUser,
			Project: g.project, File: "/" + dir, Error: reason(err)})
	}
}

// batch is how many entries are in memory at once.
const batch = 512

// entriesOf visits the entries of a folder, as they come, until visit says no. What is no folder has none.
func (p *Pass) entriesOf(dir string, visit func(fs.DirEntry) bool) error {
	f, err := p.FS.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		return err
	}
	for {
		entries, err := d.ReadDir(batch)
		for _, e := range entries {
			if !visit(e) {
				return nil
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if len(entries) == 0 {
			return nil
		}
	}
}

// braces expands {a,b}, which may have / in it, to several patterns.
func braces(pattern string) []string {
	open := strings.IndexByte(pattern, '{')
	if open < 0 {
		return []string{pattern}
	}
	shut := strings.IndexByte(pattern[open:], '}')
	if shut < 0 {
		return []string{pattern}
	}
	var out []string
	for choice := range strings.SplitSeq(pattern[open+1:open+shut], ",") {
		out = append(out, braces(pattern[:open]+choice+pattern[open+shut+1:])...)
	}
	return out
}

// sum is the SHA-256 of a file.
func (p *Pass) sum(name string, most int64) (string, fs.FileInfo, error) {
	f, info, err := p.open(name, most)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	if p.Sums != nil {
		if sum, ok := p.Sums.Get(name, info); ok {
			return sum, info, nil
		}
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	if err != nil {
		return "", nil, err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if p.Sums != nil {
		p.Sums.Put(name, info, sum)
	}
	return sum, info, nil
}

// room is how much of a folder is summed.
type room struct {
	files, depth int
	bytes        int64
}

// folder sums what lies in a folder. Links in it are not followed: where they lead is what counts.
func (w *part) folder(dir string) (files []inventory.Part, writable []string, err error) {
	return w.within(dir, room{filesMax, globDepth, contentMax})
}

func (w *part) within(dir string, most room) (files []inventory.Part, writable []string, err error) {
	left := most.bytes
	var visit func(below string, depth int) error
	visit = func(below string, depth int) error {
		var inner error
		w.watch(path.Join(dir, below), every)
		err := w.entriesOf(rel(path.Join(dir, below)), func(e fs.DirEntry) bool {
			name := path.Join(below, e.Name())
			if len(files) >= most.files || depth > most.depth {
				inner = fmt.Errorf("more than %d files, or %d folders deep", most.files, most.depth)
				return false
			}
			if e.IsDir() {
				if e.Name() != ".git" {
					inner = visit(name, depth+1)
				}
				return inner == nil
			}
			inner = w.content(dir, name, e, &left, &files, &writable)
			return inner == nil
		})
		return errors.Join(inner, err)
	}
	err = visit("", 0)
	return files, writable, err
}

func (p *Pass) content(dir, name string, e fs.DirEntry, left *int64, files *[]inventory.Part, writable *[]string) error {
	full := path.Join(dir, name)
	if e.Type()&fs.ModeSymlink != 0 {
		target, err := fs.ReadLink(p.FS, rel(full))
		*files = append(*files, inventory.Part{Name: name, Value: linkTo + target})
		return err
	}
	sum, info, err := p.sum(full, *left)
	if err != nil {
		return fmt.Errorf("%s: %s", name, reason(err))
	}
	*left -= info.Size()
	*files = append(*files, inventory.Part{Name: name, Value: sum})
	if info.Mode().Perm()&0o002 != 0 {
		*writable = append(*writable, full)
	}
	return nil
}
