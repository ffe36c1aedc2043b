// SPDX-License-Identifier: Apache-2.0

// How the steps of a run went.

package model

// Count is how the steps of one call went, or of all.
type Count struct{ Steps, Refused, Let, Failed int }

// Tally is how many steps went how, by call. Void steps are those that were left out.
type Tally struct {
	Sequences, Void int
	Calls           map[string]*Count
}

// All sums the calls up.
func (t *Tally) All() (all Count) {
	for _, c := range t.Calls {
		all.Steps += c.Steps
		all.Refused += c.Refused
		all.Let += c.Let
		all.Failed += c.Failed
	}
	return all
}

// of is the count of a call, with one more step.
func (t *Tally) of(do string) *Count {
	if t.Calls == nil {
		t.Calls = map[string]*Count{}
	}
	c := t.Calls[do]
	if c == nil {
		c = &Count{}
		t.Calls[do] = c
	}
	c.Steps++
	return c
}
