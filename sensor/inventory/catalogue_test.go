// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/need"
)

func TestBuiltinCatalogue(t *testing.T) {
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	code, desktop := c.ByName("claude-code"), c.ByName("claude-desktop")
	if code == nil || code.ID != 1 || code.Host || desktop == nil || desktop.ID != 2 || !desktop.Host {
		t.Fatalf("ids are for ever: %+v %+v", code, desktop)
	}
	for program, want := range map[string]string{
		"/home/u/.local/share/claude/versions/2.1.330":                           "2.1.330",
		"/home/u/.config/Claude/claude-code/2.1.330/claude":                      "2.1.330",
		"/usr/lib/node_modules/@anthropic-ai/claude-code/bin/claude.exe":         "",
		"/home/u/.vscode/extensions/anthropic.claude-code-2.1.3-x/native/claude": "2.1.3",
	} {
		if got := code.VersionOf(program); got != want {
			t.Errorf("%s: version %q", program, got)
		}
	}
	for _, a := range c.Agents {
		if a.Verified == "" || a.Title == "" || a.Vendor == "" {
			t.Errorf("%s does not say what it is, or how sure that is", a.Name)
		}
		if needs := a.Start.Needs("/home/u"); len(needs) < 5 || strings.Contains(needs[0].Object, "~") {
			t.Errorf("%s: start %v", a.Name, needs)
		}
	}
}

