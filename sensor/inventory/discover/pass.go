// SPDX-License-Identifier: Apache-2.0

// This file is a pass: which rows of the catalogue are looked at where, and what comes of it.

package discover

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
	"github.com/reeve-sensor/reeve/sensor/inventory/signed"
)

// Options bound a pass.
type Options struct {
	Depth    int      // of folders below a home in which projects are searched; 0 searches none
	Entries  int      // that a search looks at
	Skip     []string // names of folders that no search enters, beside those that never hold a project
	System   []string // folders, from the root, in which agents are searched
	Progress func(entries int)
	Sums     Sums // of programs and files; nil sums them every time
	// Publishers are whom signatures of extensions may lead to, at the time of Now; nil is nobody, and the present.
	Publishers *signed.Roots
	Now        func() time.Time
}

// Defaults are the bounds that hold where nothing else is configured.
var Defaults = Options{Depth: 12, Entries: 2_000_000, System: []string{"usr/lib/node_modules", "usr/local", "opt"}}

// Sums remembers hashes of files that did not change.
type Sums interface {
	Get(name string, info fs.FileInfo) (sum string, ok bool)
	Put(name string, info fs.FileInfo, sum string)
}

// Home is a person's folder. Dir is absolute.
type Home struct{ User, Dir string }

// Pass looks through a file system. It is used by one goroutine.
type Pass struct {
	FS        fs.FS // of the root
	Catalogue *inventory.Catalogue
	Options
	entries int
}

// Result is what one part of a pass found.
type Result struct {
	Items    []inventory.Item
	Projects []string // folders that hold settings of agents, or that an agent worked in
	// Watch is where a change could change the result: folders that are there, with the names in them that matter; * is any.
	Watch map[string][]string
}

// part is one part of a pass while it is looked at.
type part struct {
	*Pass
	home    Home
	project string
	out     Result
	watched map[string]map[string]bool
	files   map[string]*document
	lists   lists
	plugins map[string]bool // folders that were looked at
}

// document is a file that was read, or why it was not.
type document struct {
	root *formats.Node
	fact fs.FileInfo
}

func (p *Pass) part(home Home, project string) *part {
	return &part{Pass: p, home: home, project: project, watched: map[string]map[string]bool{}, files: map[string]*document{}, plugins: map[string]bool{}}
}

// done settles what the parts of a result say of each other.
func (w *part) done() Result {
	w.apply()
	for i := range w.out.Items {
		it := &w.out.Items[i]
		it.Identity.Kind = it.Kind
		it.Identity.Settle()
		it.Digest, it.Content = it.Identity.Digest(), it.Identity.Content()
	}
	w.out.Items = merge(w.out.Items)
	w.out.Watch = map[string][]string{}
	for dir, names := range w.watched {
		w.out.Watch[dir] = sortedKeys(names)
	}
	slices.Sort(w.out.Projects)
	w.out.Projects = slices.Compact(w.out.Projects)
	return w.out
}

// merge makes one of an item that several agents read from the same place.
func merge(items []inventory.Item) []inventory.Item {
	at := map[string]int{}
	var out []inventory.Item
	for _, it := range items {
		key := it.Key() + "\x00" + it.Digest
		if i, ok := at[key]; ok {
			for _, a := range it.Agents {
				if !slices.Contains(out[i].Agents, a) {
					out[i].Agents = append(out[i].Agents, a)
				}
			}
			continue
		}
		at[key] = len(out)
		out = append(out, it)
	}
	return out
}

// Home looks at what a person's home says, and at the agents that are installed in it. It searches nothing.
func (p *Pass) Home(h Home) Result {
	w := p.part(h, "")
	w.rows(h.Dir, inventory.ScopeUser, inventory.ScopeLocal, inventory.ScopeVendor, inventory.ScopeExtension)
	w.installed(h.Dir, "~/")
	return w.done()
}

