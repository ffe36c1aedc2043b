// SPDX-License-Identifier: Apache-2.0

// This file says which reading is running: which files are programs to whom. It is pure.

package sourced

import (
	"path"
	"slices"
	"strings"
)

// row says that a program runs what it reads in files of such names. A pattern is matched with the last components of a path, as
// many as it has; one that begins with a slash with all of it.
type row struct {
	files   []string
	readers []string
	why     string
}

var shells = []string{"sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "ksh93", "mksh", "fish", "csh", "tcsh"}

var rows = []row{
	{
		[]string{
			".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin",
			".zlogout", ".kshrc", ".mkshrc", ".cshrc", ".tcshrc", ".login", ".logout", ".xinitrc", ".xsession", ".xsessionrc", ".xprofile",
			".ssh/rc", "fish/config.fish", "fish/conf.d/*", "/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/bashrc", "/etc/zsh/*",
		}, shells, "a start-up file of shells",
	},
	{[]string{"*.sh", "*.bash", "*.zsh", "*.ksh", "*.fish", ".env", ".envrc", "activate", "activate.*"}, append(slices.Clone(shells), "direnv"), "a script that a shell sources"},
	{[]string{"Makefile", "makefile", "GNUmakefile", "*.mk", "*.make"}, []string{"make", "gmake", "bmake", "remake"}, "the rules of make"},
	{[]string{"justfile", "Justfile", ".justfile"}, []string{"just"}, "the recipes of just"},
	{[]string{"Taskfile.y*ml"}, []string{"task", "go-task"}, "the tasks of task"},
	{[]string{"CMakeLists.txt", "*.cmake"}, []string{"cmake", "ctest"}, "the rules of cmake"},
	{[]string{"build.ninja", "meson.build"}, []string{"ninja", "samu", "meson"}, "the rules of a build"},
	{[]string{"Rakefile", "*.rake", "Gemfile"}, []string{"rake", "bundle", "bundler", "ruby*"}, "a program of Ruby's tools"},
	{[]string{"package.json"}, []string{"npm", "npx", "yarn", "pnpm", "bun"}, "the scripts of a package"},
	{[]string{"conftest.py", "sitecustomize.py", "usercustomize.py", "*.pth", "noxfile.py"}, []string{"python*", "pypy*"}, "what Python loads by itself"},
	{[]string{"/etc/crontab", "/etc/anacrontab", "/etc/cron.d/*", "/var/spool/cron/*", "/var/spool/cron/crontabs/*"}, []string{"cron", "crond", "anacron", "fcron"}, "a table of cron"},
	{[]string{"systemd/*/*", "systemd/*/*.d/*"}, []string{"systemd"}, "a unit of systemd"},
	{
		[]string{"autostart/*.desktop"},
		[]string{"gnome-session*", "xfce4-session", "plasma_session", "ksmserver", "lxsession", "mate-session", "cinnamon-sess*", "systemd-xdg-autostart-generator", "dex"},
		"what a desktop starts",
	},
	{[]string{".vimrc", ".gvimrc", ".exrc", ".vim/*.vim", ".vim/*/*.vim", "nvim/init.*", "nvim/*/*.lua"}, []string{"vim*", "nvim", "gvim", "vi", "view"}, "a start-up file of an editor"},
	{[]string{".emacs", ".emacs.d/*.el", "emacs/*.el", ".dir-locals.el"}, []string{"emacs*"}, "a start-up file of an editor"},
	{[]string{".gdbinit", ".lldbinit"}, []string{"gdb", "lldb"}, "a start-up file of a debugger"},
	{[]string{".tmux.conf", "tmux/tmux.conf"}, []string{"tmux"}, "a start-up file of tmux"},
}

// interpreters run the file that they are given as an argument, whatever its name.
var interpreters = append(slices.Clone(shells),
	"python*", "pypy*", "node", "nodejs", "deno", "bun", "perl*", "ruby*", "php*", "lua*", "Rscript", "julia", "tclsh*", "wish*", "expect",
	"awk", "gawk", "mawk", "make", "gmake", "sed", "bc", "java", "groovy", "pwsh", "osh", "ansible-playbook", "psql", "sqlite3", "gdb",
)

// whyGiven is what is said of a script that an interpreter is given.
const whyGiven = "the script that an interpreter is given"

// programOptions are options whose argument is a program.
var programOptions = []string{"-f", "--file", "-jar", "--rcfile", "--init-file", "-x", "-s", "-S"}

// scripts are the ends of names that interpreters are given. What has no end to its name may be one too.
var scripts = []string{
	"", ".sh", ".bash", ".zsh", ".ksh", ".fish", ".py", ".pyw", ".js", ".mjs", ".cjs", ".ts", ".mts", ".pl", ".pm", ".rb", ".php", ".lua", ".r", ".R", ".jl",
	".tcl", ".exp", ".awk", ".sed", ".ps1", ".groovy", ".jar", ".sql", ".mk", ".gdb", ".yml", ".yaml", ".command", ".run",
	".conf", ".cfg", ".env", ".rc", ".vim",
}

// stores are folders with more programs than anybody gives to an interpreter by hand: they would push others out.
var stores = []string{"node_modules", "site-packages", "dist-packages", ".git", ".cache", "__pycache__"}

// interest says how much a file that a session wrote may be of interest to somebody who reads it.
type interest int

const (
	none  interest = iota
	given          // an interpreter may be given it
	named          // some program runs what has such a name
)

func interestIn(file string) interest {
	if len(rowsOf(file)) > 0 {
		return named
	}
	base := path.Base(file)
	end := path.Ext(base)
	if end == base { // its only dot is the first: hidden, and without an end
		end = ""
	}
	if !slices.Contains(scripts, end) {
		return none
	}
	for folder := range strings.SplitSeq(path.Dir(file), "/") {
		if slices.Contains(stores, folder) {
			return none
		}
	}
	return given
}

// reader is a program that has a file open.
type reader struct {
	names []string // by which it is known: its file's, what it was called, what it calls itself
	args  []string
	cwd   string
	env   map[string]string // of those variables that name what is run
}

// runs reports why the reader runs what it reads there, "" where it only reads.
func (r *reader) runs(file string) string {
	for _, i := range rowsOf(file) {
		if r.is(rows[i].readers) {
			return rows[i].why
		}
	}
	if r.is(interpreters) && r.given(file) {
		return whyGiven
	}
	if name := r.named(file); name != "" {
		return "what " + name + " names"
	}
	return ""
}

func (r *reader) is(patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return slices.ContainsFunc(r.names, func(name string) bool {
			ok, _ := path.Match(p, name)
			return ok
		})
	})
}

