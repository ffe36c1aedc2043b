// SPDX-License-Identifier: Apache-2.0

// This file reads plugins with all that is in them, and the marketplaces that they come from.

package discover

import (
	"path"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// plugin is the folder of one, where something is a part of it.
type plugin struct{ dir, name string }

// manifest reads the file that says that a folder is a plugin, then what else is in it.
func (s *source) manifest() {
	dir := path.Dir(s.name)
	if strings.HasSuffix(path.Base(dir), "-plugin") && strings.HasPrefix(path.Base(dir), ".") {
		dir = path.Dir(dir)
	}
	s.pluginAt(dir, marketOf(dir), s.doc)
}

// marketOf is the marketplace in whose cache a plugin lies: cache/MARKETPLACE/PLUGIN/VERSION.
func marketOf(dir string) string {
	parts := strings.Split(dir, "/")
	if i := slices.Index(parts, "cache"); i >= 0 && len(parts) == i+4 {
		return parts[i+1]
	}
	return ""
}

func (s *source) pluginAt(dir, market string, doc *document) {
	if s.plugins[dir+"\x00"+s.agent.Name] || s.plugin.dir != "" {
		return
	}
	s.plugins[dir+"\x00"+s.agent.Name] = true
	name := doc.root.Get("name").String()
	if name == "" {
		name = path.Base(dir)
	}
	if market != "" {
		name += "@" + market
	}
	it := s.item(inventory.KindPlugin, name, 1)
	it.Version = clean(doc.root.Get("version").String())
	if market != "" {
		it.Identity.From = &inventory.Source{Marketplace: clean(market), Revision: s.revision(dir, name)}
	}
	setting(&it, "description", doc.root.Get("description").String())
	setting(&it, "version", it.Version)
	files, writable, err := s.folder(dir)
	it.Identity.Files, it.Facts.Writable = files, append(it.Facts.Writable, writable...)
	if err != nil {
		it.Error, it.Identity.Loose = reason(err), "its folder is not known whole"
	}
	s.add(it)
	for i := range s.agent.Config {
		if c := &s.agent.Config[i]; c.Scope == inventory.ScopePlugin {
			s.row(dir, s.agent, c, plugin{dir, it.Name})
		}
	}
}

// referenced reads what a plugin keeps in other files of its own, whose names stand where the thing itself could.
func (s *source) referenced(what string, at *formats.Node) {
	for _, name := range at.Strings() {
		c := *s.config
		c.Reads = map[string]string{what: s.config.Reads[what]}
		file := path.Join(s.plugin.dir, path.Clean("/"+name)) // .. leads nowhere
		if file != s.name {
			s.source(s.agent, &c, file, s.plugin).read()
		}
	}
	for _, item := range at.Items {
		if item.Kind == formats.Map {
			parts[what](s, nil, item)
		}
	}
}

// packages reads a list of packages that the agent loads as code of its own.
func (s *source) packages(_ []string, at *formats.Node) {
	for _, spec := range at.Strings() {
		it := s.item(inventory.KindPlugin, event.Redact(spec), at.Line)
		it.Facts.Event = "load"
		setting(&it, "loaded by", s.agent.Name)
		if local(spec) {
			s.resolve(&it, run{file: strings.TrimPrefix(spec, "file://")}, path.Dir(s.name))
		} else {
			it.Identity.Package = packageOf("npm", spec)
			if !it.Identity.Package.Exact {
				it.Identity.Loose = "the version of " + it.Identity.Package.String() + " is not pinned"
			}
		}
		pin(&it)
		s.add(it)
	}
}

// marketplaces reads names to sources: {source: {source, repo|url|path}} or, of Codex, {source_type, source}.
func (s *source) marketplaces(_ []string, at *formats.Node) {
	for _, name := range at.Keys() {
		m := at.Get(name)
		it := s.item(inventory.KindMarketplace, name, at.LineOf(name))
		from := m.Get("source")
		if from == nil || from.Kind != formats.Map {
			from = m
		}
		kind := from.First("source_type", "source").String()
		where := from.First("repo", "url", "path", "package").String()
		if where == "" && from.Get("source_type") != nil {
			where = from.Get("source").String()
		}
		if strings.Contains(where, "://") {
			it.Identity.URL, it.Facts.Secret = maskURL(where)
		} else {
			setting(&it, "source", where)
		}
		setting(&it, "kind", kind)
		if ref := from.First("ref", "branch", "sha").String(); ref != "" {
			setting(&it, "ref", ref)
			it.Version = clean(ref)
		}
		exact := commit.MatchString(from.Get("sha").String()) || commit.MatchString(from.Get("ref").String())
		it.Pinned = &exact
		it.Facts.AutoUpdate = m.Get("autoUpdate").Is(true)
		s.add(it)
		if path.IsAbs(where) && (kind == "directory" || kind == "local" || kind == "file") {
			s.lists.markets = append(s.lists.markets, market{s.agent.Name, name, where})
		}
	}
}

// lists are what settings say of items that other files bring.
type lists struct {
	markets []market
	enabled []saying // plugins
	off     []saying // connectors
	trusted []saying
}

type market struct{ agent, name, dir string }

// saying is one thing said of a name by an agent's settings, in a project or everywhere.
type saying struct {
	source  *source
	name    string
	project string
	line    int
	on      bool
}

func (s *source) enabled(_ []string, at *formats.Node) {
	for _, name := range at.Keys() {
		v := at.Get(name)
		on := v.Is(true) || v.Kind == formats.Map && !v.Get("enabled").Is(false) || v.Kind == formats.List && len(v.Items) > 0
		s.lists.enabled = append(s.lists.enabled, saying{s, clean(name), s.project, at.LineOf(name), on})
	}
}

func (s *source) disabled(names []string, at *formats.Node) {
	project := s.project
	if len(names) > 0 {
		project = names[0]
	}
	for _, name := range at.Strings() {
		s.lists.off = append(s.lists.off, saying{source: s, name: clean(name), project: project})
	}
}

func (s *source) trusted(_ []string, at *formats.Node) {
	if at.Is(true) {
		s.lists.trusted = append(s.lists.trusted, saying{source: s, project: s.project})
	}
}

// projects reads folders that the agent worked in.
func (s *source) projects(_ []string, at *formats.Node) {
	for _, dir := range at.Keys() {
		if path.IsAbs(dir) && path.Clean(dir) == dir && dir != "/" && dir != s.home.Dir && len(s.out.Projects) < listedMax {
			s.out.Projects = append(s.out.Projects, dir)
		}
	}
}

// apply has lists change the items that they are about. A plugin that is enabled and lies nowhere that was looked at is
// loaded from its marketplace.
func (w *part) apply() {
	for _, say := range slices.Clone(w.lists.enabled) {
		if !w.installedPlugin(say) && say.on {
			w.live(say)
		}
	}
	for i := range w.out.Items {
		it := &w.out.Items[i]
		for _, say := range w.lists.enabled {
			if say.source.agent.Name == it.Agents[0] && !say.on && (it.Kind == inventory.KindPlugin && it.Name == say.name || it.Part == say.name) {
				it.Disabled = true
			}
		}
		w.sell(it)
		if it.Kind != inventory.KindConnector {
			continue
		}
		for _, say := range w.lists.off {
			if say.source.agent.Name == it.Agents[0] && say.name == it.Name && (say.project == "" || say.project == it.Project) {
				it.Disabled = true
			}
		}
		for _, say := range w.lists.trusted {
			if say.source.agent.Name == it.Agents[0] && it.Scope == inventory.ScopeProject {
				it.Facts.AllProject = true
			}
		}
	}
}

func (w *part) installedPlugin(say saying) bool {
	return slices.ContainsFunc(w.out.Items, func(it inventory.Item) bool {
		return it.Kind == inventory.KindPlugin && it.Name == say.name && it.Agents[0] == say.source.agent.Name
	})
}

// live looks for a plugin in the folder of its marketplace, as Copilot CLI loads it.
func (w *part) live(say saying) {
	name, from, _ := strings.Cut(say.name, "@")
	for _, m := range w.lists.markets {
		if m.name != from || m.agent != say.source.agent.Name {
			continue
		}
		if dir := w.soldAt(m, name); dir != "" {
			for _, folder := range []string{".claude-plugin", ".plugin", ".github/plugin", "."} {
				s := w.source(say.source.agent, say.source.config, path.Join(dir, folder, "plugin.json"), plugin{})
				if s.doc = s.document(); s.doc != nil {
					s.pluginAt(dir, from, s.doc)
					return
				}
			}
		}
	}
	it := say.source.item(inventory.KindPlugin, say.name, say.line)
	it.Identity.From = &inventory.Source{Marketplace: from}
	it.Identity.Loose = "it is enabled, and does not lie where its agent keeps plugins"
	w.add(it)
}

// soldAt is the folder of a plugin in a marketplace that lies on this machine.
func (w *part) soldAt(m market, name string) string {
	raw, _, err := w.slurp(path.Join(m.dir, ".claude-plugin/marketplace.json"), settingsMax)
	if err != nil {
		return ""
	}
	root, err := formats.Parse(formats.JSON, raw)
	if err != nil {
		return ""
	}
	for _, p := range listOf(root.Get("plugins")) {
		if source := p.Get("source").String(); p.Get("name").String() == name && local(source) {
			return path.Join(m.dir, path.Clean("/"+source)) // .. leads nowhere
		}
	}
	return ""
}
