// SPDX-License-Identifier: Apache-2.0

// This file puts what a person has set for an extension into its command line, as the agent does that starts it: else the command
// that runs is not the one that is known.

package discover

import (
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// choice is a value of an extension's settings.
type choice struct {
	values []string
	list   bool // an argument that is nothing else becomes as many
	open   bool // it is not known
}

// choices are the values by their names. What the packer's own code finds no value for stays as it is spelled.
type choices map[string]choice

// choicesOf reads what the manifest declares and what was set over it. Values of credentials are not taken, and a default that has variables
// of its own leaves open who fills them in.
func choicesOf(declared, set *formats.Node) choices {
	out := choices{}
	for _, key := range slices.Concat(declared.Keys(), set.Keys()) {
		value := declared.Get(key, "default")
		fixed := value != nil && !slices.ContainsFunc(value.Strings(), variable.MatchString)
		if own := set.Get(key); own != nil {
			value, fixed = own, true
		}
		if value == nil {
			continue
		}
		secret := declared.Get(key, "sensitive").Is(true)
		out[key] = choice{value.Strings(), value.Kind == formats.List, secret || !fixed}
	}
	return out
}

var ofUser = regexp.MustCompile(`\$\{user_config\.([^}]+)\}`)

// fill gives the arguments with what was chosen, and names what they still depend on.
func (c choices) fill(argv []string) (filled, open []string) {
	for _, arg := range argv {
		rest := ofUser.ReplaceAllStringFunc(arg, func(name string) string {
			if c[nameOf(name)].open {
				return name
			}
			return ""
		})
		open = append(open, unset([]string{rest})...)
		filled = append(filled, c.argument(arg)...)
	}
	slices.Sort(open)
	return filled, slices.Compact(open)
}

// argument is what becomes of one. A list within other text is not put in.
func (c choices) argument(arg string) []string {
	if m := ofUser.FindString(arg); m == arg && m != "" {
		if v := c[nameOf(m)]; v.list && !v.open {
			return v.values
		}
	}
	return []string{ofUser.ReplaceAllStringFunc(arg, func(name string) string {
		v := c[nameOf(name)]
		if v.open || v.list || len(v.values) != 1 || v.values[0] == "" && name == arg {
			return name
		}
		return v.values[0]
	})}
}

func nameOf(variable string) string {
	return strings.TrimSuffix(strings.TrimPrefix(variable, "${user_config."), "}")
}
