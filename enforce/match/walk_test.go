// SPDX-License-Identifier: Apache-2.0

// The walk in pieces, and the table as the kernel will read it.

package match

import (
	"bytes"
	"testing"
)

func TestPiecesMakeNoDifference(t *testing.T) {
	for name, tc := range map[string]struct {
		syntax Syntax
		rules  []Rule
		near   func(draw, []Rule) string
	}{
		"paths": {Path, pathRules(2, 200, 10, 60), draw.pathNear},
		"lines": {Line, lineRules(4, 150, 40), draw.lineNear},
	} {
		t.Run(name, func(t *testing.T) {
			d, m := newDraw(3), mustCompile(t, tc.syntax, tc.rules)
			for range 5000 {
				text := tc.near(d, tc.rules)
				st, rest := Begin(m.layout), []byte(text)
				for len(rest) > 0 {
					n := d.IntN(len(rest) + 1)
					Step(m.table, m.layout, m.syntax, &st, rest[:n])
					before := st
					End(m.table, m.layout, &st)
					if st != before {
						t.Fatalf("%q: the end changed the state", text)
					}
					rest = rest[n:]
				}
				if got, want := End(m.table, m.layout, &st), m.label(text); got != want {
					t.Fatalf("%q: label %x in pieces, %x whole", text, got, want)
				}
			}
		})
	}
}

func TestCompileIsDeterministic(t *testing.T) {
	rules := pathRules(6, 400, 20, 40)
	first := mustCompile(t, Path, rules)
	for range 3 {
		again := mustCompile(t, Path, rules)
		if again.layout != first.layout || !bytes.Equal(again.table, first.table) {
			t.Fatal("two compilations of the same rules differ")
		}
	}
}

func TestBaseOnlyMovesTheTable(t *testing.T) {
	rules := pathRules(2, 100, 10, 20)
	engine, err := Compile(Path, rules)
	if err != nil {
		t.Fatal(err)
	}
	d := newDraw(1)
	near, low := engine.Encode(0)
	far, high := engine.Encode(4096)
	high = append(make([]byte, 4096), high...)
	for range 1000 {
		text := []byte(d.pathNear(rules))
		if Walk(low, near, Path, text) != Walk(high, far, Path, text) {
			t.Fatalf("%q: the label depends on where the engine lies", text)
		}
	}
}

// A folder renamed to one with an equal state keeps every label below it.
func TestEqualStatesHaveEqualFutures(t *testing.T) {
	rules := pathRules(2, 200, 10, 60)
	d, m := newDraw(11), mustCompile(t, Path, rules)
	met, equal := map[State]string{}, 0
	for range 4000 {
		folder := d.pathNear(rules)
		st := Begin(m.layout)
		Step(m.table, m.layout, m.syntax, &st, []byte(folder))
		other, known := met[st]
		met[st] = folder
		if !known || other == folder {
			continue
		}
		equal++
		for range 20 {
			below := d.pathNear(rules)
			if m.label(folder+below) != m.label(other+below) {
				t.Fatalf("%q and %q have one state, but %q below them two labels", folder, other, below)
			}
		}
	}
	if equal == 0 {
		t.Error("no two folders have an equal state")
	}
}

func TestNoRulesMatchNothing(t *testing.T) {
	for _, s := range []Syntax{Path, Line} {
		if l := mustCompile(t, s, nil).label("/a"); !l.Empty() {
			t.Errorf("label without rules is %x", l)
		}
	}
}
