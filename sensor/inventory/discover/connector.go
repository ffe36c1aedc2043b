// SPDX-License-Identifier: Apache-2.0

// This file reads connectors: MCP servers as each agent spells them. The agents' spellings differ in names of keys alone, and
// no two mean different things by one name, so one reader takes them all.

package discover

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// Keys by what they mean.
var (
	commandKeys     = []string{"command", "cmd"}
	urlKeys         = []string{"url", "httpUrl", "serverUrl", "uri"}
	environmentKeys = []string{"env", "environment", "envs"}
	variableKeys    = []string{"env_keys", "env_vars", "bearer_token_env_var"}
	headerKeys      = []string{"headers", "http_headers"}
	transportKeys   = []string{"type", "transport", "transportType"}
	helperKeys      = []string{"headersHelper"}
	approveKeys     = []string{"alwaysAllow", "autoApprove", "always_allow"}
	toolKeys        = []string{"tools", "includeTools", "excludeTools", "enabled_tools", "disabled_tools", "disabledTools", "available_tools"}
)

// connectorsMax bounds the entries of one file.
const connectorsMax = 1_000

// connectors reads a table of them.
func (s *source) connectors(names []string, at *formats.Node) {
	project := s.project
	if len(names) > 0 && s.config.Scope == inventory.ScopeLocal {
		project = names[0]
	}
	for i, name := range at.Keys() {
		if i == connectorsMax {
			s.trouble(s.agent, s.config, s.name, fmt.Sprintf("more than %d connectors", connectorsMax))
			return
		}
		it := s.item(inventory.KindConnector, name, at.LineOf(name))
		it.Project = project
		s.connector(&it, at.Get(name))
		s.add(it)
	}
}

// connector fills in what one entry says.
func (s *source) connector(it *inventory.Item, e *formats.Node) {
	if e == nil || e.Kind != formats.Map {
		it.Error = "no table of settings"
		return
	}
	it.Disabled = e.Get("disabled").Is(true) || e.Get("enabled").Is(false)
	it.Facts.Trusted = e.Get("trust").Is(true)
	it.Transport = transport(e)
	for _, k := range environmentKeys {
		credentials(it, "env", e.Get(k))
	}
	for _, k := range headerKeys {
		credentials(it, "header", e.Get(k))
	}
	for _, k := range variableKeys {
		named(it, "env", e.Get(k).Strings())
	}
	for _, header := range e.Get("env_http_headers").Keys() {
		named(it, "env", e.Get("env_http_headers", header).Strings())
	}
	for _, k := range approveKeys {
		if list := e.Get(k).Strings(); len(list) > 0 {
			it.Facts.Tools = append(it.Facts.Tools, list...)
			setting(it, "asks nobody before", strings.Join(list, " "))
		}
	}
	for _, k := range toolKeys {
		if list := e.Get(k).Strings(); len(list) > 0 {
			setting(it, k, strings.Join(list, " "))
		}
	}
	for _, k := range helperKeys {
		if helper := e.Get(k).String(); helper != "" {
			setting(it, "helper", event.Redact(helper))
		}
	}
	if it.Facts.Trusted {
		setting(it, "asks nobody before", "*")
	}
	s.start(it, e)
}

func setting(it *inventory.Item, name, value string) {
	it.Identity.Settings = append(it.Identity.Settings, inventory.Part{Name: name, Value: bounded(event.Redact(value))})
}

var transports = map[string]string{
	"stdio": "stdio", "local": "stdio", "http": "http", "streamable-http": "http", "streamable_http": "http", "streamableHttp": "http", "remote": "http",
	"sse": "sse", "ws": "ws", "websocket": "ws", "builtin": "builtin", "platform": "builtin", "frontend": "builtin",
}

func transport(e *formats.Node) string {
	if t, ok := transports[e.First(transportKeys...).String()]; ok {
		return t
	}
	if e.First(urlKeys...) != nil && e.First(commandKeys...) == nil {
		return "http"
	}
	return "stdio"
}

