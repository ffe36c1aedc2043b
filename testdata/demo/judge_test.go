// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
)

const home = "/home/alice"

func scenario(t *testing.T) *messages.Scenario {
	t.Helper()
	s, err := messages.Load("../messages/scenarios/demo.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryForbiddenActHasItsExpectation(t *testing.T) {
	want := expected(home)
	for _, turn := range scenario(t).Turns {
		head, note, _ := strings.Cut(turn.Note, ": ")
		if _, known := want[note]; known != (head == "forbidden") {
			t.Errorf("%s: an expectation is there: %v", turn.Note, known)
		}
		delete(want, note)
	}
	for note := range want {
		t.Errorf("%s: expected, but the scenario does not do it", note)
	}
}

// perfect makes the run in which everything is as it must be: a turn takes a second.
func perfect(t *testing.T) (s *messages.Scenario, records []messages.Record, timeline []occurrence) {
	t.Helper()
	s = scenario(t)
	at := time.Unix(1000, 0)
	want := expected(home)
	for i, turn := range s.Turns {
		r := messages.Record{Kind: "turn", Turn: i, Time: at}
		if i > 0 {
			head, _, _ := strings.Cut(s.Turns[i-1].Note, ": ")
			for range s.Turns[i-1].Tools {
				r.Results = append(r.Results, messages.Result{Turn: i - 1, Error: head == "forbidden", Content: "result"})
			}
		}
		records = append(records, r)
		if head, note, _ := strings.Cut(turn.Note, ": "); head == "forbidden" {
			e := want[note]
			timeline = append(timeline, occurrence{
				Time: at.Add(500 * time.Millisecond), Op: e.op, Object: e.object, Rule: e.rule, Action: e.action, Applied: true,
			})
		}
		at = at.Add(time.Second)
	}
	return s, records, timeline
}

func wrong(rows []row) (acts []string) {
	for _, r := range rows {
		if !r.ok {
			acts = append(acts, r.act)
		}
	}
	return acts
}

func TestPerfectRunPasses(t *testing.T) {
	s, records, timeline := perfect(t)
	rows := judge(s, records, timeline, home, "secret")
	if acts := wrong(rows); acts != nil || len(rows) != len(s.Turns)-1 {
		t.Errorf("%d rows, wrong: %q", len(rows), acts)
	}
}

// TestFaultIsFound breaks the perfect run in one place each time. Turn 3 is the first forbidden one.
func TestFaultIsFound(t *testing.T) {
	const secret = "a line of the key's own text\n"
	for name, spoil := range map[string]func(r []messages.Record, o []occurrence) []occurrence{
		"forbidden-act-succeeds":           func(r []messages.Record, o []occurrence) []occurrence { r[4].Results[0].Error = false; return o },
		"secret-in-a-failure":              func(r []messages.Record, o []occurrence) []occurrence { r[4].Results[0].Content = secret; return o },
		"forbidden-act-does-not-come-back": func(r []messages.Record, o []occurrence) []occurrence { r[4].Results = nil; return o },
		"ordinary-work-fails":              func(r []messages.Record, o []occurrence) []occurrence { r[1].Results[0].Error = true; return o },
		"ordinary-work-does-not-come-back": func(r []messages.Record, o []occurrence) []occurrence { r[1].Results = nil; return o },
		"no-event":                         func(_ []messages.Record, o []occurrence) []occurrence { return o[1:] },
		"not-applied":                      func(_ []messages.Record, o []occurrence) []occurrence { o[0].Applied = false; return o },
		"another-rule":                     func(_ []messages.Record, o []occurrence) []occurrence { o[0].Rule = "other"; return o },
		"at-another-time":                  func(_ []messages.Record, o []occurrence) []occurrence { o[0].Time = time.Unix(1000, 0); return o },
		"refused-beyond": func(_ []messages.Record, o []occurrence) []occurrence {
			return append(o, occurrence{Time: time.Unix(1001, 0), Op: "file.write", Object: "/x", Action: "deny", Applied: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, records, timeline := perfect(t)
			timeline = spoil(records, timeline)
			if wrong(judge(s, records, timeline, home, secret)) == nil {
				t.Error("passes")
			}
		})
	}
}

// shown are the lines of a run in which each refusal is shown a moment after it.
func shown(timeline []occurrence) (lines []line) {
	for _, o := range timeline {
		text := "10:00:00.5  3f2a  ✗ " + o.Action + "   " + o.Op + "  " + o.Object
		lines = append(lines, line{o.Time.Add(10 * time.Millisecond), text}, line{o.Time.Add(10 * time.Millisecond), "      " + o.Rule})
	}
	return lines
}

func TestWhatIsShownMeanwhileIsJudged(t *testing.T) {
	s, records, timeline := perfect(t)
	if r := judgeShown(s, records, shown(timeline), home); !r.ok {
		t.Errorf("a perfect run: %+v", r)
	}
	over := records[len(records)-1].Time
	for name, spoil := range map[string]func(l []line) []line{
		"nothing-is-shown":      func([]line) []line { return nil },
		"one-is-not-shown":      func(l []line) []line { return l[2:] },
		"the-last-is-not-shown": func(l []line) []line { return l[:len(l)-2] },
		"shown-when-it-is-over": func(l []line) []line { l[0].at = over.Add(time.Millisecond); return l },
		"shown-before-it":       func(l []line) []line { l[len(l)-2].at = time.Unix(1000, 0); return l },
		"another-object": func(l []line) []line {
			l[0].text = strings.ReplaceAll(l[0].text, "id_ed25519", "known_hosts")
			return l
		},
		"another-operation": func(l []line) []line { l[0].text = strings.ReplaceAll(l[0].text, "file.read", "file.reader"); return l },
		"not-refused":       func(l []line) []line { l[0].text = strings.ReplaceAll(l[0].text, "✗ deny", "! would deny"); return l },
	} {
		if r := judgeShown(s, records, spoil(shown(timeline)), home); r.ok || r.why == "" {
			t.Errorf("%s: passes: %+v", name, r)
		}
	}
}

func TestConsoleIsTakenApart(t *testing.T) {
	var shown strings.Builder
	c := &console{to: &screen{to: &shown}}
	for _, piece := range []string{"[ 1.0] boot\n\x1dp\x1f  first", " line\nnoise \x1dm\x1fsecond\n", "\x1d broken\nrest"} {
		if _, err := c.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := shown.String(), "  first line\nsecond\n"; got != want {
		t.Errorf("shown %q, want %q", got, want)
	}
	if got, want := c.last(9), "[ 1.0] boot\nnoise "; got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
}
