// SPDX-License-Identifier: Apache-2.0

// Package finding is what analysers tell: which rule, where, and what was seen there. It knows nothing of how a finding was
// made or what it weighs.
package finding

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says how bad what a rule describes is, were it meant.
type Severity uint8

// Severities, mildest first.
const (
	Info Severity = iota
	Low
	Medium
	High
	Critical
)

var severities = [...]string{"info", "low", "medium", "high", "critical"}

func (s Severity) String() string { return severities[min(int(s), len(severities)-1)] }

// UnmarshalText reads a severity's name.
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severities[:], string(text))
	if i < 0 {
		return fmt.Errorf("severity %q: one of %s expected", text, strings.Join(severities[:], ", "))
	}
	*s = Severity(i)
	return nil
}

// MarshalText writes a severity's name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Place is what kind of text something was found in: the same words weigh less where they are shown than where they are said.
type Place string

// Places.
const (
	Instruction Place = "instruction" // what an agent is told: SKILL.md, AGENTS.md, commands, prompts
	Tool        Place = "tool"        // what an agent is told about a tool
	Hidden      Place = "hidden"      // what people do not see: comments of HTML, invisible characters, decoded text
	Code        Place = "code"        // a program, a script, a hook
	Snippet     Place = "snippet"     // a block of code inside of a document
	Document    Place = "document"    // what explains: READMEs, references, talk about threats
	Test        Place = "test"        // tests and fixtures of the thing itself
)

// Finding is one thing that a rule saw.
type Finding struct {
	Rule   string // id
	File   string // inside the unit; members of archives as "archive!member"
	Line   int    // from 1; 0 for the whole file
	Place  Place
	Text   string // what was seen, as it stands in the file; may be hostile, show it with Visible
	Detail string // in words, where the rule's title is not enough
}

// excerptMax bounds an excerpt, in bytes.
const excerptMax = 240

// Sort puts findings into an order that does not depend on how they were made, and drops repeats of one rule on one line.
func Sort(list []Finding) []Finding {
	slices.SortFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Place, b.Place), cmp.Compare(a.Text, b.Text), cmp.Compare(a.Detail, b.Detail))
	})
	return slices.CompactFunc(list, func(a, b Finding) bool {
		return a.File == b.File && a.Line == b.Line && a.Rule == b.Rule && a.Place == b.Place
	})
}
