// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"cmp"
	"testing"
	"testing/fstest"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/rule"
)

func scanner(t testing.TB) *Scanner {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scanFiles scans a unit of these files.
func scanFiles(t testing.TB, s *Scanner, files map[string]string) *Report {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree["unit/"+name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	r, err := s.Scan(t.Context(), tree, Unit{Root: "unit"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func has(r *Report, id string) bool {
	for _, f := range r.Findings {
		if f.Rule == id {
			return true
		}
	}
	return false
}

// Each rule's examples, through the whole scanner: what it must find, and what it must leave alone.
func TestExamplesOfRules(t *testing.T) {
	s := scanner(t)
	for _, r := range s.Rules.Rules {
		t.Run(r.ID, func(t *testing.T) {
			for _, e := range r.True {
				example(t, s, r, e, true)
			}
			for _, e := range r.False {
				example(t, s, r, e, false)
			}
		})
	}
}

func example(t *testing.T, s *Scanner, r *rule.Rule, e rule.Example, want bool) {
	t.Helper()
	report := scanFiles(t, s, map[string]string{cmp.Or(e.File, "SKILL.md"): e.Text})
	if has(report, r.ID) != want {
		t.Errorf("%s: %q: found %v, want %v; all: %v", r.ID, e.Text, !want, want, ids(report.Findings))
	}
}

func ids(list []finding.Finding) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.Rule)
	}
	return out
}
