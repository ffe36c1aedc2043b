// SPDX-License-Identifier: Apache-2.0

// This file says where plugins came from: the marketplace's own source, and the commit. Nobody signs that: it is what an agent noted.

package discover

import (
	"path"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// revision is the commit that Claude Code notes of what lies in its cache: {plugins: {NAME: [{installPath, gitCommitSha}]}}.
func (s *source) revision(dir, name string) string {
	parts := strings.Split(dir, "/")
	i := slices.Index(parts, "cache")
	if i < 0 {
		return ""
	}
	file := path.Join(strings.Join(parts[:i], "/"), "installed_plugins.json")
	s.watch(path.Dir(file), path.Base(file))
	raw, _, err := s.slurp(file, settingsMax)
	if err != nil {
		return ""
	}
	root, err := formats.Parse(formats.JSON, raw)
	if err != nil {
		return ""
	}
	for _, note := range listOf(root.Get("plugins", name)) {
		if sum := note.Get("gitCommitSha").String(); note.Get("installPath").String() == dir && commit.MatchString(sum) {
			return sum
		}
	}
	return ""
}

// sell fills in where the marketplace of a plugin is, and what it is bound to.
func (w *part) sell(it *inventory.Item) {
	from := it.Identity.From
	if it.Kind != inventory.KindPlugin || from == nil {
		return
	}
	i := slices.IndexFunc(w.out.Items, func(m inventory.Item) bool {
		return m.Kind == inventory.KindMarketplace && m.Name == from.Marketplace && m.Agents[0] == it.Agents[0]
	})
	if i < 0 {
		return
	}
	m := &w.out.Items[i]
	from.Where = m.Identity.URL
	for _, p := range m.Identity.Settings {
		if p.Name == "source" {
			from.Where = p.Value
		}
	}
	if from.Revision == "" {
		from.Revision = m.Version
	}
}
