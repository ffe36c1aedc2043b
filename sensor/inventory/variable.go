// SPDX-License-Identifier: Apache-2.0

// This file is the variables in command lines of connectors: which there are, what is certain without them, and what an agent makes of
// them. It is pure.

package inventory

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Spellings of variables, as the catalogue has them. What an agent has none of it passes on as it is.
const (
	spelledBare    = "$NAME"
	spelledBraced  = "${NAME}"
	spelledDefault = "${NAME:-DEFAULT}"
	spelledOfEnv   = "${env:NAME}"
	spelledInText  = "{env:NAME}" // put in before the file is read as JSON
)

// What becomes of a variable that is not set and has no default, where that is known.
const (
	unsetKept  = "kept" // as it is spelled
	unsetEmpty = "empty"
)

var (
	spellings = []string{spelledBare, spelledBraced, spelledDefault, spelledOfEnv, spelledInText}
	unsets    = []string{unsetKept, unsetEmpty}
)

// variable is one of any agent's.
var variable = regexp.MustCompile(`\$\{([^}]+)\}|\$([A-Za-z_]\w*)|\{env:([^}]+)\}`)

// spelled is a variable as a command line has it.
type spelled struct{ as, name, otherwise string }

// read takes apart what the expression found.
func read(text string) spelled {
	m := variable.FindStringSubmatch(text)
	switch name, otherwise, has := strings.Cut(m[1], ":-"); {
	case m[2] != "":
		return spelled{as: spelledBare, name: m[2]}
	case m[3] != "":
		return spelled{as: spelledInText, name: m[3]}
	case strings.HasPrefix(m[1], "env:"):
		return spelled{as: spelledOfEnv, name: m[1][len("env:"):]}
	case has:
		return spelled{spelledDefault, name, otherwise}
	}
	return spelled{as: spelledBraced, name: m[1]}
}

// HasVariables reports whether a text leaves anything to whoever starts it.
func HasVariables(text string) bool { return variable.MatchString(text) }

// Variables names what a command line leaves to whoever starts it.
func Variables(argv []string) []string {
	var names []string
	seen := map[string]bool{} // a hostile file has very many
	for _, arg := range argv {
		for _, text := range variable.FindAllString(arg, -1) {
			if name := read(text).name; !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

var defaulted = regexp.MustCompile(`\$\{[^}]+?:-([^}]*)\}`)

// defaults is a command line where none of its variables is set that has a default.
func defaults(argv []string) []string {
	out := make([]string, len(argv))
	for i, arg := range argv {
		out[i] = defaulted.ReplaceAllString(arg, "$1")
	}
	return out
}

// openMax bounds a command with variables, in bytes: what agents make of a longer one is not worked out.
const openMax = 16 << 10

// Opens is a command with variables; nothing where that is too long.
func Opens(argv []string, folder string) Started {
	size := 0
	for _, arg := range argv {
		size += len(arg)
	}
	if size > openMax {
		return Started{}
	}
	return Starts(argv, folder)
}

// Spell fills in by what a connector is started: the command as it is without its variables, where these have defaults, and as it is
// spelled.
func (f *Facts) Spell(argv []string, folder string) {
	if len(Variables(argv)) > 0 {
		f.Open = Opens(argv, folder)
	}
	if started := defaults(argv); len(Variables(started)) == 0 {
		f.Started = Starts(started, folder)
	}
}

// everyday are programs that agents execute themselves, for tools and to look around. What a configuration leaves open of them must be
// told from that: a project that names them would stop its agent else.
var everyday = []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "busybox", "git", "rg"}

// Certain is what of a command does not depend on its variables: the last component of its program, and what stands before the
// first of them in its arguments, a NUL behind each. ok is false where that tells it from nothing: the program's name depends on
// one, or agents execute it every day and all that is certain is options.
func (s Started) Certain() (name, fixed string, ok bool) {
	if len(s.argv) == 0 {
		return "", "", false
	}
	name = path.Base(variable.ReplaceAllString(s.argv[0], "\x00"))
	ok = !strings.Contains(name, "\x00") && !slices.Contains(everyday, name)
	for _, arg := range s.argv[1:] {
		if at := variable.FindStringIndex(arg); at != nil {
			return name, fixed + arg[:at[0]], ok
		}
		fixed += arg + "\x00"
		ok = ok || slices.Contains(everyday, name) && !strings.HasPrefix(arg, "-")
	}
	return name, fixed, ok
}

// Expand is what the agent makes of a command, where the variables have these values; ok is false where that is not known.
func (a *Agent) Expand(argv []string, value func(name string) (string, bool)) (out []string, ok bool) {
	ok = true
	for _, arg := range argv {
		out = append(out, variable.ReplaceAllStringFunc(arg, func(text string) string {
			is, known := a.expand(text, value)
			ok = ok && known
			return is
		}))
	}
	return out, ok
}

// expand is what becomes of one variable.
func (a *Agent) expand(text string, value func(string) (string, bool)) (is string, known bool) {
	v := read(text)
	if !slices.Contains(a.Variables, v.as) { // one with ${env:NAME} has others between braces, which it asks for or works out
		return text, !strings.HasPrefix(text, "${") || !slices.Contains(a.Variables, spelledOfEnv)
	}
	is, set := value(v.name)
	switch {
	case set:
		return is, v.as != spelledInText || !strings.ContainsFunc(is, breaksText)
	case v.as == spelledDefault:
		return v.otherwise, true
	case a.Unset == unsetKept:
		return text, true
	}
	return "", a.Unset == unsetEmpty
}

// breaksText reports what means something else than itself in a text of JSON: the file is another one then.
func breaksText(r rune) bool { return r < ' ' || r == '"' || r == '\\' }
