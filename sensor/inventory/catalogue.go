// SPDX-License-Identifier: Apache-2.0

// This file reads the catalogue: the entries in the binary, and the site's over them.

package inventory

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
)

//go:embed agents/*.toml
var builtin embed.FS

// Catalogue is the agents that are known, by ascending id.
type Catalogue struct {
	Agents []Agent
}

// Problem is one fault of a catalogue's file.
type Problem struct {
	File   string
	Line   int // 0 where the whole file is at fault
	Reason string
	Hint   string
}

func (p *Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Reason
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Reason)
}

// Builtin is the catalogue in the binary.
func Builtin() (*Catalogue, error) { return Load("") }

// Load lays the files of a folder over the catalogue in the binary. A folder that is not there holds nothing; an entry
// with the id of another replaces it whole. The error is every Problem at once.
func Load(dir string) (*Catalogue, error) {
	agents, errs := readAll(builtin, "agents", "builtin:")
	if dir != "" {
		if _, err := os.Stat(dir); err == nil {
			site, more := readAll(os.DirFS(dir), ".", dir+string(filepath.Separator))
			agents, errs = overlay(agents, site), append(errs, more...)
		} else if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, &Problem{File: dir, Reason: cause(err)})
		}
	}
	errs = append(errs, conflicts(agents)...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(agents, func(a, b Agent) int { return cmp.Compare(a.ID, b.ID) })
	return &Catalogue{agents}, nil
}

func cause(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

func readAll(fsys fs.FS, dir, prefix string) ([]Agent, []error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, []error{&Problem{File: strings.TrimSuffix(prefix, string(filepath.Separator)), Reason: "reading the folder: " + cause(err),
			Hint: "agents names a folder of *.toml, an agent each; one that is not there holds nothing"}}
	}
	var agents []Agent
	var errs []error
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") || path.Ext(entry.Name()) != ".toml" {
			continue // an editor's, or none of ours
		}
		name := path.Join(dir, entry.Name())
		raw, err := fs.ReadFile(fsys, name)
		if err != nil {
			errs = append(errs, &Problem{File: prefix + name, Reason: cause(err)})
			continue
		}
		a, problems := parse(prefix+name, string(raw))
		agents, errs = append(agents, a), append(errs, problems...)
	}
	return agents, errs
}

func overlay(base, site []Agent) []Agent {
	base = slices.DeleteFunc(base, func(b Agent) bool {
		return slices.ContainsFunc(site, func(s Agent) bool { return s.ID == b.ID })
	})
	return append(base, site...)
}

// parse reads one entry.
func parse(file, text string) (Agent, []error) {
	a := Agent{File: file}
	md, err := toml.Decode(text, &a)
	if err != nil {
		p := &Problem{File: file, Reason: strings.TrimPrefix(err.Error(), "toml: ")}
		var syntax toml.ParseError
		if errors.As(err, &syntax) && syntax.Message != "" {
			p.Line, p.Reason = syntax.Position.Line, syntax.Message
		} else if m := typeError.FindStringSubmatch(p.Reason); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Reason = m[2] + ": " + m[3]
		}
		return a, []error{p}
	}
	var errs []error
	for _, key := range md.Undecoded() {
		errs = append(errs, &Problem{file, lineOf(text, key), fmt.Sprintf("unknown key %q", key.String()),
			"keys: " + strings.Join(keys, ", ")})
	}
	return a, append(errs, a.check(text)...)
}

// typeError takes apart how the library tells of a value of the wrong type.
var typeError = regexp.MustCompile(`^line (\d+) \(last key "([^"]*)"\): (.*)`)

var keys = []string{"id", "name", "title", "vendor", "exec", "scripts", "interpreters", "relaunch", "host", "observe", "wrapper", "registry", "registry_dir", "conversation",
	"entrypoint", "version", "manifest", "applets", "moved", "options", "variables", "unset", "shared", "verified", "[trail] file, line", "[start] exec, map, read, write, create, rename, delete, lines, domain",
	"[[config]] scope, file, format, reads, verified", "[[build]] version, size, head"}

// lineOf finds the line on which a key is written, or 0.
func lineOf(text string, key toml.Key) int {
	if len(key) == 0 {
		return 0
	}
	last := regexp.MustCompile(`^\s*(\[+\s*)?([\w."-]+\.)?"?` + regexp.QuoteMeta(key[len(key)-1]) + `"?\s*(=|\]|\.)`)
	section := ""
	for i, line := range strings.Split(text, "\n") {
		inside := len(key) < 2 || section == strings.Join(key[:len(key)-1], ".") || strings.Contains(line, key[0])
		if inside && last.MatchString(line) {
			return i + 1
		}
		if s := strings.TrimSpace(line); strings.HasPrefix(s, "[") {
			section = strings.Trim(strings.SplitN(s, "#", 2)[0], "[] \t")
		}
	}
	return 0
}

var (
	agentName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	// How sure an entry is: the agent was run here, its program read, its vendor's documentation read, others took it apart, others
	// say so; or nobody has looked.
	verified = []string{"run", "binary", "doc", "teardown", "reported", "recalled"}
)

