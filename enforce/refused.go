// SPDX-License-Identifier: Apache-2.0

// This file tells which programs policy refuses to somebody, and where such programs may lie: what a session copies is compared with
// them, since a copy has another name.

package enforce

import (
	"path"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// Refused reports whether executing a program is refused to anybody: in some role, as some principal, after whatever was read.
func (t Table) Refused(program string) bool {
	label := match.Walk(t.blob, t.paths, match.Path, []byte(program))
	for role := range t.roles {
		for principal := range t.principals {
			s := Subject{Role: role, Principal: principal, Taints: 1<<t.taints - 1}
			if action, _ := t.decide(s, OpExec, label, t.fallback(s, OpExec)); action.Refuses() {
				return true
			}
		}
	}
	return false
}

// RefusedPlaces are the files and folders that rules name which refuse to execute, as far as they are spelt out: of
// /opt/tools/*/bin/** it is /opt/tools. A glob that may be anywhere names none.
func (im *Image) RefusedPlaces() []string {
	var out []string
	for i := range im.policy.Rules {
		r := &im.policy.Rules[i]
		if !r.Action.Refuses() || !slices.Contains(r.On, OpExec) {
			continue
		}
		for _, glob := range im.policy.expand(r, r.Match, im.homes) {
			if place := literal(glob); place != "/" {
				out = append(out, place)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// literal is a glob up to its first component that is not plain text.
func literal(glob string) string {
	at := strings.IndexAny(glob, `*?[{\`)
	if at < 0 {
		return path.Clean(glob)
	}
	return path.Clean("/" + glob[:strings.LastIndexByte(glob[:at], '/')+1])
}
