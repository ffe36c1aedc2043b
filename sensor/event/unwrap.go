// SPDX-License-Identifier: Apache-2.0

// This file takes agents' shell wrappers off. An agent hands the model's command to a shell inside of its own scaffolding
// (snapshots, evals, the way back to the working folder); people want to read what the model asked for.

package event

import (
	"path"
	"slices"
	"strings"
)

// Wrapper names how an agent wraps shell commands. The catalogue says which agent has which.
type Wrapper string

// The wrappers that are known.
const (
	WrapNone   Wrapper = ""
	WrapClaude Wrapper = "claude" // SHELL -c "… && eval 'COMMAND' < /dev/null && pwd -P >| FILE"
	WrapShell  Wrapper = "shell"  // SHELL -lc COMMAND
	WrapCodex  Wrapper = "codex"  // as WrapShell, or SHELL -c "__CODEX_SNAPSHOT_…\n\nexec 'SHELL' -c 'COMMAND'"
	WrapBare   Wrapper = "bare"   // SHELL --norc --noprofile -c COMMAND; other shells are the agent's own business
	WrapGemini Wrapper = "gemini" // SHELL -c "…; _bgpids_file=FILE\n(\n  trap …\nCOMMAND\n)\n__code=$?\nexit $__code"
)

// Wrappers lists the known kinds.
func Wrappers() []Wrapper { return []Wrapper{WrapClaude, WrapShell, WrapCodex, WrapBare, WrapGemini} }

var shells = []string{"sh", "bash", "zsh", "dash", "ksh", "fish"}

// Unwrap gives the command that the model asked for, and whether argv is such a wrapper.
func Unwrap(w Wrapper, argv []string) (string, bool) {
	script, ok := shellScript(argv)
	if !ok {
		return "", false
	}
	switch w {
	case WrapClaude:
		return unwrapClaude(script)
	case WrapShell:
		return script, script != ""
	case WrapCodex:
		return unwrapCodex(script)
	case WrapBare:
		return unwrapBare(script, argv)
	case WrapGemini:
		return unwrapGemini(script)
	}
	return "", false
}

// shellScript is the text after -c of `SHELL -c TEXT`, `SHELL -c -l TEXT`, `SHELL -lc TEXT`.
func shellScript(argv []string) (string, bool) {
	if len(argv) < 3 || !slices.Contains(shells, strings.TrimPrefix(path.Base(argv[0]), "-")) {
		return "", false
	}
	command := false
	for i, arg := range argv[1:] {
		if len(arg) < 2 || arg[0] != '-' {
			return arg, command && i > 0
		}
		if arg[1] != '-' && strings.ContainsRune(arg[1:], 'c') {
			command = true
		}
	}
	return "", false
}

const (
	evalBegin = "eval '"
	evalJoin  = " && eval '"
	evalTail  = " && pwd -P >| "
	evalNull  = " < /dev/null"
)

// unwrapClaude finds the single-quoted word of the last scaffolding eval. The model's own text may hold both marks; in it
// every quote is escaped, so the word that begins at the first eval and ends at an unescaped quote before the tail is it.
func unwrapClaude(script string) (string, bool) {
	end := strings.LastIndex(script, evalTail)
	if end < 0 {
		return "", false
	}
	begin := strings.Index(script, evalJoin)
	if begin >= 0 {
		begin += len(evalJoin)
	} else if strings.HasPrefix(script, evalBegin) {
		begin = len(evalBegin)
	} else {
		return "", false
	}
	if begin > end {
		return "", false
	}
	command, rest, ok := singleQuoted(script[begin:])
	if !ok {
		return "", false
	}
	rest = strings.TrimPrefix(rest, evalNull)
	cwd, ok := strings.CutPrefix(rest, evalTail)
	if !ok || cwd == "" || strings.ContainsAny(cwd, " \t\n;&|<>$`()") {
		return "", false // more than the agent writes: do not hide it
	}
	return command, true
}

const (
	codexRestore = "__CODEX_SNAPSHOT_"
	codexExec    = "\n\nexec '"
	codexSave    = "# Snapshot file"
	codexTry     = `set -e; . "`
)

// unwrapCodex finds the word behind what puts back the environment of the user's shell. How that was saved, and tried, is
// Codex's own business.
func unwrapCodex(script string) (string, bool) {
	if !strings.HasPrefix(script, codexRestore) {
		own := strings.Contains(script, codexSave) || strings.HasPrefix(script, codexTry)
		if own || script == "" {
			return "", false
		}
		return script, true
	}
	_, rest, ok := strings.Cut(script, codexExec)
	if !ok {
		return "", false
	}
	_, rest, ok = singleQuoted(rest)
	flag, quoted, found := strings.Cut(rest, "'")
	if !ok || !found || (flag != " -c " && flag != " -lc ") {
		return "", false
	}
	command, rest, ok := singleQuoted(quoted)
	if !ok || rest != "" {
		return "", false // more than the agent writes: do not hide it
	}
	return command, true
}

const (
	bgpids      = "_bgpids_file="
	geminiBegin = "\n(\n  trap 'jobs -p > \"$_bgpids_file\"' EXIT\n"
	geminiEnd   = "\n)\n__code=$?\nexit $__code"
)

// unwrapGemini takes off the subshell that tells of background processes, with the options of the shell before it. The first
// beginning is the agent's own, and its end is the script's.
func unwrapGemini(script string) (string, bool) {
	head, rest, ok := strings.Cut(script, geminiBegin)
	if !ok {
		return "", false
	}
	options, file, ok := strings.Cut(head, bgpids)
	if !ok || strings.ContainsAny(file, " \t\n;&|<>$`()") || strings.ContainsAny(options, "\n&|<>$`()") {
		return "", false // more than the agent writes: do not hide it
	}
	command, ok := strings.CutSuffix(rest, geminiEnd)
	if !ok {
		return "", false
	}
	return command, true
}

// unwrapBare tells the shells for a model from the others that the agent starts, which read the user's own files.
func unwrapBare(script string, argv []string) (string, bool) {
	if !slices.Equal(argv[1:3], []string{"--norc", "--noprofile"}) {
		return "", false
	}
	return script, true
}

// singleQuoted reads a shell word that began with a single quote, up to its end; quotes inside are '"'"' or '\”.
func singleQuoted(s string) (word, rest string, ok bool) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\'')
		if i < 0 {
			return "", "", false
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		switch {
		case strings.HasPrefix(s, `"'"'`):
			s = s[len(`"'"'`):]
		case strings.HasPrefix(s, `\''`):
			s = s[len(`\''`):]
		default:
			return b.String(), s, true
		}
		b.WriteByte('\'')
	}
}
