// SPDX-License-Identifier: Apache-2.0

// This file reads which conversation an agent is in from a file that the agent itself writes, for agents that tell their
// children nothing.

package inventory

import (
	"path"
	"regexp"
	"strings"
	"time"
)

// Trail is a file that an agent writes and that names its conversation.
type Trail struct {
	File string `toml:"file"` // a glob of as many last components as it has
	// Line is an expression over its lines. The group id is the conversation. A line from before the session, by the group time,
	// does not count; where several runs of the agent write one file, the group run tells them apart, and ours is the first
	// that began since in the session's folder, by the group folder.
	Line string `toml:"line"`

	line *regexp.Regexp
}

// Meant says whether the agent's trail is this file.
func (t *Trail) Meant(file string) bool { return t.line != nil && tailMatches(t.File, file) }

// Runs says whether a file is one that the agent's entry names as its program.
func (a *Agent) Runs(file string) bool {
	for _, g := range a.Exec {
		if tailMatches(g, file) {
			return true
		}
	}
	return false
}

// tailMatches compares the last components of a path with a glob behind its ~/ or **/.
func tailMatches(glob, file string) bool {
	glob = strings.TrimPrefix(strings.TrimPrefix(glob, "~/"), "**/")
	have, want := strings.Split(file, "/"), strings.Count(glob, "/")+1
	if len(have) < want {
		return false
	}
	ok, err := path.Match(glob, strings.Join(have[len(have)-want:], "/"))
	return ok && err == nil
}

// Conversation is the last id that the lines say of a session that began then and there, or "".
func (t *Trail) Conversation(lines []string, began time.Time, folder string) (id string) {
	older, ours := map[string]bool{}, ""
	for _, line := range lines {
		m := t.line.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		group := func(name string) string {
			if i := t.line.SubexpIndex(name); i >= 0 {
				return m[i]
			}
			return ""
		}
		run := group("run")
		if at, err := time.Parse(time.RFC3339Nano, group("time")); err == nil && at.Before(began) {
			older[run] = true
			continue
		}
		if ours == "" && run != "" && !older[run] && group("folder") == folder {
			ours = run
		}
		if run == ours && group("id") != "" {
			id = group("id")
		}
	}
	return id
}

// check compiles the expression and says what is wrong with it, or "".
func (t *Trail) check() string {
	if t.File == "" && t.Line == "" {
		return ""
	}
	line, err := regexp.Compile(t.Line)
	if err != nil || line.SubexpIndex("id") < 0 || t.File == "" {
		return "no conversation can be read with it"
	}
	t.line = line
	return ""
}
