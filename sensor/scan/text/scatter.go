// SPDX-License-Identifier: Apache-2.0

// This file reads as one what was hidden in many places of a text: a letter here and a letter there say nothing each.

package text

import "fmt"

// scatter is what was hidden in one way all over a text.
type scatter struct {
	rule, detail string
	at, runs     int
	text         []byte
	data         []byte // of selectors
	bits         []rune // of zero width
}

// scatter is the collection of one rule.
func (v *revealer) scatter(rule, detail string) *scatter {
	for i := range v.scattered {
		if v.scattered[i].rule == rule {
			return &v.scattered[i]
		}
	}
	v.scattered = append(v.scattered, scatter{rule: rule, detail: detail, at: v.out.Len()})
	return &v.scattered[len(v.scattered)-1]
}

// together reads what was scattered as one text.
func (v *revealer) together() {
	for i := range v.scattered {
		s := &v.scattered[i]
		hidden := string(s.text)
		if len(s.data) > 0 {
			hidden = printable(s.data)
		}
		if len(s.bits) >= 16 {
			hidden = readBits(s.bits)
		}
		if s.runs > 1 && hidden != "" {
			v.marks = append(v.marks, Mark{Rule: s.rule, Offset: s.at, Detail: fmt.Sprintf("%s, in %d places", s.detail, s.runs), Hidden: hidden})
		}
	}
}
