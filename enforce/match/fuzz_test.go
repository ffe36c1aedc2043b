// SPDX-License-Identifier: Apache-2.0

// Fuzzing: no glob makes the parser panic, and what it accepts means the same to the naive matcher and the automata.

package match

import (
	"errors"
	"strings"
	"testing"
)

func FuzzGlob(f *testing.F) {
	f.Add(0, "/home/*/.ssh/{id_*,**}", "/home/a/.ssh/id_x")
	f.Add(0, "**/x?[!a-c]/**", "/x\xe2\x82é/b")
	f.Add(1, `*--force\*[/]?*`, "git push --force*/\xc3")
	f.Add(0, "/{a,{b,}c}{d,/e}/..", "/cd/..")
	f.Fuzz(func(t *testing.T, syntax int, glob, text string) {
		s := Syntax(syntax & 1)
		err := Check(s, glob)
		var bad *GlobError
		if err != nil && (!errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(glob)) {
			t.Fatalf("Check(%q) = %v", glob, err)
		}
		matched := Match(s, glob, text)
		if err != nil {
			if matched {
				t.Fatalf("bad glob %q matches", glob)
			}
			return
		}
		agree(t, s, []Rule{{ID: "r", Match: []string{glob}}}, text)
	})
}

func FuzzCompile(f *testing.F) {
	f.Add(0, "**/x/**", "/a/*", "/a/x*", "/a/xy")
	f.Add(0, "**", "**/.env", "/srv/**/.env", "/srv/a/.env")
	f.Add(1, "git *push*", "git ?*", "*--dry-run*", "git push --dry-run")
	f.Add(1, "??*", "*é", "?[!a]", "\xe2\x82a")
	f.Fuzz(func(t *testing.T, syntax int, first, second, except, text string) {
		agree(t, Syntax(syntax&1), []Rule{
			{ID: "with", Group: 1, Match: []string{first, second}, Except: []string{except}},
			{ID: "also", Group: 1, Match: []string{second}},
			{ID: "swap", Group: 63, Match: []string{except}, Except: []string{second, first}},
		}, text)
	})
}

// agree compares the automata with the naive matcher, unless the rules do not compile, which must have said why. Paths
// are absolute. Long globs are left out, and those whose `?` double the states until a limit is met
// (TestLimitsAreReported): they only cost time.
func agree(t *testing.T, s Syntax, rules []Rule, text string) {
	if s == Path && !strings.HasPrefix(text, "/") {
		text = "/" + text
	}
	for _, r := range rules {
		text := strings.Join(append(r.Match, r.Except...), "")
		if len(text) > 100 || strings.Count(text, "?") > 8 {
			return
		}
	}
	engine, err := Compile(s, rules)
	if err != nil {
		var glob *GlobError
		var limit *LimitError
		if !errors.As(err, &glob) && !errors.As(err, &limit) {
			t.Fatalf("error is %v", err)
		}
		return
	}
	layout, table := engine.Encode(0)
	if got, want := Walk(table, layout, s, []byte(text)), naive(s, rules, text); got != want {
		t.Fatalf("%q: label %x, want %x by\n%+v", text, got, want, rules)
	}
}