// Project looks at what a folder says to the agents that work in it.
func (p *Pass) Project(h Home, dir string) Result {
	w := p.part(h, dir)
	w.rows(dir, inventory.ScopeProject)
	return w.done()
}

// System looks at what the administrator says, and at the agents that are installed for everybody.
func (p *Pass) System() Result {
	w := p.part(Home{User: System}, "")
	w.rows("/", inventory.ScopeManaged, inventory.ScopeSystem)
	w.installed("/", "/")
	for _, dir := range p.Options.System {
		w.search("/"+dir, false)
	}
	return w.done()
}

// Run is what one run of an agent was given beside what lies in homes and projects.
type Run struct {
	Agent string
	Cwd   string
	Argv  []string
	Moved map[string]string // of the names that Agent.Moved has: values
}

// Given looks at what a run was given: folders in the place of those of the home, and connectors on its command line.
func (p *Pass) Given(h Home, r Run) Result {
	w := p.part(h, "")
	a := p.Catalogue.ByName(r.Agent)
	if a == nil {
		return w.done()
	}
	for name, of := range a.Moved {
		if dir := r.Moved[name]; path.IsAbs(dir) {
			w.moved(a, of, path.Clean(dir))
		}
	}
	for _, value := range optionValues(r.Argv, a.Options) {
		w.given(a, r.Cwd, value)
	}
	return w.done()
}

// moved looks at an agent's rows below one folder of the home in another place.
func (w *part) moved(a *inventory.Agent, of, dir string) {
	if dir == path.Join(w.home.Dir, of) {
		return // where it is anyway
	}
	for i := range a.Config {
		c := a.Config[i]
		if !strings.HasPrefix(c.File, "~/") {
			continue
		}
		below, in := strings.CutPrefix(c.Below(), of+"/")
		if !in && c.Below() != of+".json" { // .claude.json moves into the folder
			continue
		}
		c.File = "~/" + below
		w.row(dir, a, &c, plugin{})
	}
}

// optionValues are the values of some options: --x=VALUE, and --x VALUE… up to the next option.
func optionValues(argv, options []string) []string {
	var out []string
	for i := 0; i < len(argv); i++ {
		option, value, has := strings.Cut(argv[i], "=")
		if !slices.Contains(options, option) {
			continue
		}
		if has {
			out = append(out, value)
			continue
		}
		for i+1 < len(argv) && !strings.HasPrefix(argv[i+1], "-") {
			i++
			out = append(out, argv[i])
		}
	}
	return out
}

// given reads connectors from a file, or from the command line itself.
func (w *part) given(a *inventory.Agent, cwd, value string) {
	c := &inventory.Config{Scope: inventory.ScopeDynamic, Format: string(formats.JSON), Reads: map[string]string{string(inventory.KindConnector): "mcpServers"}}
	if strings.HasPrefix(strings.TrimSpace(value), "{") {
		s := w.source(a, c, "command line", plugin{})
		root, err := formats.Parse(formats.JSON, []byte(value))
		if err != nil {
			w.trouble(a, c, s.name, reason(err))
			return
		}
		s.doc = &document{root: root}
		s.connectors(nil, root.Get("mcpServers"))
		return
	}
	value = strings.TrimPrefix(value, "@") // Copilot CLI
	if !path.IsAbs(value) {
		value = path.Join(cwd, value)
	}
	if path.IsAbs(value) {
		w.source(a, c, path.Clean(value), plugin{}).read()
	}
}

// System owns what is nobody's own.
const System = "system"

// rows looks at the catalogue's rows of some scopes below a folder.
func (w *part) rows(dir string, scopes ...inventory.Scope) {
	for i := range w.Catalogue.Agents {
		a := &w.Catalogue.Agents[i]
		for j := range a.Config {
			if slices.Contains(scopes, a.Config[j].Scope) {
				w.row(dir, a, &a.Config[j], plugin{})
			}
		}
	}
}

