// SPDX-License-Identifier: Apache-2.0

// This file is what a policy knows of plugins: their names and actions, since which of them run is the machine's to say.

package enforce

import (
	"fmt"
	"slices"
	"strings"
)

// Plugin is one that runs on a machine.
type Plugin struct {
	Name    string
	Actions []string // that it answers to, "" where its name alone is enough; nil where it has not said so yet
}

// Responder takes a word of respond apart: "contain:freeze" is the plugin contain and its action freeze.
func Responder(word string) (plugin, action string) {
	plugin, action, _ = strings.Cut(word, ":")
	return plugin, action
}

// Unanswered tells of rules that want of a plugin what it does not answer to.
func Unanswered(p *Policy, plugin Plugin) Problems {
	c := &checker{p: p}
	c.eachResponder(func(r *Rule, key, word string) {
		if name, _ := Responder(word); name == plugin.Name {
			c.checkResponder(r, key, word, []Plugin{plugin})
		}
	})
	return c.ps.sorted()
}

func (c *checker) checkResponders(plugins []Plugin) {
	if plugins == nil {
		return
	}
	c.eachResponder(func(r *Rule, key, word string) { c.checkResponder(r, key, word, plugins) })
}

func (c *checker) eachResponder(check func(r *Rule, key, word string)) {
	for i := range c.p.Rules {
		r := &c.p.Rules[i]
		for j, word := range r.Respond {
			check(r, fmt.Sprintf("respond[%d]", j), word)
		}
	}
}

// checkResponder tells of a response that no plugin would carry out. The rule holds without it, and a policy is often written for
// more than one machine: a warning.
func (c *checker) checkResponder(r *Rule, key, word string, plugins []Plugin) {
	if reason, hint := unanswered(word, plugins); reason != "" {
		c.rule(r, key, hint, "%s: nothing will respond", reason)
		c.warn()
	}
}

// unanswered is why nobody answers to a word of respond, or "".
func unanswered(word string, plugins []Plugin) (reason, hint string) {
	if !responder.MatchString(word) {
		return "", ""
	}
	name, action := Responder(word)
	i := slices.IndexFunc(plugins, func(p Plugin) bool { return p.Name == name })
	if i < 0 {
		return fmt.Sprintf("no plugin %q runs here", name), hintOfPlugin(name, plugins)
	}
	known := plugins[i].Actions
	if known == nil || slices.Contains(known, action) {
		return "", ""
	}
	if action == "" {
		return fmt.Sprintf("plugin %q is not told what to do", name), hintOfAction(name, "", known)
	}
	return fmt.Sprintf("plugin %q knows no action %q", name, action), hintOfAction(name, action, known)
}

func hintOfAction(name, action string, known []string) string {
	var words []string
	for _, a := range known {
		words = append(words, strings.TrimSuffix(name+":"+a, ":"))
	}
	if hint := didYouMean(action, known); action != "" && strings.HasPrefix(hint, "did you mean") {
		return hint
	}
	return "known: " + strings.Join(words, ", ")
}

func hintOfPlugin(name string, plugins []Plugin) string {
	var names []string
	for _, p := range plugins {
		names = append(names, p.Name)
	}
	if hint := didYouMean(name, names); strings.HasPrefix(hint, "did you mean") {
		return hint
	}
	return fmt.Sprintf("reeve.toml has it run: [[plugin]] name = %q", name)
}
