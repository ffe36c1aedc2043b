// SPDX-License-Identifier: Apache-2.0

// This file is how a policy's faults are told: each with its place and a hint, all of them at once.

package enforce

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one fault of a policy.
type Problem struct {
	Place
	Rule    string // the rule, role or other named thing it lies in, "" for a file's own keys
	Key     string // the key, "" where the whole is at fault
	Reason  string
	Hint    string
	Warning bool // the policy can be applied nonetheless
}

// Error is one line: place, what, reason. The hint is apart.
func (p *Problem) Error() string {
	var b strings.Builder
	if s := p.Place.String(); s != "" {
		b.WriteString(s + ": ")
	}
	if p.Rule != "" {
		b.WriteString(p.Rule + ": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Reason)
	return b.String()
}

// Problems are all faults of a policy, in the order of their places.
type Problems []*Problem

// Error is one line a problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each problem to errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// Errors are those that keep the policy from being applied.
func (ps Problems) Errors() Problems {
	return slices.DeleteFunc(slices.Clone(ps), func(p *Problem) bool { return p.Warning })
}

// Warnings are the others.
func (ps Problems) Warnings() Problems {
	return slices.DeleteFunc(slices.Clone(ps), func(p *Problem) bool { return !p.Warning })
}

// err is nil where nothing keeps the policy from being applied.
func (ps Problems) err() error {
	if e := ps.Errors(); len(e) > 0 {
		return e
	}
	return nil
}

// sorted orders by place and drops what was said twice.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return slices.CompactFunc(ps, func(a, b *Problem) bool { return *a == *b })
}

// didYouMean names the known word nearest to a misspelt one, or lists the words where none is near.
func didYouMean(word string, known []string) string {
	best, distance := "", 1+len(word)/3
	for _, k := range known {
		if d := editDistance(word, k); d <= distance && (best == "" || d < distance) {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) == 0:
		return ""
	case len(known) > 30:
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}

// editDistance counts the insertions, deletions and substitutions between two words.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