func site(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSiteReplacesWhole(t *testing.T) {
	c, err := Load(site(t, map[string]string{
		"claude.toml": "id = 1\nname = 'claude-code'\nexec = ['/opt/claude']\n",
		"ours.toml":   "id = 1000\nname = 'ours'\nexec = ['**/ours']\nobserve = true\n",
		"README":      "not read",
		".#our.toml":  "an editor's",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if a := c.ByID(1); len(a.Exec) != 1 || a.Wrapper != "" {
		t.Errorf("merged instead of replaced: %+v", a)
	}
	if a := c.ByID(1000); a == nil || !a.Observe || len(c.Agents) != len(builtIn(t).Agents)+1 {
		t.Errorf("added: %+v of %v", a, c.Names())
	}
}

func builtIn(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAbsentFolderHoldsNothing(t *testing.T) {
	if c, err := Load(filepath.Join(t.TempDir(), "none")); err != nil || len(c.Agents) != len(builtIn(t).Agents) {
		t.Errorf("%v, %v", c.Names(), err)
	}
}

// A folder that is there and tells nothing is no empty folder.
func TestUnreadableFolderIsTold(t *testing.T) {
	dir := site(t, map[string]string{"a.toml": "id = 1000\nname = 'x'\nexec = ['/x']\n"})
	closed := filepath.Join(dir, "closed")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Mkdir(closed, 0)); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{
		filepath.Join(dir, "a.toml"): "a.toml: reading the folder: not a directory",
		closed:                       "closed: reading the folder: permission denied",
	} {
		need.AsNobody(t, func() {
			_, err := Load(folder)
			var p *Problem
			if !errors.As(err, &p) || !strings.HasSuffix(err.Error(), want) || p.File != folder || p.Hint == "" {
				t.Errorf("%s: %v", folder, err)
			}
		})
	}
}

func TestProblemsSayWhereAndHow(t *testing.T) {
	for name, tc := range map[string]struct{ text, want, hint string }{
		"unknown key":       {"id = 9\nname = 'x'\nexec = ['/x']\ncolour = 'red'\n", `a.toml:4: unknown key "colour"`, "keys: id"},
		"unknown start key": {"id = 9\nname = 'x'\nexec = ['/x']\n[start]\nlisten = ['x']\n", `a.toml:5: unknown key "start.listen"`, "keys: id"},
		"no TOML":           {"id = 9\nname = \n", "a.toml:2: ", ""},
		"wrong type":        {"id = 'nine'\nname = 'x'\nexec = ['/x']\n", "a.toml:1: ", ""},
		"no id":             {"name = 'x'\nexec = ['/x']\n", "a.toml: id: missing or 0", "a small number"},
		"bad name":          {"id = 9\nname = 'X Y'\nexec = ['/x']\n", `a.toml:2: name "X Y": not a name`, "lower-case"},
		"config scope":      {"id = 9\nname = 'x'\nexec = ['/x']\n[[config]]\nscope = 'mine'\nfile = '~/.x'\nreads = { connector = '' }\n", `config: scope "mine": unknown`, ""},
		"config root":       {"id = 9\nname = 'x'\nexec = ['/x']\n[[config]]\nscope = 'project'\nfile = '~/.x'\nreads = { connector = '' }\n", `config: file "~/.x": of scope project it begins with ./`, ""},
		"config glob":       {"id = 9\nname = 'x'\nexec = ['/x']\n[[config]]\nscope = 'user'\nfile = '~/[x'\nreads = { connector = '' }\n", `config: file "~/[x": not a glob`, ""},
		"config climbs":     {"id = 9\nname = 'x'\nexec = ['/x']\n[[config]]\nscope = 'user'\nfile = '~/../x'\nreads = { connector = '' }\n", `config: file "~/../x": not a glob`, ""},
		"config of nothing": {"id = 9\nname = 'x'\nexec = ['/x']\n[[config]]\nscope = 'user'\nfile = '~/.x'\n", `config: file "~/.x": nothing is read there`, ""},
		"config of odd":     {"id = 9\nname = 'x'\nexec = ['/x']\n[[config]]\nscope = 'user'\nfile = '~/.x'\nreads = { robot = '' }\n", `config: file "~/.x": reads "robot": unknown`, ""},
		"config key":        {"id = 9\nname = 'x'\nexec = ['/x']\n[[config]]\nscope = 'user'\nfile = '~/.x'\nreads = { connector = '' }\ncolour = 1\n", `unknown key "config.colour"`, ""},
		"moved":             {"id = 9\nname = 'x'\nexec = ['/x']\nmoved = { X = '../y' }\n", `a.toml:4: moved X "../y": no folder of a home`, ""},
		"options":           {"id = 9\nname = 'x'\nexec = ['/x']\noptions = ['x']\n", `a.toml:4: options "x": no option`, "--mcp-config"},
		"second config":     {"id = 9\nname = 'x'\nexec = ['/x']\n[[config]]\nscope = 'user'\nfile = '~/.x'\nreads = { hook = '' }\n[[config]]\nscope = 'mine'\n", "a.toml:8: config: scope", "scope, file"},
		"no exec":           {"id = 9\nname = 'x'\n", "a.toml: exec: empty", "globs"},
		"relative exec":     {"id = 9\nname = 'x'\nexec = ['bin/x']\n", `a.toml:3: exec "bin/x": not a path`, "begin with"},
		"unknown wrapper":   {"id = 9\nname = 'x'\nexec = ['/x']\nwrapper = 'y'\n", `a.toml:4: wrapper "y": unknown`, "claude"},
		"empty applet":      {"id = 9\nname = 'x'\nexec = ['/x']\napplets = ['']\n", `a.toml:4: applet "": not a name`, "argv[0]"},
		"version no group":  {"id = 9\nname = 'x'\nexec = ['/x']\nversion = ['x']\n", `a.toml:4: version "x": no version`, "one group"},
		"name taken":        {"id = 9\nname = 'claude-code'\nexec = ['/x']\n", `a.toml: name "claude-code" belongs to builtin:`, "give its id"},
	} {
		_, err := Load(site(t, map[string]string{"a.toml": tc.text}))
		var p *Problem
		if err == nil || !errors.As(err, &p) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(err.Error(), tc.want) || !strings.Contains(p.Hint, tc.hint) {
			t.Errorf("%s:\n got %q (%s)\nwant %q (%s)", name, err, p.Hint, tc.want, tc.hint)
		}
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	_, err := Load(site(t, map[string]string{"a.toml": "id = 0\nname = 'X'\n", "b.toml": "x = 1\n"}))
	if err == nil || strings.Count(err.Error(), "\n") < 5 {
		t.Errorf("%v", err)
	}
}
