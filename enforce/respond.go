// SPDX-License-Identifier: Apache-2.0

// This file is what a policy knows of plugins: their names, since which of them run is the machine's to say.

package enforce

import (
	"fmt"
	"slices"
	"strings"
)

// Responder takes a word of respond apart: "contain:freeze" is the plugin contain and its action freeze.
func Responder(word string) (plugin, action string) {
	plugin, action, _ = strings.Cut(word, ":")
	return plugin, action
}

// checkResponders tells of plugins that do not run here. The rule holds without them, and a policy is often written for more
// than one machine: a warning.
func (c *checker) checkResponders(plugins []string) {
	if plugins == nil {
		return
	}
	for i := range c.p.Rules {
		r := &c.p.Rules[i]
		for j, word := range r.Respond {
			name, _ := Responder(word)
			if slices.Contains(plugins, name) || !responder.MatchString(word) {
				continue
			}
			hint := didYouMean(name, plugins)
			if !strings.HasPrefix(hint, "did you mean") {
				hint = fmt.Sprintf("reeve.toml has it run: [[plugin]] name = %q", name)
			}
			c.rule(r, fmt.Sprintf("respond[%d]", j), hint, "no plugin %q runs here: nothing will respond", name)
			c.warn()
		}
	}
}
