// SPDX-License-Identifier: Apache-2.0

// This file reads hooks: what an agent runs when something happens, in the shapes of Claude Code and Codex (events to
// matchers to handlers), of Cursor and Copilot CLI (events to handlers), and of front matter.

package discover

import (
	"fmt"
	"path"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// hook is one handler.
type hook struct {
	event, matcher, kind string
	argv                 []string
	shell                bool
	url                  string
	line                 int
}

// hooksMax bounds the handlers of one file.
const hooksMax = 1_000

func (s *source) hooks(_ []string, at *formats.Node) {
	count := map[string]int{}
	n := 0
	eachHook(at, func(h hook) {
		if n++; n > hooksMax {
			return
		}
		name := h.event
		if h.matcher != "" && h.matcher != "*" {
			name += "(" + h.matcher + ")"
		}
		if count[name]++; count[name] > 1 {
			name += fmt.Sprintf("#%d", count[name])
		}
		it := s.item(inventory.KindHook, name, h.line)
		it.Facts.Event = h.event
		setting(&it, "event", h.event)
		setting(&it, "matcher", h.matcher)
		setting(&it, "type", h.kind)
		s.handler(&it, h)
		s.add(it)
	})
	if n > hooksMax {
		s.trouble(s.agent, s.config, s.name, fmt.Sprintf("more than %d hooks", hooksMax))
	}
}

func (s *source) handler(it *inventory.Item, h hook) {
	if h.url != "" {
		it.Transport = "http"
		s.remote(it, h.url)
		return
	}
	argv := s.places(h.argv)
	clean, secret := event.RedactArgs(argv)
	it.Identity.Command, it.Facts.Secret = clean, secret
	if len(argv) == 0 {
		return // a prompt or a tool of the agent
	}
	words := argv
	if h.shell {
		words = strings.Fields(argv[len(argv)-1])
		setting(it, "shell", "yes")
	}
	if len(words) == 0 {
		return
	}
	file := strings.Trim(words[0], `"'`)
	if r := runs(append([]string{file}, words[1:]...)); r.file != "" && strings.Contains(r.file, "/") {
		r.file = strings.Trim(r.file, `"'`)
		s.resolve(it, r, "")
	}
	if unset := unset(argv); len(unset) > 0 && it.Identity.Loose == "" {
		it.Facts.Unset = unset
	}
	if secret {
		it.Identity.Loose = "its command line holds a secret"
	}
}

// eachHook visits the handlers of a table of events.
func eachHook(at *formats.Node, visit func(hook)) {
	for _, name := range at.Keys() {
		for _, group := range listOf(at.Get(name)) {
			if inner := group.Get("hooks"); inner != nil {
				for _, h := range listOf(inner) {
					one(clean(name), group.Get("matcher").String(), h, visit)
				}
				continue
			}
			one(clean(name), group.Get("matcher").String(), group, visit)
		}
	}
}

func listOf(n *formats.Node) []*formats.Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == formats.List:
		return n.Items
	case n.Kind == formats.Map:
		return []*formats.Node{n}
	}
	return nil
}

func one(name, matcher string, n *formats.Node, visit func(hook)) {
	if n == nil || n.Kind != formats.Map {
		return
	}
	h := hook{event: name, matcher: clean(matcher), kind: n.Get("type").String(), line: n.Line}
	if h.kind == "" {
		h.kind = "command"
	}
	args := n.Get("args")
	switch command := n.First("command", "bash", "cmd", "powershell").String(); {
	case n.Get("url").String() != "":
		h.url = n.Get("url").String()
	case command != "" && args != nil:
		h.argv = append([]string{command}, args.Strings()...)
	case command != "":
		h.argv, h.shell = []string{command}, true
	case n.First("prompt", "tool", "server") == nil:
		return
	}
	visit(h)
}

// code reads a file that the agent loads as code of its own.
func (s *source) code() {
	it := s.item(inventory.KindPlugin, path.Base(s.name), 1)
	it.Facts.Event = "load"
	setting(&it, "loaded by", s.agent.Name)
	sum, _, err := s.sum(s.name, settingsMax)
	if err != nil {
		it.Error = reason(err)
	}
	it.Identity.Files = []inventory.Part{{Name: path.Base(s.name), Value: sum}}
	s.add(it)
}
