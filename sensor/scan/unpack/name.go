// SPDX-License-Identifier: Apache-2.0

// This file judges the names of members: what would an extractor do with them?

package unpack

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
)

// namer has seen the names of one archive.
type namer struct {
	w       *Walker
	archive string
	seen    map[string]bool
}

// check tells what is wrong with a member's name and returns the name that the member has in findings.
func (n *namer) check(name string) string {
	whole := n.archive + "!" + name
	tell := func(rule, detail string) {
		n.w.Tell(finding.Finding{Rule: rule, File: n.archive, Place: finding.Code, Text: name, Detail: detail + ": " + finding.Visible(name)})
	}
	slashed := strings.ReplaceAll(name, `\`, "/")
	switch {
	case strings.HasPrefix(slashed, "/"), len(slashed) > 1 && slashed[1] == ':':
		tell(RuleSlip, "an absolute name")
	case leaves(".", slashed):
		tell(RuleSlip, "a name that leads out of the folder")
	case strings.Contains(name, `\`):
		tell(RuleName, "backslashes, which are a folder on one system and a letter on another")
	}
	if reason := n.odd(name); reason != "" {
		tell(RuleName, reason)
	}
	// What differs in case or in "./" alone is one file on many systems.
	key := strings.ToLower(path.Clean(slashed))
	if n.seen[key] && !strings.HasSuffix(name, "/") {
		tell(RuleDuplicate, "more than one member of this name")
	}
	n.seen[key] = true
	return whole
}

func (n *namer) odd(name string) string {
	lim := n.w.Limits
	parts := strings.Split(strings.TrimSuffix(name, "/"), "/")
	switch {
	case len(name) > lim.Name:
		return fmt.Sprintf("a name of %d bytes", len(name))
	case len(parts) > lim.Steps:
		return fmt.Sprintf("%d folders deep", len(parts))
	case !utf8.ValidString(name) && strings.ContainsRune(name, 0):
		return "bytes that end names"
	}
	for _, p := range parts {
		if len(p) > lim.Part {
			return fmt.Sprintf("a component of %d bytes", len(p))
		}
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return "characters that cannot be seen"
		}
	}
	return ""
}

// link judges a link among the members. Its text counts from dir.
func (n *namer) link(name, dir, target string) {
	n.w.acc.files++
	if leaves(strings.ReplaceAll(dir, `\`, "/"), strings.ReplaceAll(target, `\`, "/")) {
		n.w.Tell(finding.Finding{Rule: RuleLink, File: n.archive + "!" + name, Place: finding.Code, Text: target,
			Detail: "links to " + finding.Visible(target)})
	}
}
