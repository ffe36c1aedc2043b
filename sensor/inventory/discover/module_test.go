// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

func link(to string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
}

// installed is a home with a connector that npm has installed, by some command.
func installed(argv ...string) map[string]*fstest.MapFile {
	const lib = "home/alice/.local/lib/node_modules/"
	command := `{"command":"` + argv[0] + `","args":["` + strings.Join(argv[1:], `","`) + `"]}`
	return map[string]*fstest.MapFile{
		"home/alice/.cursor/mcp.json":              text(`{"mcpServers":{"a":` + command + `}}`),
		"home/alice/.local/bin/tool":               link("../lib/node_modules/@x/y/dist/index.js"),
		lib + "@x/y/package.json":                  text(`{"name":"@x/y","version":"1.0.0","dependencies":{"dep":"^1.0.0","beside":"*"}}`),
		lib + "@x/y/dist/package.json":             text(`{"type":"module"}`),
		lib + "@x/y/dist/index.js":                 text("#!/usr/bin/env node\nimport './tools.js'"),
		lib + "@x/y/dist/tools.js":                 text("code"),
		lib + "@x/y/dist/memory.jsonl":             text("{}"),
		lib + "@x/y/node_modules/dep/package.json": text(`{"name":"dep","version":"1.0.0","dependencies":{"below":"*"}}`),
		lib + "@x/y/node_modules/dep/index.js":     text("code"),
		lib + "below/package.json":                 text(`{"name":"below","version":"1.0.0","dependencies":{"@x/y":"*"}}`),
		lib + "beside/package.json":                text(`{"name":"beside","version":"1.0.0"}`),
		lib + "other/package.json":                 text(`{"name":"other","version":"1.0.0"}`),
		"usr/bin/node":                             text("\x7fELF"),
	}
}

const entry = "/home/alice/.local/lib/node_modules/@x/y/dist/index.js"

// only is the only connector of a home.
func only(t *testing.T, files map[string]*fstest.MapFile) *inventory.Item {
	t.Helper()
	items := slices.DeleteFunc(pass(t, files), func(it inventory.Item) bool { return it.Kind != inventory.KindConnector })
	if len(items) != 1 {
		t.Fatalf("%+v", items)
	}
	return &items[0]
}

// What a package is changes its connector's identity, whatever its entry is; what lies beside does not.
func TestInstalledPackageIsItsConnectors(t *testing.T) {
	const lib = "home/alice/.local/lib/node_modules/"
	for _, argv := range [][]string{{"node", entry}, {"/home/alice/.local/bin/tool", "x"}, {"tool", "x"}} {
		was := only(t, installed(argv...))
		if p := was.Identity.Package; p == nil || p.Registry != "npm" || p.Name != "@x/y" || p.Version != "1.0.0" || !p.Exact || was.Version != "1.0.0" || was.Identity.Loose != "" {
			t.Fatalf("%q: %+v", argv, was.Identity)
		}
		for name, c := range map[string]struct {
			file, text string
			change     bool
		}{
			"another release":             {lib + "@x/y/package.json", `{"name":"@x/y","version":"1.1.0","dependencies":{"dep":"^1.0.0","beside":"*"}}`, true},
			"other code behind the entry": {lib + "@x/y/dist/tools.js", "other", true},
			"code that came":              {lib + "@x/y/dist/more", "other", true},
			"a dependency of its own":     {lib + "@x/y/node_modules/dep/package.json", `{"name":"dep","version":"1.0.1"}`, true},
			"one that lies beside":        {lib + "beside/package.json", `{"name":"beside","version":"1.0.1"}`, true},
			"what that needs":             {lib + "below/package.json", `{"name":"below","version":"1.0.1","dependencies":{"@x/y":"*"}}`, true},
			"one that hides another":      {lib + "@x/y/node_modules/beside/package.json", `{"name":"beside","version":"1.0.0","x":1}`, true},
			"a package that nobody needs": {lib + "other/package.json", `{"name":"other","version":"1.0.1"}`, false},
			"what it remembers":           {lib + "@x/y/dist/memory.jsonl", "{}{}", false},
		} {
			files := installed(argv...)
			files[c.file] = text(c.text)
			is := only(t, files)
			if (is.Digest != was.Digest) != c.change {
				t.Errorf("%q, %s: the identity changes: %t; %+v", argv, name, !c.change, is.Identity)
			}
			if is.Content != was.Content {
				t.Errorf("%q, %s: what policies pin is the entry alone", argv, name)
			}
		}
	}
}

