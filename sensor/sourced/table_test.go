// SPDX-License-Identifier: Apache-2.0

package sourced

import (
	"path"
	"slices"
	"strings"
	"testing"
)

func TestInterest(t *testing.T) {
	for file, want := range map[string]interest{
		"/home/a/.bashrc":                            named,
		"/home/a/proj/Makefile":                      named,
		"/home/a/proj/rules.mk":                      named,
		"/etc/profile.d/x.sh":                        named,
		"/home/a/.config/systemd/user/x.service":     named,
		"/etc/systemd/system/x.service.d/more.conf":  named,
		"/var/spool/cron/crontabs/alice":             named,
		"/home/a/proj/node_modules/x/package.json":   named,
		"/home/a/proj/tool.py":                       given,
		"/home/a/proj/bin/deploy":                    given,
		"/home/a/.hidden":                            given,
		"/home/a/proj/node_modules/x/index.js":       none,
		"/home/a/proj/.git/objects/ab/cdef":          none,
		"/home/a/proj/main.go":                       none,
		"/home/a/proj/README.md":                     none,
		"/home/a/proj/profile":                       given,
		"/home/a/etc/crontab":                        given, // the pattern is of a whole path
		"/home/a/.local/share/applications/x.config": none,
	} {
		if got := interestIn(file); got != want {
			t.Errorf("%s: %d, want %d", file, got, want)
		}
	}
}

func TestReadingThatRuns(t *testing.T) {
	for name, c := range map[string]struct {
		program string // its file's name
		line    []string
		cwd     string
		file    string
		why     string
	}{
		"a shell starts":                    {"bash", []string{"-bash"}, "/home/a", "/home/a/.bashrc", "a start-up file of shells"},
		"a shell of another spelling":       {"python3.11", []string{"python3"}, "/", "/home/a/.bashrc", ""},
		"an editor opens it":                {"nano", []string{"nano", ".bashrc"}, "/home/a", "/home/a/.bashrc", ""},
		"its own start-up file":             {"vim.basic", []string{"vim", "x"}, "/home/a", "/home/a/.vimrc", "a start-up file of an editor"},
		"make":                              {"make", []string{"make", "test"}, "/p", "/p/Makefile", "the rules of make"},
		"make, by name":                     {"make", []string{"make", "-f", "other", "test"}, "/p", "/p/other", whyGiven},
		"a search":                          {"grep", []string{"grep", "x", "Makefile"}, "/p", "/p/Makefile", ""},
		"cron":                              {"cron", []string{"/usr/sbin/cron", "-f"}, "/", "/var/spool/cron/crontabs/a", "a table of cron"},
		"the service manager":               {"systemd", []string{"/lib/systemd/systemd", "--user"}, "/", "/home/a/.config/systemd/user/x.service", "a unit of systemd"},
		"npm, which names itself":           {"npm", []string{"npm test"}, "/p", "/p/package.json", "the scripts of a package"},
		"node reads a manifest":             {"node", []string{"node", "server.js"}, "/p", "/p/package.json", ""},
		"an interpreter, relative":          {"python3.11", []string{"python3", "-u", "./tool.py", "x"}, "/p", "/p/tool.py", whyGiven},
		"an interpreter, by a link":         {"python3.11", []string{"python3", "/link/tool.py"}, "/", "/p/tool.py", whyGiven},
		"an argument of the script":         {"python3.11", []string{"python3", "lint.py", "tool.py"}, "/p", "/p/tool.py", ""},
		"a shell sources":                   {"bash", []string{"bash"}, "/p", "/p/env.sh", "a script that a shell sources"},
		"a shell reads data":                {"bash", []string{"bash"}, "/p", "/p/list", ""},
		"a copy":                            {"cp", []string{"cp", "env.sh", "x"}, "/p", "/p/env.sh", ""},
		"its command is text":               {"bash", []string{"bash", "-c", "echo"}, "/p", "/p/other", ""},
		"a shell by its applet":             {"sh", []string{"sh", "job"}, "/p", "/p/job", whyGiven},
		"an interpreter without a argument": {"python3", nil, "/p", "/p/tool.py", ""},
	} {
		r := reader{names: []string{c.program}, args: c.line, cwd: c.cwd}
		if len(c.line) > 0 {
			r.names = append(r.names, path.Base(c.line[0]))
		}
		if why := r.runs(c.file); why != c.why {
			t.Errorf("%s: %q, want %q", name, why, c.why)
		}
	}
}

