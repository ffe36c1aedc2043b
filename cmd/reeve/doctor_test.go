// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
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

// Each operation that policies may name has a row: what came of it where it was tried, else that it was not.
func TestDoctorSaysWhatWasNotTried(t *testing.T) {
	rows := operations(sensor.Finding{Effects: []sensor.Effect{
		{Op: bpf.OpExec, State: sensor.Held}, {Op: bpf.OpFileRead, State: sensor.Seen, Reason: "read went on: it succeeded"},
	}})
	got := map[string]finding{}
	for _, row := range rows {
		got[strings.TrimSpace(row.Name)] = row
	}
	for name, want := range map[string][2]string{
		"exec": {"ok", "held"}, "file.read": {"missing", "seen: read went on: it succeeded"}, "priv.module": {"note", "not tried"}, "agent.start": {"note", "not tried"},
	} {
		if row := got[name]; row.State != want[0] || row.Detail != want[1] {
			t.Errorf("%s: %+v", name, row)
		}
	}
	for _, op := range enforce.Ops() {
		if _, ok := got[op.String()]; ok != enforce.Held(op) {
			t.Errorf("%s: has a row: %t", op, ok)
		}
	}
}
