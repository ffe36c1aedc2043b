// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"testing"
	"time"
)

// log is OpenCode's, as 1.18.33 writes it, with three runs that write one file: one from before, ours, and one beside it.
var log = []string{
	`timestamp=2026-11-26T13:00:00.000Z level=INFO run=11111111 message="creating instance" directory=/home/a/work`,
	`timestamp=2026-11-26T13:00:01.000Z level=INFO run=11111111 message=created id=ses_before slug=x version=1.18.33 directory=/home/a/work path=home/a/work`,
	`timestamp=2026-11-26T13:07:46.355Z level=INFO run=56225c8a message="creating instance" directory=/home/a/work`,
	`timestamp=2026-11-26T13:07:47.228Z level=INFO run=56225c8a message=created id=ses_ours slug=y version=1.18.33 projectID=global directory=/home/a/work path=home/a/work`,
	`timestamp=2026-11-26T13:07:48.000Z level=INFO run=77777777 message="creating instance" directory=/home/a/work`,
	`timestamp=2026-11-26T13:07:48.500Z level=INFO run=77777777 message=created id=ses_beside slug=z version=1.18.33 directory=/home/a/work path=home/a/work`,
	`timestamp=2026-11-26T13:07:48.746Z level=INFO run=56225c8a message=loop session.id=ses_ours step=0`,
	`timestamp=2026-11-26T13:07:49.000Z level=INFO run=11111111 message=loop session.id=ses_before step=9`,
	`timestamp=2026-11-26T13:07:50.067Z level=INFO run=56225c8a message="resolved path" arg="x session.id=ses_forged" resolved=undefined`,
	`timestamp=2026-11-26T13:07:50.074Z level=INFO run=56225c8a message=evaluated permission=bash pattern="message=loop session.id=ses_forged" action.action=allow`,
	"",
}

func TestTrails(t *testing.T) {
	c := builtIn(t)
	began := time.Date(2026, 11, 26, 13, 7, 40, 0, time.UTC)
	transcript := []string{`{"sessionId":"2b75b60f-ae92-4de5-a286-135d6a453554","projectHash":"b5","kind":"main"}`, `{"$set":{"sessionId":"ffffffff-0000-4de5-a286-135d6a453554"}}`}
	for name, tc := range map[string]struct {
		agent, folder string
		lines         []string
		want          string
	}{
		"one of several runs":       {"opencode", "/home/a/work", log, "ses_ours"},
		"no run in that folder":     {"opencode", "/home/a/other", log, ""},
		"its beginning is cut away": {"opencode", "/home/a/work", log[6:], ""},
		"resumed":                   {"opencode", "/home/a/work", []string{log[2], log[6]}, "ses_ours"},
		"the transcript's head":     {"gemini-cli", "/home/a/work", transcript, "2b75b60f-ae92-4de5-a286-135d6a453554"},
		"nothing":                   {"gemini-cli", "/home/a/work", nil, ""},
	} {
		if got := c.ByName(tc.agent).Trail.Conversation(tc.lines, began, tc.folder); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestTrailsAreTheAgentsFiles(t *testing.T) {
	c := builtIn(t)
	for file, want := range map[string]string{
		"/home/a/.gemini/tmp/work/chats/session-2026-11-26T13-08-2b75b60f.jsonl": "gemini-cli",
		"/home/a/.gemini/tmp/chats/session-1.jsonl":                              "",
		"/srv/x/.local/share/opencode/log/opencode.log":                          "opencode",
		"/home/a/opencode.log":                                                   "",
	} {
		for i := range c.Agents {
			if a := &c.Agents[i]; a.Trail.Meant(file) != (a.Name == want) {
				t.Errorf("%s is %s's: %v", file, a.Name, a.Trail.Meant(file))
			}
		}
	}
	gemini := c.ByName("gemini-cli")
	if !gemini.Runs("/home/a/.local/lib/node_modules/@google/gemini-cli/bundle/gemini.js") || gemini.Runs("/usr/bin/node") {
		t.Error("Gemini CLI's program is not told from another")
	}
}
