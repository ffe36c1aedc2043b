// SPDX-License-Identifier: Apache-2.0

// This file reads skills, commands and subagents: texts that tell an agent what to do, with front matter that says what it
// may do meanwhile, and folders of what it may run.

package discover

import (
	"path"
	"regexp"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// skill reads a folder with a SKILL.md in it.
func (s *source) skill() {
	dir := path.Dir(s.name)
	name := s.doc.root.Get("name").String()
	if name == "" {
		name = path.Base(dir)
	}
	it := s.item(inventory.KindSkill, name, 1)
	s.frontMatter(&it)
	files, writable, err := s.folder(dir)
	it.Identity.Files = s.followed(withoutCaches(files))
	it.Facts.Writable = append(it.Facts.Writable, writable...)
	if err != nil {
		it.Error = reason(err)
		it.Identity.Loose = "its folder is not known whole"
	}
	s.add(it)
}

// followed has the text in the place of a link to it: it is loaded by way of that.
func (s *source) followed(files []inventory.Part) []inventory.Part {
	for i := range files {
		if f := &files[i]; f.Name == inventory.SkillFile && strings.HasPrefix(f.Value, linkTo) {
			if sum, _, err := s.sum(s.name, proseMax); err == nil {
				f.Value = sum
			}
		}
	}
	return files
}

// prompt reads a single file: a command, a subagent.
func (s *source) prompt() {
	name := s.doc.root.Get("name").String()
	if name == "" {
		name = strings.TrimSuffix(path.Base(s.name), path.Ext(s.name))
	}
	kind := inventory.KindCommand
	if _, ok := s.config.Reads[string(inventory.KindSubagent)]; ok {
		kind = inventory.KindSubagent
	}
	it := s.item(kind, name, 1)
	s.frontMatter(&it)
	sum, _, err := s.sum(s.name, proseMax)
	if err != nil {
		it.Error = reason(err)
	}
	it.Identity.Files = []inventory.Part{{Name: path.Base(s.name), Value: sum}}
	s.add(it)
}

// Text that a shell runs when it is loaded: !`cmd` of Claude Code, !{cmd} of Gemini CLI.
var inline = regexp.MustCompile("!`([^`\n]{1,500})`|!\\{([^}\n]{1,500})\\}")

// loadsMax bounds the lines that are kept of one text.
const loadsMax = 50

// frontMatter takes what changes what the agent may do.
func (s *source) frontMatter(it *inventory.Item) {
	root := s.doc.root
	for _, key := range []string{"description", "model", "shell", "license", "agent", "context"} {
		if v := root.Get(key).String(); v != "" {
			setting(it, key, v)
		}
	}
	for _, key := range []string{"allowed-tools", "tools"} {
		for _, v := range toolList(root.Get(key)) {
			setting(it, key, v)
			it.Facts.Tools = append(it.Facts.Tools, clean(v))
		}
	}
	eachHook(root.Get("hooks"), func(h hook) {
		setting(it, "hook "+h.event, strings.Join(h.argv, " "))
		it.Facts.Hooks = append(it.Facts.Hooks, h.event)
	})
	text := root.Get(formats.Body).String() + root.Get("prompt").String()
	for i, m := range inline.FindAllStringSubmatch(text, loadsMax+1) {
		if i == loadsMax {
			it.Identity.Loose = "more lines run at load than are listed"
			break
		}
		line := event.Redact(m[1] + m[2])
		setting(it, "runs when it is loaded", line)
		it.Facts.Loads = append(it.Facts.Loads, clean(line))
	}
	it.Facts.Hidden = hidden(text) || hidden(root.Get("description").String())
	if it.Version = root.Get("metadata", "version").String(); it.Version == "" {
		it.Version = root.Get("version").String()
	}
	it.Version = clean(it.Version)
}

// toolList reads a list, or one text with commas outside of brackets.
func toolList(n *formats.Node) []string {
	if n == nil || n.Kind == formats.List {
		return n.Strings()
	}
	if n.Kind == formats.Map { // OpenCode: names to true or false
		var on []string
		for _, k := range n.Keys() {
			if n.Get(k).Is(true) {
				on = append(on, k)
			}
		}
		return on
	}
	var out []string
	depth, from := 0, 0
	text := n.String()
	for i := 0; i <= len(text); i++ {
		switch {
		case i == len(text) || text[i] == ',' && depth == 0:
			if t := strings.TrimSpace(text[from:i]); t != "" {
				out = append(out, t)
			}
			from = i + 1
		case text[i] == '(':
			depth++
		case text[i] == ')':
			depth--
		}
	}
	return out
}

// hidden reports characters that a reader does not see and a model does: marks of direction, of no width, and tags. Joiners
// are left out, since scripts and emoji need them.
func hidden(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return r == 0x200b || r >= 0x202a && r <= 0x202e || r >= 0x2060 && r <= 0x2069 || r >= 0xe0000 && r <= 0xe007f
	}) >= 0
}