// start fills in how the connector is started or reached.
func (s *source) start(it *inventory.Item, e *formats.Node) {
	switch {
	case it.Transport == "builtin":
		setting(it, "built into", s.agent.Name)
		it.NotHeld = "it runs inside the agent's own process"
	case e.First(urlKeys...).String() != "" && it.Transport != "stdio":
		s.remote(it, e.First(urlKeys...).String())
	case e.First(commandKeys...) != nil:
		s.local(it, argvOf(e), e.Get("cwd").String())
	default:
		it.Error = "neither a command nor a URL"
	}
}

// argvOf is the command line. Zed once had the command as a table of path and args.
func argvOf(e *formats.Node) []string {
	c := e.First(commandKeys...)
	if c.Kind == formats.Map {
		return append(c.Get("path").Strings(), c.Get("args").Strings()...)
	}
	return append(c.Strings(), e.Get("args").Strings()...)
}

func (s *source) remote(it *inventory.Item, address string) {
	it.Identity.URL, it.Facts.Secret = maskURL(address)
	if !loopback(address) {
		it.NotHeld = "it runs at " + hostOf(it.Identity.URL) + ": the kernel sees the agent's connection and nothing of what it does"
	}
}

// argvMax bounds a command line that is kept.
const argvMax = 256

func (s *source) local(it *inventory.Item, argv []string, cwd string) {
	if len(argv) > argvMax {
		argv = argv[:argvMax]
		it.Identity.Loose = fmt.Sprintf("more than %d arguments", argvMax)
	}
	argv = s.places(argv)
	clean, secret := event.RedactArgs(argv)
	it.Identity.Command, it.Facts.Secret = clean, secret
	if cwd != "" {
		setting(it, "folder", cwd)
	}
	r := runs(argv)
	it.Identity.Package = r.pack
	it.Facts.Unset = unset(argv)
	if it.Identity.Loose == "" {
		it.Facts.Spell(argv, s.folderOf(cwd))
	}
	depends(it)
	switch {
	case secret:
		it.Identity.Loose = "its command line holds a secret"
	case it.Identity.Loose == "" && r.loose != "":
		it.Identity.Loose = r.loose
	}
	s.fetched(it)
	if r.file != "" {
		s.resolve(it, r, cwd)
	}
	pin(it)
}

// fetched sums what npx keeps of an exact version. It comes with the first run, so it is told beside the identity; what an
// approval has seen of it may not change.
func (s *source) fetched(it *inventory.Item) {
	p := it.Identity.Package
	if p == nil || !p.Exact || p.Registry != "npm" || s.home.Dir == "" || strings.Contains(p.Name, "..") {
		return
	}
	places, _ := s.glob(rel(path.Join(s.home.Dir, ".npm/_npx")), "*")
	for _, place := range places {
		dir := path.Join("/"+place, "node_modules", p.Name)
		raw, _, err := s.slurp(path.Join(dir, "package.json"), proseMax)
		var m struct {
			Version string `json:"version"`
		}
		if err != nil || json.Unmarshal(raw, &m) != nil || m.Version != strings.TrimPrefix(p.Version, "v") {
			continue
		}
		files, _, err := s.folder(dir)
		if err != nil {
			continue // bound: a package of very many files is known by its version alone
		}
		id := inventory.Identity{Files: files}
		it.Installed = append(it.Installed, inventory.Part{Name: p.String(), Value: id.Content()})
		return
	}
}

// pin says whether the next start runs the same.
func pin(it *inventory.Item) {
	exact := it.Identity.Loose == ""
	it.Pinned = &exact
	if it.Identity.Package != nil {
		it.Version, exact = it.Identity.Package.Version, it.Identity.Package.Exact
		it.Pinned = &exact
	}
}

// unset names what a command line leaves to whoever starts it.
func unset(argv []string) []string {
	var names []string
	for _, name := range inventory.Variables(argv) {
		names = append(names, "$"+clean(name))
	}
	return names
}

// depends says of a connector whose command line is left open what that leaves out: the kernel holds it by what of the line is
// certain, if that is enough to tell it from all else.
func depends(it *inventory.Item) {
	names := strings.Join(it.Facts.Unset, ", ")
	if names == "" {
		return
	}
	if _, _, certain := it.Facts.Open.Certain(); !certain {
		it.NotHeld = "the kernel knows of its command line nothing by which to tell it from others: it depends on " + names
	}
	it.Identity.Loose = cmp.Or(it.Identity.Loose, "its command line depends on "+names)
}

