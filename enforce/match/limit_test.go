// SPDX-License-Identifier: Apache-2.0

// Every limit is reached by rules that a person could write, is reported quickly, and names them.

package match

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// repeat makes n rules from a glob in which each % is a name of the rule's own.
func repeat(n int, glob, except string) []Rule {
	var rules []Rule
	for i := range n {
		d := newDraw(uint64(i))
		fill := func(glob string) string {
			for strings.Contains(glob, "%") {
				glob = strings.Replace(glob, "%", fmt.Sprintf("%s%d", d.name(), i), 1)
			}
			return glob
		}
		rule := Rule{ID: fmt.Sprintf("r%d", i), Group: i % 20, Match: []string{fill(glob)}}
		if except != "" {
			rule.Except = []string{fill(except)}
		}
		rules = append(rules, rule)
	}
	return rules
}

func TestLimitsAreReported(t *testing.T) {
	for name, tc := range map[string]struct {
		syntax Syntax
		rules  []Rule
		what   string
	}{
		"atoms":                       {Path, repeat(65, "**/%/**", "**/*.%"), "rules with excepts of another shape than their matches"},
		"awkward-paths":               {Path, repeat(33, "**/%/*.%", ""), "globs below ** with a further wildcard before a name, or a second **"},
		"awkward-lines":               {Line, repeat(33, "*%*%*", ""), "globs that begin with * and have another inside"},
		"second-deep":                 {Path, repeat(9, "**/%/**/%", ""), "globs with a second ** inside"},
		"second-deep-when-anchored":   {Path, repeat(9, "/srv/**/%/**/%", ""), "globs with a second ** inside"},
		"two-stars-in-a-component":    {Path, repeat(9, "**/*%*%*", ""), "globs with two stars in a component below **, like **/*a*b"},
		"states-of-anchored-globs":    {Path, repeat(30, "/tmp/*%*%", ""), "for anchored globs"},
		"states-of-open-globs":        {Path, repeat(30, "**/a*%*%", ""), "for globs with an open beginning"},
		"states-of-awkward-globs":     {Path, repeat(8, "**/*%*%*%*%", ""), "for globs of awkward shapes"},
		"states-of-lines":             {Line, repeat(30, "git *%*%*", ""), "for globs of awkward shapes"},
		"steps-of-counted-characters": {Path, repeat(100, "/tmp/*[!a]?????????????????????????%", ""), "steps to build the states for anchored globs"},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, err := Compile(tc.syntax, tc.rules)
			var limit *LimitError
			if !errors.As(err, &limit) {
				t.Fatalf("error is %v", err)
			}
			if !strings.HasSuffix(limit.What, tc.what) {
				t.Errorf("limit is on %q, want … %q", limit.What, tc.what)
			}
			if len(limit.Rules) == 0 {
				t.Error("no rule is named")
			}
			if took := time.Since(begin); took > 15*time.Second { // alone it takes one; the bound is for a busy machine
				t.Errorf("took %v", took)
			}
		})
	}
}

// The rules that are named are those that multiply states, not those that happen to be beside them.
func TestSuspectsAreTheCulprits(t *testing.T) {
	rules := pathRules(1, 300, 10, 0)
	guilty := map[string]bool{}
	for i, rule := range repeat(20, "/tmp/*%*%", "") {
		rule.ID = fmt.Sprintf("guilty-%d", i)
		guilty[rule.ID] = true
		rules = append(rules, rule)
	}
	_, err := Compile(Path, rules)
	var limit *LimitError
	if !errors.As(err, &limit) {
		t.Fatalf("error is %v", err)
	}
	for _, id := range limit.Rules {
		if !guilty[id] {
			t.Errorf("rule %s is named", id)
		}
	}
}

func TestRulesAtTheLimitsCompile(t *testing.T) {
	for name, tc := range map[string]struct {
		syntax Syntax
		rules  []Rule
	}{
		"atoms":         {Path, repeat(64, "**/%/**", "**/*.%")},
		"awkward-paths": {Path, repeat(32, "**/%/*.%", "")},
		"second-deep":   {Path, repeat(8, "**/%/**/%", "")},
		"groups":        {Line, []Rule{{ID: "last", Group: 255, Match: []string{"ls *"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			mustCompile(t, tc.syntax, tc.rules)
		})
	}
}