func TestVariablesThatNameWhatIsRun(t *testing.T) {
	for name, c := range map[string]struct {
		program, env string
		cwd, file    string
		why          string
	}{
		"a shell's":                    {"bash", "BASH_ENV=/p/env", "/", "/p/env", "what BASH_ENV names"},
		"from the folder":              {"bash", "BASH_ENV=./env", "/p", "/p/env", "what BASH_ENV names"},
		"another shell heeds it not":   {"dash", "BASH_ENV=/p/env", "/", "/p/env", ""},
		"another file":                 {"bash", "BASH_ENV=/p/env", "/", "/p/other", ""},
		"Python's":                     {"python3.11", "PYTHONSTARTUP=/p/start.py", "/", "/p/start.py", "what PYTHONSTARTUP names"},
		"a copy reads it":              {"cp", "PYTHONSTARTUP=/p/start.py", "/", "/p/start.py", ""},
		"a module on a path":           {"python3.11", "PYTHONPATH=/x:/p/lib", "/", "/p/lib/json.py", "what PYTHONPATH names"},
		"beside the path":              {"python3.11", "PYTHONPATH=/x:/p/lib", "/", "/p/library/json.py", ""},
		"what is no module":            {"python3.11", "PYTHONPATH=/p/lib", "/", "/p/lib/list.yml", ""},
		"an archive on a path":         {"java", "CLASSPATH=/p/lib.jar", "/", "/p/lib.jar", "what CLASSPATH names"},
		"no folder":                    {"python3.11", "PYTHONPATH=/", "/", "/p/lib/json.py", ""},
		"Node's, behind an option":     {"node", "NODE_OPTIONS=--max-old-space-size=100 --require=./hook.js", "/p", "/p/hook.js", "what NODE_OPTIONS names"},
		"without its end":              {"node", "NODE_OPTIONS=--require ./hook", "/p", "/p/hook.js", "what NODE_OPTIONS names"},
		"Perl's path":                  {"perl", "PERL5LIB=lib", "/p", "/p/lib/Hook.pm", "what PERL5LIB names"},
		"settings of git":              {"git", "GIT_CONFIG_GLOBAL=/p/settings", "/", "/p/settings", "what GIT_CONFIG_GLOBAL names"},
		"settings with an end":         {"git", "GIT_CONFIG_GLOBAL=/p/git.conf", "/", "/p/git.conf", "what GIT_CONFIG_GLOBAL names"},
		"a shell's, with an end":       {"bash", "BASH_ENV=/p/x.env", "/", "/p/x.env", "what BASH_ENV names"},
		"a variable that names no one": {"git", "GIT_AUTHOR_NAME=/p/settings", "/", "/p/settings", ""},
	} {
		variable, value, _ := strings.Cut(c.env, "=")
		r := reader{names: []string{c.program}, args: []string{c.program}, cwd: c.cwd, env: map[string]string{variable: value}}
		if why := r.runs(c.file); why != c.why {
			t.Errorf("%s: %q, want %q", name, why, c.why)
		}
		if c.why != "" && interestIn(c.file) == none {
			t.Errorf("%s: %s is not marked", name, c.file)
		}
	}
}

// Every pattern can be read, and every row has something to say.
func TestRowsAreWhole(t *testing.T) {
	for _, r := range rows {
		if r.why == "" || len(r.readers) == 0 || len(r.files) == 0 {
			t.Errorf("%+v", r)
		}
		for _, p := range append(append([]string{}, r.files...), r.readers...) {
			if _, err := path.Match(p, "x"); err != nil {
				t.Errorf("%q: %v", p, err)
			}
		}
	}
	for _, v := range variables {
		if v.name == "" || len(v.readers) == 0 || slices.ContainsFunc(v.readers, func(p string) bool { _, err := path.Match(p, "x"); return err != nil }) {
			t.Errorf("%+v", v)
		}
	}
}

func BenchmarkInterest(b *testing.B) {
	for b.Loop() {
		interestIn("/home/alice/proj/node_modules/left-pad/lib/index.js")
	}
}
