// SPDX-License-Identifier: Apache-2.0

// This file reads the front matter of a document: the YAML that says what a skill is for and what it may use. It reads lines
// and not YAML, since half of the front matter in the world is no YAML, and agents read it all the same.

package text

import (
	"strings"
)

// Front is what a document says about itself.
type Front struct {
	Keys map[string][]string // by lower-case name, values of lists each on its own
	Line map[string]int
	Text string // whole
}

// Get is a key's value, on one line.
func (f Front) Get(key string) string { return strings.Join(f.Keys[key], " ") }

// cutFront divides a document into front matter and body. skipped is how many lines the first takes.
func cutFront(s string) (f Front, body string, skipped int) {
	f = Front{Keys: map[string][]string{}, Line: map[string]int{}}
	if !strings.HasPrefix(s, "---") {
		return f, s, 0
	}
	lines := strings.SplitAfter(s, "\n")
	for i, l := range lines[1:] {
		if strings.TrimRight(l, " \t\r\n") == "---" {
			f.Text = strings.Join(lines[1:i+1], "")
			f.read(lines[1 : i+1])
			return f, strings.Join(lines[i+2:], ""), i + 2
		}
	}
	return f, s, 0
}

func (f *Front) read(lines []string) {
	key := ""
	for i, l := range lines {
		l = strings.TrimRight(l, " \t\r\n")
		trimmed := strings.TrimSpace(l)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		name, value, found := strings.Cut(l, ":")
		if found && name == strings.TrimSpace(name) && !strings.HasPrefix(name, "-") {
			key = strings.ToLower(name)
			f.Line[key] = i + 2
			trimmed = strings.TrimSpace(value)
		}
		if key != "" {
			f.Keys[key] = append(f.Keys[key], values(trimmed)...)
		}
	}
}

// values are the items of a value on one line.
func values(s string) []string {
	s = strings.TrimPrefix(s, "- ")
	if s == "" || s == "|" || s == ">" || s == "|-" || s == ">-" {
		return nil
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		var list []string
		for item := range strings.SplitSeq(s[1:len(s)-1], ",") {
			if item = unquote(item); item != "" {
				list = append(list, item)
			}
		}
		return list
	}
	return []string{unquote(s)}
}

func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