func (w *part) row(dir string, a *inventory.Agent, c *inventory.Config, of plugin) {
	names, bounded := w.glob(rel(dir), c.Below())
	for _, name := range names {
		w.source(a, c, "/"+name, of).read()
	}
	if bounded {
		w.trouble(a, c, path.Join(dir, c.Below()), "more files than are looked at")
	}
}

// source is one file as one row of the catalogue reads it.
type source struct {
	*part
	agent  *inventory.Agent
	config *inventory.Config
	name   string // absolute
	plugin plugin
	doc    *document
}

func (w *part) source(a *inventory.Agent, c *inventory.Config, name string, of plugin) *source {
	return &source{part: w, agent: a, config: c, name: name, plugin: of}
}

// whole finds the reader of a file or folder that is one item, by what the row reads; or nil.
func whole(what string) func(*source) {
	switch what {
	case string(inventory.KindSkill):
		return (*source).skill
	case string(inventory.KindCommand), string(inventory.KindSubagent):
		return (*source).prompt
	case string(inventory.KindPlugin):
		return (*source).manifest
	case inventory.ReadCode:
		return (*source).code
	case inventory.ReadPacked:
		return (*source).unpacked
	}
	return nil
}

// parts are readers of what is at some keys of a file.
var parts = map[string]func(s *source, names []string, at *formats.Node){
	string(inventory.KindConnector): (*source).connectors, string(inventory.KindHook): (*source).hooks,
	string(inventory.KindMarketplace): (*source).marketplaces, inventory.ReadEnabled: (*source).enabled, inventory.ReadDisabled: (*source).disabled,
	inventory.ReadTrusted: (*source).trusted, inventory.ReadProject: (*source).projects, inventory.ReadVendor: (*source).vendor,
	inventory.ReadPackage: (*source).packages,
}

// read has the readers look that the row names. What is not there is nothing; what cannot be read is an item with an error.
func (s *source) read() {
	s.doc = s.document()
	if s.doc == nil {
		return
	}
	for _, what := range sortedKeys(s.config.Reads) {
		if f := whole(what); f != nil {
			f(s)
			continue
		}
		if s.doc.root == nil {
			continue // of no format
		}
		s.doc.root.Each(s.config.Reads[what], func(names []string, at *formats.Node) {
			if s.config.Scope == inventory.ScopePlugin && at.Kind != formats.Map {
				s.referenced(what, at)
				return
			}
			parts[what](s, names, at)
		})
	}
}

// item begins one that the source tells of.
func (s *source) item(kind inventory.Kind, name string, line int) inventory.Item {
	return inventory.Item{
		Kind: kind, Name: clean(name), Owner: s.home.User, Scope: s.config.Scope, Agents: []string{s.agent.Name}, Project: s.project,
		Part: s.plugin.name, File: s.name, Line: line,
		Facts: inventory.Facts{Writable: s.writable()},
	}
}

// writable names the file where everybody may write it.
func (s *source) writable() []string {
	if s.doc != nil && s.doc.fact != nil && s.doc.fact.Mode().Perm()&0o002 != 0 {
		return []string{s.name}
	}
	return nil
}

func (w *part) add(it inventory.Item) { w.out.Items = append(w.out.Items, it) }

// trouble adds an item for a file that is not understood.
func (w *part) trouble(a *inventory.Agent, c *inventory.Config, name, reason string) {
	w.add(inventory.Item{
		Kind: inventory.KindFile, Name: path.Base(name), Owner: w.home.User, Scope: c.Scope, Agents: []string{a.Name}, Project: w.project,
		File: name, Error: reason,
	})
}

// nameMax bounds a name that a file gives.
const nameMax = 200

// clean makes a name one that can be kept: bounded, one line.
func clean(name string) string {
	name = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, name), "�")
	if len(name) > nameMax {
		name = strings.ToValidUTF8(name[:nameMax], "") + "…"
	}
	return strings.TrimSpace(name)
}
