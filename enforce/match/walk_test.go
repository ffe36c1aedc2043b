// SPDX-License-Identifier: Apache-2.0

// The walk in pieces, and the table as the kernel will read it.

package match

import (
	"bytes"
	"slices"
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

// The kernel skips the bytes that marks speak of, so they must be true; and they are worth nothing where they are rare.
func TestIdleStatesAreMarked(t *testing.T) {
	m := mustCompile(t, Path, pathRules(2, 200, 10, 60))
	rows := map[uint32]uint32{} // marks, by row
	for next := slices.Clone(m.layout.Start[:]); len(next) > 0; {
		row := next[0] &^ stateIdle
		next = next[1:]
		for b := 1; b < 256; b++ {
			to := word(m.table, row+uint32(m.layout.Column[b]))
			if _, known := rows[to&^stateIdle]; !known {
				next = append(next, to)
			}
			rows[to&^stateIdle] = to & stateIdle
		}
	}
	marked := 0
	for row, mark := range rows {
		stays := true
		for b := 1; b < 256; b++ {
			stays = stays && (b == '/' || word(m.table, row+uint32(m.layout.Column[b]))&^stateIdle == row)
		}
		if stays != (mark == stateIdle) {
			t.Fatalf("row %d: stays for the rest of a component: %v; mark %d", row, stays, mark)
		}
		marked += int(mark)
	}
	if marked < 3 {
		t.Errorf("%d of %d states are idle", marked, len(rows))
	}
}
