// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// wheeled is a home with a connector that uv or pip has installed.
func wheeled(program, prefix string) map[string]*fstest.MapFile {
	site := prefix + "/lib/python3.12/site-packages/"
	return map[string]*fstest.MapFile{
		"home/alice/.cursor/mcp.json": text(`{"mcpServers":{"a":{"command":"` + program + `"}}}`),
		prefix + "/bin/db":            text("#!/usr/bin/python3\nfrom db.server import main\nmain()\n"),
		prefix + "/bin/other":         text("#!/usr/bin/python3\nimport other\n"),
		site + "db_mcp-1.4.0.dist-info/RECORD": text("../../../bin/db,sha256=x,1\n\"db/server.py\",sha256=x,1\ndb/__pycache__/server.pyc,,\ndb/more.pyc,,\n" +
			"db_mcp-1.4.0.dist-info/METADATA,,\ndb_mcp-1.4.0.dist-info/RECORD,,\n"),
		site + "db_mcp-1.4.0.dist-info/METADATA":        text("Metadata-Version: 2.1\nName: db-mcp\nVersion: 1.4.0\nRequires-Dist: Typing.Extensions>=4\n\nRequires-Dist: elsewhere\n"),
		site + "db/server.py":                           text("code"),
		site + "db/more.pyc":                            text("compiled"),
		site + "db/__pycache__/server.pyc":              text("compiled"),
		site + "typing_extensions-4.0.dist-info/RECORD": text("typing_extensions.py,sha256=x,1\n"),
		site + "elsewhere-1.0.dist-info/RECORD":         text("elsewhere.py,,\n"),
		site + "bad-1.0.dist-info/RECORD":               text("\"bin/db"),
	}
}

func TestPythonPackageIsItsConnectors(t *testing.T) {
	for name, c := range map[string]struct {
		program, prefix string
		link            bool
	}{
		"pip --user":      {"db", "home/alice/.local", false},
		"uv tool, linked": {"db", "home/alice/.local/share/uv/tools/db-mcp", true},
		"by its place":    {"/opt/venv/bin/db", "opt/venv", false},
	} {
		fresh := func() map[string]*fstest.MapFile {
			files := wheeled(c.program, c.prefix)
			if c.link {
				files["home/alice/.local/bin/db"] = link("../share/uv/tools/db-mcp/bin/db")
			}
			return files
		}
		was := only(t, fresh())
		if p := was.Identity.Package; p == nil || p.Registry != "pypi" || p.Name != "db_mcp" || p.Version != "1.4.0" || !strings.HasPrefix(p.Digest, "sha256:") || was.Identity.Loose != "" {
			t.Fatalf("%s: %+v", name, was.Identity)
		}
		site := c.prefix + "/lib/python3.12/site-packages/"
		for what, f := range map[string]struct {
			file, text string
			change     bool
		}{
			"its code":                {site + "db/server.py", "other", true},
			"what it needs":           {site + "typing_extensions-4.0.dist-info/RECORD", "typing_extensions.py,sha256=y,1\n", true},
			"what it does not need":   {site + "elsewhere-1.0.dist-info/RECORD", "elsewhere.py,sha256=y,1\n", false},
			"code without its source": {site + "db/more.pyc", "other", true},
			"what Python compiled it": {site + "db/__pycache__/server.pyc", "anew", false},
		} {
			files := fresh()
			files[f.file] = text(f.text)
			if is := only(t, files); (is.Digest != was.Digest) != f.change || is.Content != was.Content {
				t.Errorf("%s, %s: the identity changes: %t; %+v", name, what, !f.change, is.Identity)
			}
		}
	}
}

func TestPythonPackagesThatAreNotKnown(t *testing.T) {
	const site = "home/alice/.local/lib/python3.12/site-packages/"
	for name, c := range map[string]struct {
		change func(files map[string]*fstest.MapFile)
		pack   bool
		loose  string
	}{
		"a file is gone":         {func(f map[string]*fstest.MapFile) { delete(f, site+"db/server.py") }, true, "not known whole"},
		"nobody has the script":  {func(f map[string]*fstest.MapFile) { delete(f, site+"db_mcp-1.4.0.dist-info/RECORD") }, false, ""},
		"it is none of Python's": {func(f map[string]*fstest.MapFile) { f["home/alice/.local/bin/db"] = text("\x7fELF") }, false, ""},
	} {
		files := wheeled("db", "home/alice/.local")
		c.change(files)
		if id := only(t, files).Identity; (id.Package != nil) != c.pack || (id.Loose != "") != (c.loose != "") || !strings.Contains(id.Loose, c.loose) {
			t.Errorf("%s: %+v", name, id)
		}
	}
}

func TestPythonPackagesAreWatched(t *testing.T) {
	p := &Pass{FS: fstest.MapFS(wheeled("db", "home/alice/.local")), Catalogue: catalogue(t), Options: Defaults}
	watch := p.Home(Home{"alice", "/home/alice"}).Watch
	const site = "/home/alice/.local/lib/python3.12/site-packages"
	for dir, name := range map[string]string{site: every, site + "/db": "server.py", site + "/typing_extensions-4.0.dist-info": "RECORD"} {
		if !slices.Contains(watch[dir], name) {
			t.Errorf("%s in %s is not watched: %q", name, dir, watch[dir])
		}
	}
}
