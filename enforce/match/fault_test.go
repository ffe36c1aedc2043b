// SPDX-License-Identifier: Apache-2.0

// Deliberate faults: what shows that the differential tests could fail.

package match

import (
	"encoding/binary"
	"testing"
)

// Each fault breaks the encoded table or the way it is walked; the texts of the tests above must be able to tell.
func TestPlantedFaultsAreSeen(t *testing.T) {
	const texts = 2000
	rules := pathRules(2, 200, 10, 60)
	judge, whole := newJudge(Path, rules), mustCompile(t, Path, rules)
	stride := (whole.layout.Words + 2) * 8
	patched := func(patch func(table []byte)) image {
		m := whole
		m.table = append([]byte(nil), whole.table...)
		patch(m.table)
		return m
	}
	eachRow := func(table []byte, patch func(row []byte)) {
		classes := 0
		for _, column := range whole.layout.Column {
			classes = max(classes, (int(column)-rowHeader)/wordBytes+1)
		}
		size := rowHeader + wordBytes*classes
		for at := int(whole.layout.Start[0]); at+size <= int(whole.layout.Masks); at += size {
			patch(table[at : at+size])
		}
	}
	eachMask := func(table []byte, patch func(mask []byte)) {
		for at := whole.layout.Masks; at < whole.layout.Folds; at += stride {
			patch(table[at : at+stride])
		}
	}
	var unexcepted []Rule
	for _, r := range rules {
		unexcepted = append(unexcepted, Rule{ID: r.ID, Group: r.Group, Match: r.Match})
	}
	for name, faulty := range map[string]image{
		"all-excepts-ignored": mustCompile(t, Path, unexcepted),
		"emissions-ignored": patched(func(table []byte) {
			eachRow(table, func(row []byte) { row[2], row[3] = 0, 0 })
		}),
		"accepts-ignored": patched(func(table []byte) {
			eachRow(table, func(row []byte) { row[0], row[1] = 0, 0 })
		}),
		"atoms-never-match": patched(func(table []byte) {
			eachMask(table, func(mask []byte) { clear(mask[8:16]) })
		}),
		"excepts-of-atoms-ignored": patched(func(table []byte) {
			eachMask(table, func(mask []byte) { clear(mask[16:24]) })
		}),
		"one-byte-read-as-another": patched(func(table []byte) {
			eachRow(table, func(row []byte) {
				from, to := whole.layout.Column['a'], whole.layout.Column['o']
				binary.LittleEndian.PutUint32(row[to:], binary.LittleEndian.Uint32(row[from:]))
			})
		}),
	} {
		t.Run(name, func(t *testing.T) {
			d, mismatches := newDraw(99), 0
			for range texts {
				text := d.pathNear(rules)
				if faulty.label(text) != judge.label(text) {
					mismatches++
				}
			}
			if mismatches == 0 {
				t.Error("no text shows the fault")
			}
			t.Logf("%d of %d texts show the fault", mismatches, texts)
		})
	}
}

func TestLinesWalkedAsPathsAreSeen(t *testing.T) {
	rules := lineRules(4, 150, 40)
	d, judge, faulty := newDraw(99), newJudge(Line, rules), mustCompile(t, Line, rules)
	faulty.syntax = Path
	for range 1000 {
		if text := d.lineNear(rules); faulty.label(text) != judge.label(text) {
			return
		}
	}
	t.Error("no text shows that lines emit at every byte")
}
