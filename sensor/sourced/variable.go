// SPDX-License-Identifier: Apache-2.0

// This file says which variables of the environment name what a program runs as it starts, or loads when it wants it. It is pure.
// Libraries that the loader of programs is told to load (LD_PRELOAD, LD_AUDIT), and programs that git and others execute, need
// no row: the kernel side sees them mapped and executed.

package sourced

import (
	"path"
	"slices"
	"strings"
)

// variable says that some programs run what a variable of theirs names.
type variable struct {
	name    string
	readers []string
	ends    []string // where it names folders: the ends of the names of what is loaded from them
}

var (
	pythons = []string{"python*", "pypy*", "ipython*"}
	nodes   = []string{"node", "nodejs", "npm", "npx", "yarn", "pnpm"}
	perls   = []string{"perl*"}
	rubies  = []string{"ruby*", "irb", "rake", "bundle", "bundler"}
	luas    = []string{"lua*", "nvim"}
	editors = []string{"vim*", "nvim", "gvim", "vi", "view"}
	makes   = []string{"make", "gmake"}
	java    = []string{"java", "javac", "jshell"}
)

var variables = []variable{
	{"BASH_ENV", []string{"bash", "rbash"}, nil},
	{"ENV", []string{"sh", "dash", "ash", "ksh", "ksh93", "mksh", "bash", "busybox"}, nil},
	{"PYTHONSTARTUP", pythons, nil},
	{"PYTHONPATH", pythons, []string{".py"}},
	{"NODE_OPTIONS", nodes, nil},
	{"NODE_PATH", nodes, []string{".js", ".cjs", ".mjs"}},
	{"PERL5OPT", perls, nil},
	{"PERL5DB", perls, nil},
	{"PERL5LIB", perls, []string{".pm", ".pl"}},
	{"RUBYOPT", rubies, nil},
	{"RUBYLIB", rubies, []string{".rb"}},
	{"LUA_INIT", luas, nil},
	{"LUA_PATH", luas, []string{".lua"}},
	{"JAVA_TOOL_OPTIONS", java, nil},
	{"JDK_JAVA_OPTIONS", java, nil},
	{"_JAVA_OPTIONS", java, nil},
	{"CLASSPATH", java, []string{".jar"}},
	{"MAKEFILES", makes, nil},
	{"VIMINIT", editors, nil},
	{"EXINIT", editors, nil},
	{"PSQLRC", []string{"psql"}, nil},
	{"R_PROFILE", []string{"R", "Rscript"}, nil},
	{"R_PROFILE_USER", []string{"R", "Rscript"}, nil},
	{"GIT_CONFIG_GLOBAL", []string{"git", "git-*"}, nil},
	{"GIT_CONFIG_SYSTEM", []string{"git", "git-*"}, nil},
}

// variableNames are those that are asked for.
var variableNames = func() (names []string) {
	for _, v := range variables {
		names = append(names, v.name)
	}
	return names
}()

// named is the variable by which the reader came to run the file, "" where none names it.
func (r *reader) named(file string) string {
	for _, v := range variables {
		if value := r.env[v.name]; value != "" && r.is(v.readers) && v.means(r, value, file) {
			return v.name
		}
	}
	return ""
}

// separators are what stands between the paths of a value, and between options and their paths.
const separators = " \t:;,='\""

func (v *variable) means(r *reader, value, file string) bool {
	words := strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune(separators, c) })
	return slices.ContainsFunc(words, func(word string) bool {
		if !path.IsAbs(word) {
			word = path.Join(r.cwd, word)
		}
		word = path.Clean(word)
		if len(v.ends) > 0 && word != "/" && strings.HasPrefix(file, word+"/") {
			return slices.Contains(v.ends, path.Ext(file))
		}
		return word == file || word+path.Ext(file) == file // the end of a module's name may be left out
	})
}
