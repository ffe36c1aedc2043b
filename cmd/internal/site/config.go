// SPDX-License-Identifier: Apache-2.0

// This file reads the configuration. What it does not say has a default; what it says and nobody knows is an error.

package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/reeve-sensor/reeve/sensor/resolvers"
)

// DefaultConfig is where the configuration lies.
const DefaultConfig = "/etc/reeve/reeve.toml"

// Config is the configuration of a machine.
type Config struct {
	Policy        []string `toml:"policy"`         // files and folders
	Agents        string   `toml:"agents"`         // folder of the site's catalogue entries
	Run           string   `toml:"run"`            // folder of sockets and lock
	State         string   `toml:"state"`          // folder of what is kept
	Pins          string   `toml:"pins"`           // folder in a bpf file system of what outlives the daemon; "" pins nothing
	Homes         []string `toml:"homes"`          // beside /root, /home/* and the homes of users
	Require       string   `toml:"require"`        // coverage without which the daemon does not start
	OnDaemonExit  string   `toml:"on_daemon_exit"` // keep or release
	Group         string   `toml:"group"`          // that may use admin.sock
	Resolvers     []string `toml:"resolvers"`      // addresses, beside those of files
	ResolverFiles []string `toml:"resolver_files"` // resolv.conf(5), in the host's view
	Memory        Memory   `toml:"memory"`
	Safety        Safety   `toml:"safety"`
	Inventory     Search   `toml:"inventory"`
	Plugins       Plugins  `toml:"plugins"`
	Plugin        []Plugin `toml:"plugin"`
}

// Memory bounds what is kept in memory.
type Memory struct {
	EventsMB int `toml:"events_mb"`
	Sessions int `toml:"sessions"`
}

// Safety says what is done where policy refuses one session very much.
type Safety struct {
	MaxDenials int    `toml:"max_denials_per_minute"` // of one session; 0 is off
	OnSpike    string `toml:"on_denial_spike"`        // audit or notice
}

// Search says where the inventory looks, and how far.
type Search struct {
	Every   time.Duration `toml:"every"`   // between full passes
	Depth   int           `toml:"depth"`   // of folders below a home in which projects are searched; 0 searches none
	Skip    []string      `toml:"skip"`    // names of folders that are not searched
	Folders []string      `toml:"folders"` // beside homes, in which projects are searched
	System  []string      `toml:"system"`  // in which agents are searched
	// Publishers is a folder of certificates to which signatures of extensions may lead, beside the machine's
	Publishers string `toml:"publishers"`
}

// DenialsLimit bounds max_denials_per_minute: each session at work keeps that many moments.
const DenialsLimit = 10000

// Defaults is the configuration of a machine that has none.
func Defaults() Config {
	return Config{
		Policy: []string{"/etc/reeve/policy.d"}, Agents: "/etc/reeve/agents.d", Run: "/run/reeve", State: "/var/lib/reeve", Pins: "/sys/fs/bpf/reeve", Homes: []string{},
		OnDaemonExit: "keep", Group: "reeve", Resolvers: []string{}, ResolverFiles: resolvers.Files(), Memory: Memory{EventsMB: 64, Sessions: 1024},
		Safety:    Safety{OnSpike: "audit"},
		Inventory: Search{Every: 24 * time.Hour, Depth: 12, Skip: []string{}, Folders: []string{}, System: []string{"/usr/lib/node_modules", "/usr/local", "/opt"}, Publishers: "/etc/reeve/publishers.d"},
		Plugins:   Plugins{Folders: []string{"/usr/lib/reeve/plugins"}, QueueMB: 256},
	}
}

// Fault is one thing wrong with a file, and what to do about it.
type Fault struct {
	File   string
	Line   int
	Reason string
	Hint   string
}

func (f *Fault) Error() string {
	if f.Line == 0 {
		return f.File + ": " + f.Reason
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Reason)
}

// ReadConfig reads a configuration. Only the default one may be missing. The error is every Fault at once.
func ReadConfig(name string) (Config, error) {
	c := Defaults()
	raw, err := os.ReadFile(name)
	// Whoever may not read it, as inside of sessions, finds the sockets where they are packaged.
	if name == DefaultConfig && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return c, nil
	}
	if err != nil {
		return c, &Fault{File: name, Reason: reasonOf(err), Hint: "--config names another file"}
	}
	text := string(raw)
	md, err := toml.Decode(text, &c)
	if err != nil {
		return c, syntax(name, err)
	}
	var errs []error
	for _, key := range md.Undecoded() {
		errs = append(errs, &Fault{name, lineOf(text, key[len(key)-1]), fmt.Sprintf("unknown key %q", key), "keys: " + strings.Join(configKeys, ", ")})
	}
	for _, problem := range c.check() {
		problem.File, problem.Line = name, lineOf(text, problem.File)
		errs = append(errs, problem)
	}
	errs = append(errs, c.checkPlugins(name, text)...)
	return c, errors.Join(errs...)
}

