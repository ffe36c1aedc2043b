// SPDX-License-Identifier: Apache-2.0

package site

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
)

func TestSay(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	problem := func(hint string) *enforce.Problem { return &enforce.Problem{Reason: "p" + hint, Hint: hint} }
	for name, tc := range map[string]struct {
		err          error
		lines, hints []string
	}{
		"plain":              {fmt.Errorf("doing: %w", one), []string{"doing: one"}, nil},
		"two causes":         {fmt.Errorf("doing: %w (%w)", one, two), []string{"doing: one (two)"}, nil},
		"a list":             {fmt.Errorf("doing: %w", errors.Join(one, two)), []string{"one", "two"}, nil},
		"a hinted list":      {Hint(fmt.Errorf("doing: %w", errors.Join(one, two)), "h"), []string{"doing: one; two"}, []string{"h"}},
		"a wrapped hint":     {fmt.Errorf("doing: %w", Hint(one, "h")), []string{"doing: one"}, []string{"h"}},
		"one problem":        {enforce.Problems{problem("a")}, []string{"pa"}, []string{"a"}},
		"two hints at most":  {enforce.Problems{problem("a"), problem("b"), problem("c")}, []string{"pa", "pb", "pc"}, []string{"a", "b"}},
		"a fault with place": {&Fault{"f", 3, "r", ""}, []string{"f:3: r"}, nil},
	} {
		lines, hints := Say(tc.err)
		if !reflect.DeepEqual(lines, tc.lines) || !reflect.DeepEqual(hints, tc.hints) {
			t.Errorf("%s: %q %q", name, lines, hints)
		}
	}
}
