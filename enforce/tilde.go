// SPDX-License-Identifier: Apache-2.0

// This file turns globs as written into globs as matched: `~` into every home, `@name` into the set's globs. Whose agent
// asks does not change an object's label, so `~` is all homes at once; file permissions keep users apart.

package enforce

import (
	"path"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/enforce/match"
)

// commonHomes are where homes lie on any host.
var commonHomes = []string{"/root", "/home/*"}

// homes are the globs that `~` stands for: the common ones, the policy's, those of session users.
func (p *Policy) homes(o Options) []string {
	all := slices.Clone(commonHomes)
	for _, h := range p.Homes {
		all = append(all, strings.TrimRight(h, "/"))
	}
	for _, h := range o.Homes {
		if h = path.Clean(h); !path.IsAbs(h) || h == "/" || slices.ContainsFunc(all, func(g string) bool { return match.Match(match.Path, g, h) }) {
			continue // `/`, the home of system users, would make ~/** everything
		}
		all = append(all, quoteGlob(h))
	}
	slices.Sort(all[len(commonHomes):])
	return slices.Compact(all)
}

// quoteGlob makes a glob that matches a path and nothing else.
func quoteGlob(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if strings.IndexByte(`*?[]{}\,~`, path[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// hasTilde reports whether a glob begins at the homes.
func hasTilde(glob string) bool { return glob == "~" || strings.HasPrefix(glob, "~/") }

// expand replaces sets and homes in a rule's globs.
func (p *Policy) expand(r *Rule, globs, homes []string) []string {
	out := make([]string, 0, len(globs))
	for _, g := range globs {
		members := []string{g}
		if s := p.setOf(g); s != nil {
			members = s.Globs
		}
		for _, m := range members {
			if r.text() == textSocket {
				m = socketText(m)
			}
			if !hasTilde(m) || r.text() != textPath && r.text() != textSocket {
				out = append(out, m)
				continue
			}
			for _, h := range homes {
				out = append(out, h+m[1:])
			}
		}
	}
	return out
}

// setOf is the set that a glob names. On socket names `@x` is an abstract name where no set is called x.
func (p *Policy) setOf(glob string) *Set {
	name, ok := strings.CutPrefix(glob, "@")
	if !ok {
		return nil
	}
	return p.set(name)
}