var configKeys = []string{"policy", "agents", "run", "state", "pins", "homes", "require", "on_daemon_exit", "group", "resolvers", "resolver_files", "[memory] events_mb, sessions", "[safety] max_denials_per_minute, on_denial_spike",
	"[inventory] every, depth, skip, folders, system, publishers", "[plugins] folders, queue_mb", "[[plugin]] name, path, sha256, user, events, timeout, memory_mb, acts, settings, secrets"}

// check tells what the configuration cannot mean. File names the key.
func (c *Config) check() []*Fault {
	var out []*Fault
	for _, folder := range []struct{ key, value string }{{"agents", c.Agents}, {"run", c.Run}, {"state", c.State}, {"pins", c.Pins}} {
		if !filepath.IsAbs(folder.value) && (folder.key != "pins" || folder.value != "") {
			out = append(out, &Fault{File: folder.key, Reason: fmt.Sprintf("%s %q: not an absolute path", folder.key, folder.value)})
		}
	}
	if !slices.Contains([]string{"", "full", "network", "observe"}, c.Require) {
		out = append(out, &Fault{File: "require", Reason: fmt.Sprintf("require %q: unknown", c.Require), Hint: "full, network or observe"})
	}
	if c.OnDaemonExit != "keep" && c.OnDaemonExit != "release" {
		out = append(out, &Fault{File: "on_daemon_exit", Reason: fmt.Sprintf("on_daemon_exit %q: unknown", c.OnDaemonExit), Hint: "keep or release"})
	}
	if c.Memory.EventsMB < 1 || c.Memory.EventsMB > 1<<16 {
		out = append(out, &Fault{File: "events_mb", Reason: fmt.Sprintf("events_mb %d: not between 1 and 65536", c.Memory.EventsMB)})
	}
	if c.Memory.Sessions < 1 || c.Memory.Sessions > 1<<20 {
		out = append(out, &Fault{File: "sessions", Reason: fmt.Sprintf("sessions %d: not between 1 and 1048576", c.Memory.Sessions)})
	}
	if c.Safety.MaxDenials < 0 || c.Safety.MaxDenials > DenialsLimit {
		out = append(out, &Fault{File: "max_denials_per_minute", Reason: fmt.Sprintf("max_denials_per_minute %d: not between 0 and %d", c.Safety.MaxDenials, DenialsLimit), Hint: "0 is off"})
	}
	if c.Safety.OnSpike != "audit" && c.Safety.OnSpike != "notice" {
		out = append(out, &Fault{File: "on_denial_spike", Reason: fmt.Sprintf("on_denial_spike %q: unknown", c.Safety.OnSpike), Hint: "audit or notice"})
	}
	return slices.Concat(out, c.checkResolvers(), c.Inventory.check())
}

// The bounds of the search.
const (
	everyLeast = time.Hour
	everyMost  = 30 * 24 * time.Hour
	depthMost  = 64
)

func (s *Search) check() []*Fault {
	var out []*Fault
	if s.Every < everyLeast || s.Every > everyMost {
		out = append(out, &Fault{File: "every", Reason: fmt.Sprintf("every %s: not between %s and %s", s.Every, everyLeast, everyMost), Hint: `every = "24h"`})
	}
	if s.Depth < 0 || s.Depth > depthMost {
		out = append(out, &Fault{File: "depth", Reason: fmt.Sprintf("depth %d: not between 0 and %d", s.Depth, depthMost), Hint: "0 searches no projects"})
	}
	if !filepath.IsAbs(s.Publishers) {
		out = append(out, &Fault{File: "publishers", Reason: fmt.Sprintf("publishers %q: not an absolute path", s.Publishers)})
	}
	for _, list := range []struct {
		key  string
		dirs []string
	}{{"folders", s.Folders}, {"system", s.System}} {
		for _, dir := range list.dirs {
			if !filepath.IsAbs(dir) || filepath.Clean(dir) == "/" {
				out = append(out, &Fault{File: list.key, Reason: fmt.Sprintf("%s %q: not the absolute path of a folder", list.key, dir)})
			}
		}
	}
	return out
}

func reasonOf(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// typeError takes apart how the library tells of a value of the wrong type.
var typeError = regexp.MustCompile(`^line (\d+) \(last key "([^"]*)"\): (.*)`)

func syntax(name string, err error) error {
	f := &Fault{File: name, Reason: strings.TrimPrefix(err.Error(), "toml: ")}
	var parse toml.ParseError
	if errors.As(err, &parse) && parse.Message != "" {
		f.Line, f.Reason = parse.Position.Line, parse.Message
	} else if m := typeError.FindStringSubmatch(f.Reason); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Reason = m[2] + ": " + m[3]
	}
	return f
}

// lineOf finds the line on which a key is written, or 0.
func lineOf(text, key string) int {
	re := regexp.MustCompile(`^\s*(\[\s*)?([\w-]+\.)*"?` + regexp.QuoteMeta(key) + `"?\s*[=\].]`)
	for i, line := range strings.Split(text, "\n") {
		if re.MatchString(line) {
			return i + 1
		}
	}
	return 0
}
