// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/sensor"
)

// Scripts and people go by the status: 0 is full coverage and nothing else.
func TestDoctorAnswersYesOnlyAtFullCoverage(t *testing.T) {
	rows := []finding{
		{"programs", "ok", "attached as lsm", ""}, {"  file.read", "missing", "left out: a\x1b[2Jreason", "another kernel"}, {"security modules", "note", "no bpf", "boot"},
	}
	for coverage, want := range map[string]int{
		string(sensor.Full): exitDone, string(sensor.Network): exitNo, string(sensor.Observe): exitNo, string(sensor.None): exitNo, "unknown": exitNo,
	} {
		for _, asJSON := range []bool{false, true} {
			var out, complaint bytes.Buffer
			e := &env{stdout: &out, stderr: &complaint, width: defaultWidth}
			if got := e.fail(answerReport(e, report{coverage, rows}, asJSON)); got != want || complaint.Len() > 0 {
				t.Errorf("coverage %s, json %v: exit %d, want %d; %s", coverage, asJSON, got, want, &complaint)
			}
			if asJSON {
				sameRows(t, out.String(), rows)
				continue
			}
			want := "✓ programs           attached as lsm\n✗   file.read        left out: a\\x1b[2Jreason\n                     → another kernel\n" +
				"· security modules   no bpf\n                     → boot\n\ncoverage: " + coverage + "\n"
			if out.String() != want {
				t.Errorf("got\n%swant\n%s", &out, want)
			}
		}
	}
}

// sameRows wants the findings as objects, one a line.
func sameRows(t *testing.T, out string, rows []finding) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != len(rows) {
		t.Fatalf("%d lines for %d rows", len(lines), len(rows))
	}
	for i, line := range lines {
		var got finding
		if err := json.Unmarshal([]byte(line), &got); err != nil || got != rows[i] {
			t.Errorf("%v: %s, want %+v", err, line, rows[i])
		}
	}
}