// check tells what an entry says and cannot mean.
func (a *Agent) check(text string) []error {
	var errs []error
	add := func(key, hint, format string, args ...any) {
		errs = append(errs, &Problem{a.File, lineOf(text, toml.Key{key}), fmt.Sprintf(format, args...), hint})
	}
	if a.ID == 0 {
		add("id", "a small number that no other agent has; it never changes", "id: missing or 0")
	}
	if !agentName.MatchString(a.Name) {
		add("name", "lower-case letters, digits and dashes", "name %q: not a name", a.Name)
	}
	if len(a.Exec) == 0 {
		add("exec", "globs of the agent's executables, as in policies", "exec: empty, so nothing is recognised")
	}
	for _, g := range slices.Concat(a.Exec, a.Scripts, a.Interpreters) {
		if !strings.HasPrefix(g, "/") && !strings.HasPrefix(g, "~/") && !strings.HasPrefix(g, "**/") {
			add("exec", "begin with /, ~/ or **/", "exec %q: not a path of the host", g)
		}
	}
	if a.Wrapper != event.WrapNone && !slices.Contains(event.Wrappers(), a.Wrapper) {
		add("wrapper", fmt.Sprintf("known: %v", event.Wrappers()), "wrapper %q: unknown", a.Wrapper)
	}
	for _, name := range a.Applets {
		if name == "" || len(name) >= bpf.AppletMax {
			add("applets", fmt.Sprintf("1 to %d bytes, as argv[0] has it", bpf.AppletMax-1), "applet %q: not a name", name)
		}
	}
	if a.Registry != "" && a.Registry != "claude" {
		add("registry", "known: claude", "registry %q: unknown", a.Registry)
	}
	if a.Verified != "" && !slices.Contains(verified, a.Verified) {
		add("verified", "known: "+strings.Join(verified, ", "), "verified %q: unknown", a.Verified)
	}
	a.checkVariables(add)
	if len(a.Scripts) > 0 && len(a.Interpreters) == 0 {
		add("scripts", "interpreters = [\"**/bin/node\"], or what else runs them", "scripts: nothing runs them")
	}
	if wrong := a.Trail.check(); wrong != "" {
		add("trail", "file, a glob, and line, a regular expression with a group (?P<id>…)", "trail: %s", wrong)
	}
	errs = append(errs, a.checkConfig(text)...)
	for i := range a.Builds {
		if _, err := a.Builds[i].Build(); err != nil {
			add("build", "size is that of `stat -c %s FILE`, head that of `head -c 256 FILE | base64 -w 0`", "build %q: %v", a.Builds[i].Version, err)
		}
	}
	if len(a.Builds) > 0 && !a.Marked() {
		add("build", "take them out, or shared; what only contains is known by its path alone", "build: the agent is known by its path alone")
	}
	for _, v := range a.Version {
		re, err := regexp.Compile(v)
		if err != nil || re.NumSubexp() < 1 {
			add("version", "a regular expression with one group", "version %q: no version can be read with it", v)
			continue
		}
		a.versions = append(a.versions, re)
	}
	return errs
}

// checkVariables looks at how the agent spells variables.
func (a *Agent) checkVariables(add func(key, hint, format string, args ...any)) {
	for _, v := range a.Variables {
		if !slices.Contains(spellings, v) {
			add("variables", "known: "+strings.Join(spellings, " "), "variables %q: unknown", v)
		}
	}
	if a.Unset != "" && !slices.Contains(unsets, a.Unset) {
		add("unset", "known: "+strings.Join(unsets, ", "), "unset %q: unknown", a.Unset)
	}
}

// conflicts tells of entries that exclude each other.
func conflicts(agents []Agent) []error {
	var errs []error
	ids, names := map[uint32]string{}, map[string]string{}
	for _, a := range agents {
		if other, ok := ids[a.ID]; ok && a.ID != 0 {
			errs = append(errs, &Problem{a.File, 0, fmt.Sprintf("id %d belongs to %s", a.ID, other), "take another number; site entries count from 1000"})
		}
		if other, ok := names[a.Name]; ok && a.Name != "" {
			errs = append(errs, &Problem{a.File, 0, fmt.Sprintf("name %q belongs to %s", a.Name, other), "give its id too, to replace it"})
		}
		ids[a.ID], names[a.Name] = a.File, a.File
	}
	if len(agents) > bpf.AgentsMax {
		errs = append(errs, &Problem{agents[bpf.AgentsMax].File, 0, fmt.Sprintf("%d agents, the kernel's table holds %d", len(agents), bpf.AgentsMax), ""})
	}
	return errs
}

// ByID finds an agent, or nil.
func (c *Catalogue) ByID(id uint32) *Agent {
	for i := range c.Agents {
		if c.Agents[i].ID == id {
			return &c.Agents[i]
		}
	}
	return nil
}

// ByName finds an agent, or nil.
func (c *Catalogue) ByName(name string) *Agent {
	for i := range c.Agents {
		if c.Agents[i].Name == name {
			return &c.Agents[i]
		}
	}
	return nil
}

// Names lists the agents' names.
func (c *Catalogue) Names() []string {
	names := make([]string, len(c.Agents))
	for i := range c.Agents {
		names[i] = c.Agents[i].Name
	}
	return names
}