func TestReleaseIsTold(t *testing.T) {
	files := installed("node", entry)
	was := only(t, files)
	files["home/alice/.local/lib/node_modules/@x/y/package.json"] = text(`{"name":"@x/y","version":"1.1.0"}`)
	is := only(t, files)
	diff := inventory.Diff(&was.Identity, &is.Identity)
	if len(diff) != 1 || diff[0].What != "package" || !strings.HasPrefix(diff[0].Old, "npm:@x/y@1.0.0@sha256:") || !strings.HasPrefix(diff[0].New, "npm:@x/y@1.1.0@sha256:") {
		t.Errorf("%+v", diff)
	}
}

// A change of any of it has the part looked at again.
func TestPackagesAreWatched(t *testing.T) {
	p := &Pass{FS: fstest.MapFS(installed("node", entry)), Catalogue: catalogue(t), Options: Defaults}
	watch := p.Home(Home{"alice", "/home/alice"}).Watch
	const lib = "/home/alice/.local/lib/node_modules/"
	for dir, name := range map[string]string{
		lib + "@x": "y", lib + "@x/y": every, lib + "@x/y/dist": every, lib + "@x/y/node_modules/dep": manifestFile, lib + "below": manifestFile,
	} {
		if !slices.Contains(watch[dir], name) {
			t.Errorf("%s in %s is not watched: %q", name, dir, watch[dir])
		}
	}
}

// A checkout is a package as well, but for the project that somebody's agent works on, and what has no name is none.
func TestCheckouts(t *testing.T) {
	for name, c := range map[string]struct {
		script, manifest, settings string
		want                       string
		content                    bool
	}{
		"a checkout":          {"src/s/dist/x.js", "src/s/package.json", ".cursor/mcp.json", "npm:s@2.0.0", true},
		"the project itself":  {"src/s/dist/x.js", "src/s/package.json", "src/s/.cursor/mcp.json", "npm:s@2.0.0", false},
		"the home is none":    {"src/s/dist/x.js", "package.json", ".cursor/mcp.json", "", false},
		"a program beside it": {"src/s/dist/x", "src/s/package.json", ".cursor/mcp.json", "", false},
	} {
		at := func(below string) string { return "home/alice/" + below }
		files := map[string]*fstest.MapFile{
			at(c.settings): text(`{"mcpServers":{"a":{"command":"node","args":["/` + at(c.script) + `"]}}}`),
			at(c.script):   text("code"), at("src/s/dist/y.js"): text("code"),
			at(c.manifest): text(`{"name":"s","version":"2.0.0"}`), "usr/bin/node": text("x"),
		}
		it := only(t, files)
		p := it.Identity.Package
		if got := strings.Split(p.String(), "@sha256:"); got[0] != c.want || (len(got) == 2) != c.content || it.Identity.Loose != "" {
			t.Errorf("%s: %s, want %s, its content: %t; %q", name, p, c.want, c.content, it.Identity.Loose)
		}
	}
}

// What is too much to be summed is said to be.
func TestPackagesAreBounded(t *testing.T) {
	const lib = "home/alice/.local/lib/node_modules/@x/y/"
	var names strings.Builder
	for i := range moduleNamesMax {
		fmt.Fprintf(&names, `"n%d":"*",`, i)
	}
	for name, more := range map[string]map[string]*fstest.MapFile{
		"many files": func() map[string]*fstest.MapFile {
			files := map[string]*fstest.MapFile{}
			for i := range moduleFilesMax {
				files[fmt.Sprint(lib, "f", i)] = text("x")
			}
			return files
		}(),
		"many names":  {lib + "package.json": text(`{"version":"1.0.0","dependencies":{` + names.String() + `"n":"*"}}`)},
		"very deep":   {lib + strings.Repeat("d/", globDepth+1) + "x.js": text("x")},
		"no reading":  {lib + "x.js": {Data: []byte("x"), Mode: fs.ModeNamedPipe}},
		"much to sum": {lib + "x.js": {Data: make([]byte, contentMax), Mode: 0o644}},
	} {
		files := installed("node", entry)
		maps.Copy(files, more)
		if id := only(t, files).Identity; !strings.HasPrefix(id.Loose, "npm:@x/y@1.0.0 is not known whole") || id.Package.Digest != "" {
			t.Errorf("%s: %+v", name, id)
		}
	}
}

// What a name leads to, links in the middle and at the end; those that lead round end somewhere.
func TestRealNames(t *testing.T) {
	dir := t.TempDir()
	for name, to := range map[string]string{"here": "..", "round": "circle", "circle": "round", "file": "folder/file", "away": "/folder"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := &Pass{FS: os.DirFS(dir)}
	for name, want := range map[string]string{
		"/folder/file": "/folder/file", "/file": "/folder/file", "/away/x": "/folder/x", "/none/../folder/x": "/folder/x", "/": "/", "/here/file": "/folder/file",
	} {
		if got := p.real(name); got != want {
			t.Errorf("%s leads to %s, want %s", name, got, want)
		}
	}
	p.real("/round/x")
}
