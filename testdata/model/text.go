// SPDX-License-Identifier: Apache-2.0

// Sequences as text: the rules of a policy, a line of dashes, a step a line. What a run finds is printed so, kept so in
// seeds/, and read again.

package model

import (
	"fmt"
	"strings"

	"github.com/reeve-sensor/reeve/testdata/model/step"
)

// Sequence is a policy and what is done under it, from a fresh tree on.
type Sequence struct {
	Policy []string // tables of TOML: each can be left out by itself
	Steps  []Step
}

const dashes = "----"

func (s Sequence) String() string {
	var b strings.Builder
	for _, table := range s.Policy {
		b.WriteString(strings.TrimSpace(table) + "\n\n")
	}
	b.WriteString(dashes + "\n")
	for _, one := range s.Steps {
		b.WriteString(one.String() + "\n")
	}
	return b.String()
}

// Parse reads a sequence. Among the steps, empty lines and what follows a # say nothing.
func Parse(text string) (Sequence, error) {
	head, tail, ok := strings.Cut(text, dashes+"\n")
	if !ok {
		return Sequence{}, fmt.Errorf("a sequence without %q", dashes)
	}
	var s Sequence
	for table := range strings.SplitSeq(strings.TrimSpace(head), "\n\n") {
		if table = strings.TrimSpace(table); table != "" {
			s.Policy = append(s.Policy, table)
		}
	}
	for line := range strings.Lines(tail) {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		one, err := step.Parse(line)
		if err != nil {
			return Sequence{}, err
		}
		s.Steps = append(s.Steps, one)
	}
	return s, nil
}
