// SPDX-License-Identifier: Apache-2.0

// This file reads policies: files or folders of TOML, laid in order over the preset that they begin from. It is the only
// importer of the TOML library, and hands out plain maps; document.go gives them meaning.

package enforce

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// Options are what a policy depends on beside its text.
type Options struct {
	Homes     []string // homes of session users, as in passwd; taken literally
	HomeGlobs []string // globs of homes, beside those of the policy
	Own       []string // folders of Reeve's own beside those that it is packaged with
}

// Source is one file of a policy as it was read.
type Source struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// source is one file of a policy before it is read.
type source struct {
	name string // what places say
	dir  string // where files that it names are looked for
	data []byte
}

// Load reads files and folders (their *.toml in name order), lays them over their base and checks the whole. The error
// is Problems with everything that is wrong; the policy beside it is what could be understood, for further checks.
// No path at all gives the default preset.
func Load(paths []string, o Options) (*Policy, error) {
	sources, ps := readAll(paths)
	p := build(sources, o, ps)
	return p, p.found.told.err()
}

// Parse is Load for texts at hand: names to contents, merged in name order.
func Parse(files map[string]string, o Options) (*Policy, error) {
	var list []Source
	for _, name := range sortedKeys(files) {
		list = append(list, Source{name, files[name]})
	}
	return ParseSources(list, o)
}

// ParseSources is Load for what an earlier policy was made of: its Sources, in their order.
func ParseSources(list []Source, o Options) (*Policy, error) {
	var sources []source
	for _, s := range list {
		dir := ""
		if filepath.IsAbs(s.Name) {
			dir = filepath.Dir(s.Name)
		}
		sources = append(sources, source{name: s.Name, dir: dir, data: []byte(s.Text)})
	}
	p := build(sources, o, nil)
	return p, p.found.told.err()
}

// build decodes, merges and checks. unread is what could not even be read.
func build(sources []source, o Options, unread Problems) *Policy {
	var docs []*document
	f := finding{told: unread, lost: len(unread) > 0}
	for _, s := range sources {
		d, more := decodeSource(s)
		f.told = append(f.told, more...)
		if d == nil {
			f.lost = true
			continue
		}
		docs = append(docs, d)
		f.base = f.base || d.base != ""
	}
	p, more := merge(docs)
	f.told = append(f.told, more...)
	p.Homes = append(p.Homes, o.HomeGlobs...)
	p.Rules = append(p.Rules, guardRules(o)...)
	for _, s := range sources {
		p.Sources = append(p.Sources, Source{s.name, string(s.data)})
	}
	for _, w := range p.verify(o) {
		// A name that is missing may stand in the file that could not be read.
		if f.lost && strings.Contains(w.Reason, undeclared) {
			f.unsaid = append(f.unsaid, w)
			continue
		}
		f.told = append(f.told, w)
	}
	f.told = f.told.sorted()
	p.found = f
	return p
}

func readAll(paths []string) ([]source, Problems) {
	var all []source
	var ps Problems
	for _, path := range paths {
		files, err := Files(path)
		if err != nil {
			ps = append(ps, unreadable(path, err))
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				ps = append(ps, unreadable(f, err))
				continue
			}
			all = append(all, source{name: f, dir: filepath.Dir(f), data: data})
		}
	}
	return all, ps
}

// Files names the files that Load reads at a path: itself, or a folder's *.toml that are not hidden, in name order.
func Files(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".toml") && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	return files, err
}

func unreadable(path string, err error) *Problem {
	p := &Problem{Place: Place{File: path}, Reason: fmt.Sprintf("reading the policy: %v", cause(err))}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Hint = "a policy is a file or a folder of *.toml files"
	case errors.Is(err, fs.ErrPermission):
		p.Hint = "the policy belongs to root: run the command as root, or name a copy that you may read"
	}
	return p
}

// cause strips the path, which the problem's place names already.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// decodeSource reads one file. The document is nil where the text is no TOML.
func decodeSource(s source) (*document, Problems) {
	var tree map[string]any
	if _, err := toml.Decode(string(s.data), &tree); err != nil {
		p := &Problem{Place: Place{File: s.name}, Reason: fmt.Sprintf("broken TOML: %v", err)}
		if pe, ok := errors.AsType[toml.ParseError](err); ok {
			p.Line, p.Reason = pe.Position.Line, "broken TOML: "+pe.Message
			p.Hint = tomlHint(pe.Message)
		}
		return nil, Problems{p}
	}
	return decodeDocument(s, tree, scanLines(string(s.data)))
}

// tomlHint covers the mistakes that people make most in this format.
func tomlHint(message string) string {
	switch {
	case strings.Contains(message, "already been defined"), strings.Contains(message, "already defined"):
		return "a key stands once in its table; more of the same kind are [[rule]] or [[role]], with two brackets"
	case strings.Contains(message, "escape"):
		return "write globs with a backslash in 'single quotes'"
	}
	return "texts stand in \"quotes\", lists in [brackets]"
}
