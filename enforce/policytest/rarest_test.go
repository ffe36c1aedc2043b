// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"slices"
	"testing"
)

func counted(asked map[byte]int) func(byte) int { return func(k byte) int { return asked[k] } }

func TestRarestIsAskedNext(t *testing.T) {
	first := func(s string) byte { return s[0] }
	for name, c := range map[string]struct {
		asked map[byte]int
		from  []string
		want  []string
	}{
		"nothing":     {map[byte]int{}, nil, nil},
		"in-turn":     {map[byte]int{}, []string{"a1", "a2", "a3", "b1", "b2"}, []string{"a1", "b1", "a2", "b2", "a3"}},
		"catching-up": {map[byte]int{'a': 2}, []string{"a1", "b1", "b2", "b3"}, []string{"b1", "b2", "a1", "b3"}},
		"one-lacks":   {map[byte]int{'a': 9, 'b': 7}, []string{"a1", "b1", "a2"}, []string{"b1", "a1", "a2"}},
	} {
		var got []string
		for q := range Rarest(counted(c.asked), c.from, first) {
			c.asked[first(q)]++
			got = append(got, q)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	// What could not be asked is not counted, and the next is of that kind again.
	asked, got := map[byte]int{}, []string(nil)
	for q := range Rarest(counted(asked), []string{"a1", "a2", "b1"}, first) {
		if got = append(got, q); q != "a1" {
			asked[first(q)]++
		}
	}
	if want := []string{"a1", "a2", "b1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