// places puts folders that are known in the place of their variables.
func (s *source) places(argv []string) []string {
	dir := s.plugin.dir
	pairs := []string{"${/}", "/", "${pathSeparator}", "/"}
	for _, name := range []string{"CLAUDE_PLUGIN_ROOT", "CODEX_PLUGIN_ROOT", "extensionPath", "__dirname"} {
		if dir != "" {
			pairs = append(pairs, "${"+name+"}", dir, "$"+name, dir)
		}
	}
	if s.home.Dir != "" {
		pairs = append(pairs, "${HOME}", s.home.Dir, "$HOME", s.home.Dir, "${userHome}", s.home.Dir)
	}
	if s.project != "" {
		pairs = append(pairs, "${workspaceFolder}", s.project, "${workspacePath}", s.project, "${CLAUDE_PROJECT_DIR}", s.project, "$CLAUDE_PROJECT_DIR", s.project)
	}
	r := strings.NewReplacer(pairs...)
	out := make([]string, len(argv))
	for i, a := range argv {
		out[i] = r.Replace(a)
		if rest, ok := strings.CutPrefix(out[i], "~/"); ok && s.home.Dir != "" {
			out[i] = path.Join(s.home.Dir, rest)
		}
	}
	return out
}

// searched is where a program without a folder is looked for. What the agent's own PATH is, only its process knows.
var searched = []string{"~/.local/bin", "~/bin", "~/.bun/bin", "~/.cargo/bin", "~/go/bin", "~/.npm-global/bin", "usr/local/bin", "usr/bin", "bin", "usr/local/sbin", "usr/sbin"}

// resolve sums the program or script that a command line names.
func (s *source) resolve(it *inventory.Item, r run, cwd string) {
	file := r.file
	switch {
	case path.IsAbs(file):
	case r.program && !strings.Contains(file, "/"):
		if file = s.which(file); file == "" {
			s.notFound(it, r.file)
			return
		}
	default:
		file = path.Join(s.folderOf(cwd), file)
	}
	if info, err := fs.Stat(s.FS, rel(file)); err == nil && info.IsDir() {
		s.notFound(it, r.file)
		return
	}
	s.watch(path.Dir(file), path.Base(file))
	sum, info, err := s.sum(file, programMax)
	if err != nil {
		s.notFound(it, r.file)
		return
	}
	it.Identity.Files = append(it.Identity.Files, inventory.Part{Name: file, Value: sum})
	if info.Mode().Perm()&0o002 != 0 {
		it.Facts.Writable = append(it.Facts.Writable, file)
	}
	s.belongs(it, file)
}

// folderOf is the folder from which a command that is configured with a folder counts.
func (s *source) folderOf(cwd string) string {
	if cwd == "" || !path.IsAbs(cwd) {
		return path.Join(s.base(), cwd)
	}
	return cwd
}

// base is the folder in which a relative name counts: the project, the plugin, or nowhere but the home.
func (s *source) base() string {
	switch {
	case s.plugin.dir != "":
		return s.plugin.dir
	case s.project != "":
		return s.project
	}
	return s.home.Dir
}

func (s *source) notFound(it *inventory.Item, file string) {
	if it.Identity.Loose == "" {
		it.Identity.Loose = event.Redact(clean(file)) + " was not found or cannot be read"
	}
}

func (s *source) which(name string) string {
	for _, dir := range searched {
		if below, ok := strings.CutPrefix(dir, "~/"); ok {
			if s.home.Dir == "" {
				continue
			}
			dir = path.Join(s.home.Dir, below)
		}
		full := "/" + rel(path.Join(dir, name))
		if info, err := fs.Stat(s.FS, rel(full)); err == nil && info.Mode().IsRegular() {
			return full
		}
	}
	return ""
}

// vendor reads names of connectors that the vendor runs for the user's account.
func (s *source) vendor(_ []string, at *formats.Node) {
	for i, n := range at.Items {
		if i == connectorsMax {
			return
		}
		it := s.item(inventory.KindConnector, n.String(), n.Line)
		it.Transport, it.Scope = "vendor", inventory.ScopeVendor
		it.NotHeld = "the vendor runs it for the user's account"
		it.Identity.Vendor = s.agent.Vendor
		setting(&it, "account connector", n.String())
		s.add(it)
	}
}
