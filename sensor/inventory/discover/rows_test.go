// SPDX-License-Identifier: Apache-2.0

// This file holds the goldens against the catalogue: whatever a row says that can be read somewhere is read in one of them.

package discover

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// unread is what a row reads and no item says: it changes others, or tells of folders.
var unread = []string{inventory.ReadEnabled, inventory.ReadDisabled, inventory.ReadTrusted, inventory.ReadProject}

// made is what reads make, where that is not a kind of its own.
var made = map[string]inventory.Kind{
	inventory.ReadVendor: inventory.KindConnector, inventory.ReadPacked: inventory.KindConnector,
	inventory.ReadCode: inventory.KindPlugin, inventory.ReadPackage: inventory.KindPlugin,
}

// lies reports whether a file is one of a row's.
func lies(c *inventory.Config, file string) bool {
	for _, glob := range braces(c.File) {
		if rest, ok := strings.CutPrefix(glob, "~/"); ok {
			glob = "/home/alice/" + rest
		} else if rest, ok := strings.CutPrefix(glob, "./"); ok {
			glob = "/**/" + rest
		}
		if ok, _ := doublestar.Match(glob, file); ok {
			return true
		}
	}
	return false
}

func TestEveryRowHasAGolden(t *testing.T) {
	var items []inventory.Item
	for _, from := range []string{"recorded", "documented"} {
		homes, err := filepath.Glob("testdata/" + from + "/*")
		if err != nil || len(homes) == 0 {
			t.Fatal(homes, err)
		}
		for _, home := range homes {
			items = append(items, everything(&Pass{FS: host(t, home), Catalogue: catalogue(t), Options: Defaults})...)
		}
	}
	for _, a := range catalogue(t).Agents {
		for i := range a.Config {
			c := &a.Config[i]
			for what := range c.Reads {
				kind, other := made[what]
				if !other {
					kind = inventory.Kind(what)
				}
				if !slices.Contains(unread, what) && !slices.ContainsFunc(items, func(it inventory.Item) bool {
					return it.Kind == kind && it.Error == "" && slices.Contains(it.Agents, a.Name) && it.Scope == c.Scope && lies(c, it.File)
				}) {
					t.Errorf("%s: %s of scope %s: no golden has its %s", a.Name, c.File, c.Scope, what)
				}
			}
		}
	}
}