// given reports whether the reader was started with the file as its program: the first argument that is no option, or that of
// an option that takes one. An argument by which a symbolic link leads there counts where its last component is the file's.
func (r *reader) given(file string) bool {
	first := true
	for i, arg := range r.args {
		option := strings.HasPrefix(arg, "-") && arg != "-"
		switch {
		case i == 0:
			continue
		case slices.Contains(programOptions, r.args[i-1]) && r.means(arg, file):
			return true
		case !option && first:
			if r.means(arg, file) {
				return true
			}
			first = false
		}
	}
	return false
}

func (r *reader) means(arg, file string) bool {
	if !path.IsAbs(arg) {
		arg = path.Join(r.cwd, arg)
	}
	return path.Clean(arg) == file || path.Base(arg) == path.Base(file)
}

// pattern is one of the table, taken apart once: every file that a session writes is held against all of them.
type pattern struct {
	row   int
	parts []string
	whole bool
	last  string // its last component, where that is not a pattern itself
}

var patterns = takeApart(rows)

func takeApart(rows []row) (all []pattern) {
	for i := range rows {
		for _, text := range rows[i].files {
			p := pattern{row: i, parts: strings.Split(text, "/"), whole: strings.HasPrefix(text, "/")}
			if last := path.Base(text); !strings.ContainsAny(last, `*?[\`) {
				p.last = last
			}
			all = append(all, p)
		}
	}
	return all
}

// rowsOf are the rows that have a file.
func rowsOf(file string) (found []int) {
	parts := strings.Split(file, "/")
	for i := range patterns {
		if patterns[i].ends(parts) {
			found = append(found, patterns[i].row)
		}
	}
	return found
}

// ends reports whether the last components of a path match, or all of them where the pattern is a whole path.
func (p *pattern) ends(file []string) bool {
	if p.last != "" && p.last != file[len(file)-1] {
		return false
	}
	if len(p.parts) > len(file) || p.whole && len(p.parts) != len(file) {
		return false
	}
	file = file[len(file)-len(p.parts):]
	for i, part := range slices.Backward(file) {
		if ok, _ := path.Match(p.parts[i], part); !ok {
			return false
		}
	}
	return true
}
