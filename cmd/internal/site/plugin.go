// SPDX-License-Identifier: Apache-2.0

// This file is the plugins' part of the configuration: where they are, which of them run, and with what.

package site

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/enforce"
)

// Plugins is what holds for all plugins.
type Plugins struct {
	Folders []string `toml:"folders"`  // where they are installed
	QueueMB int      `toml:"queue_mb"` // on disk, for what each exports
}

// Plugin is one that runs.
type Plugin struct {
	Name     string            `toml:"name"`
	Path     string            `toml:"path"`    // "": a folder has it
	SHA256   string            `toml:"sha256"`  // "": what is found at the daemon's start
	User     string            `toml:"user"`    // name or number; "": reeve-NAME
	Events   string            `toml:"events"`  // notable, all or chosen
	Timeout  time.Duration     `toml:"timeout"` // of a call
	MemoryMB int               `toml:"memory_mb"`
	Acts     []string          `toml:"acts"` // what it may ask for beside what a rule named
	Settings map[string]any    `toml:"settings"`
	Secrets  map[string]string `toml:"secrets"` // setting to file

	Actions []string `toml:"-"` // that it answers to, as it says when it runs; nil where it has not said so yet
}

// DefaultPlugin is what a plugin has that says nothing but its name.
func DefaultPlugin() Plugin {
	return Plugin{Events: "notable", Timeout: 10 * time.Second, MemoryMB: 128}
}

// fill gives a plugin the defaults of what it does not say, and its settings the types that plugins know.
func (p *Plugin) fill() {
	d := DefaultPlugin()
	if p.Events == "" {
		p.Events = d.Events
	}
	if p.Timeout == 0 {
		p.Timeout = d.Timeout
	}
	if p.MemoryMB == 0 {
		p.MemoryMB = d.MemoryMB
	}
	for key, v := range p.Settings {
		if list, ok := texts(v); ok {
			p.Settings[key] = list
		}
	}
}

// texts is a list of texts as such.
func texts(v any) ([]string, bool) {
	items, ok := v.([]any)
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, isText := item.(string)
		ok = ok && isText
		out = append(out, s)
	}
	return out, ok
}

// responders are the plugins that rules can respond by.
func (c *Config) responders() []enforce.Plugin {
	all := []enforce.Plugin{}
	for i := range c.Plugin {
		all = append(all, enforce.Plugin{Name: c.Plugin[i].Name, Actions: c.Plugin[i].Actions})
	}
	return all
}

// Told is the configuration with what plugins said that they answer to, by their names.
func (c Config) Told(actions map[string][]string) Config {
	c.Plugin = slices.Clone(c.Plugin)
	for i := range c.Plugin {
		c.Plugin[i].Actions = actions[c.Plugin[i].Name]
	}
	return c
}

var (
	pluginName   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,23}$`)
	pluginSHA256 = regexp.MustCompile(`^[0-9a-f]{64}$`)
	pluginActs   = []string{"kill", "freeze", "isolate", "deny", "thaw"}
	pluginEvents = []string{"notable", "all", "chosen"}
)

// checkPlugins tells what the plugins' part cannot mean. Each fault has its line.
func (c *Config) checkPlugins(name, text string) (out []error) {
	add := func(line int, hint, format string, args ...any) {
		out = append(out, &Fault{name, line, fmt.Sprintf(format, args...), hint})
	}
	for _, f := range c.Plugins.Folders {
		if !filepath.IsAbs(f) {
			add(lineOf(text, "folders"), "", "folders %q: not an absolute path", f)
		}
	}
	if c.Plugins.QueueMB < 1 || c.Plugins.QueueMB > 1<<16 {
		add(lineOf(text, "queue_mb"), "", "queue_mb %d: not between 1 and 65536", c.Plugins.QueueMB)
	}
	seen, users := map[string]bool{}, map[string]string{}
	for i := range c.Plugin {
		p := &c.Plugin[i]
		p.fill()
		line := func(key string) int { return tableLine(text, i, key) }
		for _, f := range p.check() {
			add(line(f.File), f.Hint, "plugin %q: %s", p.Name, f.Reason)
		}
		if seen[p.Name] {
			add(line("name"), "a plugin runs once", "plugin %q: is there twice", p.Name)
		}
		user := cmp.Or(p.User, "reeve-"+p.Name)
		if other, taken := users[user]; taken && !seen[p.Name] {
			add(line("user"), "each has a user of its own, so that none can read another's secrets", "plugin %q: has the user of %q", p.Name, other)
		}
		seen[p.Name], users[user] = true, p.Name
	}
	return out
}

// check tells what one plugin cannot mean. File names the key.
func (p *Plugin) check() (out []*Fault) {
	add := func(wrong bool, key, hint, format string, args ...any) {
		if wrong {
			out = append(out, &Fault{File: key, Hint: hint, Reason: fmt.Sprintf(format, args...)})
		}
	}
	add(!pluginName.MatchString(p.Name), "name", "small letters, digits and -, 24 at most", "the name is none")
	add(p.Path != "" && !filepath.IsAbs(p.Path), "path", "", "path %q: not an absolute path", p.Path)
	add(p.SHA256 != "" && !pluginSHA256.MatchString(p.SHA256), "sha256", "64 digits of 0-9a-f, as sha256sum prints them", "sha256 %q: is none", p.SHA256)
	add(p.User == "0" || p.User == "root", "user", "", "user %q: plugins do not run as root", p.User)
	add(!slices.Contains(pluginEvents, p.Events), "events", strings.Join(pluginEvents, ", "), "events %q: unknown", p.Events)
	add(p.Timeout < 100*time.Millisecond || p.Timeout > 10*time.Minute, "timeout", `as in timeout = "10s"`, "timeout %s: not between 100ms and 10m", p.Timeout)
	add(p.MemoryMB < 16 || p.MemoryMB > 1<<14, "memory_mb", "", "memory_mb %d: not between 16 and 16384", p.MemoryMB)
	for _, a := range p.Acts {
		add(!slices.Contains(pluginActs, a), "acts", strings.Join(pluginActs, ", "), "acts %q: unknown", a)
	}
	for _, key := range slices.Sorted(maps.Keys(p.Settings)) {
		switch p.Settings[key].(type) {
		case string, int64, bool, []string:
		default:
			add(true, key, "", "setting %s: not a text, a number, true or false, or a list of texts", key)
		}
		add(p.Secrets[key] != "", key, "", "setting %s: is among the secrets too", key)
	}
	for _, key := range slices.Sorted(maps.Keys(p.Secrets)) {
		add(!filepath.IsAbs(p.Secrets[key]), key, "", "secret %s: %q is not the absolute path of a file", key, p.Secrets[key])
	}
	return out
}

// tableLine finds a key in the nth [[plugin]], or its begin where the key is not written.
func tableLine(text string, n int, key string) int {
	begin := 0
	re := regexp.MustCompile(`(^|[\s{,])"?` + regexp.QuoteMeta(key) + `"?\s*=`)
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, "[[plugin]]"):
			if n--; n == -1 {
				begin = i + 1
			} else if n < -1 {
				return begin
			}
		case begin > 0 && strings.HasPrefix(trimmed, "[") && !strings.HasPrefix(trimmed, "[plugin."):
			return begin
		case begin > 0 && re.MatchString(line) && !strings.HasPrefix(trimmed, "#"):
			return i + 1
		}
	}
	return begin
}
