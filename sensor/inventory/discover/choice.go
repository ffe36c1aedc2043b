// SPDX-License-Identifier: Apache-2.0

// This file puts what a person has set for an extension into its command line, as the agent does that starts it: else the command
// that runs is not the one that is known.

package discover

import (
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/formats"
)

// choice is a value of an extension's settings.
type choice struct {
	values []string
	list   bool // an argument that is nothing else becomes as many
	secret bool // by its name
	open   bool // it is not known
}

// choices are the values by their names. What the packer's own code finds no value for stays as it is spelled.
type choices map[string]choice

// choicesOf reads what the manifest declares and what was set over it. What is declared to be a credential is not read, since
// agents keep it in other forms, and a default that has variables of its own leaves open who fills them in.
func choicesOf(declared, set *formats.Node) choices {
	out := choices{}
	for _, key := range slices.Concat(declared.Keys(), set.Keys()) {
		value := declared.Get(key, "default")
		fixed := value != nil && !slices.ContainsFunc(value.Strings(), inventory.HasVariables)
		if own := set.Get(key); own != nil {
			value, fixed = own, true
		}
		if value == nil {
			continue
		}
		out[key] = choice{
			values: value.Strings(), list: value.Kind == formats.List, secret: secretName.MatchString(key),
			open: declared.Get(key, "sensitive").Is(true) || !fixed,
		}
	}
	return out
}

var ofUser = regexp.MustCompile(`\$\{user_config\.([^}]+)\}`)

// fill gives the arguments with what was chosen, the same without secrets, and names what they still depend on.
func (c choices) fill(argv []string) (filled, shown, open []string) {
	for _, arg := range argv {
		rest := ofUser.ReplaceAllStringFunc(arg, func(name string) string {
			if c[nameOf(name)].open {
				return name
			}
			return ""
		})
		open = append(open, unset([]string{rest})...)
		filled = append(filled, c.argument(arg, false)...)
		shown = append(shown, c.argument(arg, true)...)
	}
	slices.Sort(open)
	return filled, shown, slices.Compact(open)
}

// counted reports whether it is known how many arguments there will be.
func (c choices) counted(argv []string) bool {
	return !slices.ContainsFunc(argv, func(arg string) bool {
		m := ofUser.FindString(arg)
		v := c[nameOf(m)]
		return m != "" && m == arg && v.open && v.list
	})
}

// argument is what becomes of one. A list within other text is not put in.
func (c choices) argument(arg string, show bool) []string {
	if m := ofUser.FindString(arg); m == arg && m != "" {
		if v := c[nameOf(m)]; v.list && !v.open && !(show && v.secret) {
			return v.values
		}
	}
	return []string{ofUser.ReplaceAllStringFunc(arg, func(name string) string {
		v := c[nameOf(name)]
		if v.open || show && v.secret || v.list || len(v.values) != 1 || v.values[0] == "" && name == arg {
			return name
		}
		return v.values[0]
	})}
}

func nameOf(variable string) string {
	return strings.TrimSuffix(strings.TrimPrefix(variable, "${user_config."), "}")
}
