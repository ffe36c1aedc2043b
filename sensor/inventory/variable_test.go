// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What agents make of variables, one rule a row.
func TestAgentsExpandVariables(t *testing.T) {
	agents, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"A": "one two", "B": "", "Q": `x","y`, "N": "a\nb", "R": "${A}"}
	for _, c := range []struct {
		agent, spelled, want string // arguments with | between; "" where it is not known
	}{
		{"claude-code", "${A}", "one two"},
		{"claude-code", "x|${A}|--a=${A}-${B}", "x|one two|--a=one two-"},
		{"claude-code", "${B:-d}", ""},
		{"claude-code", "${M:-d e}", "d e"},
		{"claude-code", "${A:-d}", "one two"},
		{"claude-code", "${M:-}|x", "|x"},
		{"claude-code", "${M}", "${M}"},
		{"claude-code", "$A", "$A"},
		{"claude-code", "{env:A}", "{env:A}"},
		{"claude-code", "${R}", "${A}"}, // once
		{"gemini-cli", "$A/${A}", "one two/one two"},
		{"gemini-cli", "$M", "$M"},
		{"copilot-cli", "${A}", "one two"},
		{"copilot-cli", "${M}", "?"},
		{"copilot-cli", "${M:-d}", "d"},
		{"opencode", "{env:A}|{env:M}|x", "one two||x"},
		{"opencode", "{env:Q}", "?"}, // the file is another one then
		{"opencode", "{env:N}", "?"},
		{"opencode", "${A}", "${A}"},
		{"codex", "$A|${A}|{env:A}", "$A|${A}|{env:A}"},
		{"cursor", "${env:A}", "one two"},
		{"cursor", "${env:M}", "?"},
		{"vscode", "${env:M}|x", "|x"},
		{"vscode", "${input:A}", "?"}, // asked for
		{"goose", "$A", "$A"},
	} {
		a := agents.ByName(c.agent)
		got, ok := a.Expand(strings.Split(c.spelled, "|"), func(name string) (string, bool) {
			value, set := values[name]
			return value, set
		})
		if want := strings.Split(c.want, "|"); ok != (c.want != "?") || ok && !slices.Equal(got, want) {
			t.Errorf("%s makes %q of %s, %t; want %q", c.agent, got, c.spelled, ok, want)
		}
	}
}

// What agents execute every day is told from that by more than its options.
func TestEverydayProgramsAreToldApart(t *testing.T) {
	for line, want := range map[string]bool{
		"node|${A}": true, "node|-r|${A}": true, "/bin/bash|-c|npx ${A}": false, "bash|${A}": false, "bash|-c|run|${A}": true, "bash|run.sh|${A}": true,
		"git|${A}|${B}": false, "git|mcp|${A}": true, "${A}/bash|-c|run": true, "${A}|run": false, "x${A}|run": false, "${A}/git|-x": false,
	} {
		if name, fixed, ok := Starts(strings.Split(line, "|"), "/").Certain(); ok != want {
			t.Errorf("%s: %q %q, certain %t", line, name, fixed, ok)
		}
	}
}

// A hostile file's are neither worked out nor slow.
func TestVeryManyVariables(t *testing.T) {
	var arg strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&arg, "$a%d", i)
	}
	var f Facts
	if f.Spell([]string{"x", arg.String()}, "/"); len(f.Open.Argv()) != 0 || len(f.Started.Argv()) != 0 {
		t.Error("it is worked out what becomes of them")
	}
}

func TestVariablesAreNamedOnce(t *testing.T) {
	got := Variables([]string{"$A", "${A}-${B:-$C}", "x", "{env:D}", "${env:E}", "${input:f}"})
	if !slices.Equal(got, []string{"A", "B", "D", "E", "input:f"}) {
		t.Errorf("%q", got)
	}
}
