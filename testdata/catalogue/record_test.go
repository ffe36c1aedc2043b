// SPDX-License-Identifier: Apache-2.0

package catalogue

// With -record, what each agent's start was seen to need is written down, as the catalogue's [start] has it: everything up to
// the first command of its model. Numbers that differ from run to run are the reader's to shorten.

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var record = flag.String("record", "", "folder that receives what each start needs")

// out is where a machine leaves what its host asked for.
const out = "/out"

// sections are the keys of [start], by operation: all but exec, and domain, since the model that an agent has here is on loopback.
var sections = []struct{ key, op string }{
	{"lines", "exec.argv"}, {"map", "exec.map"}, {"read", "file.read"}, {"write", "file.write"}, {"create", "file.create"},
	{"rename", "file.rename"}, {"delete", "file.delete"},
}

// writeStart leaves the start's needs, where somebody wants them.
func (a *run) writeStart(t *testing.T, events []event) {
	t.Helper()
	if _, err := os.Stat(out); err != nil {
		return
	}
	needs := map[string][]string{}
	keep := func(key, object string) {
		object = strings.ReplaceAll(object, a.person.Home, "~")
		layer := strings.HasPrefix(object, "/up") || strings.HasPrefix(object, "/host/") || strings.HasPrefix(object, "/layer") // of the machine's root
		if object != "" && !layer && !slices.Contains(needs[key], object) {
			needs[key] = append(needs[key], object)
		}
	}
	for _, e := range events {
		r := e.Unmapped.Reeve
		if r.Command == a.scenario.Turns[0].Tools[0].Input["command"] {
			break
		}
		if r.Kind == "exec" {
			keep("exec", e.Process.File.Path)
		}
		for _, s := range sections {
			if r.Op == s.op {
				keep(s.key, r.Object)
			}
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "[start] # %s %s\n", a.Name, a.Version)
	list := func(key string) {
		fmt.Fprintf(&text, "%s = [\n", key)
		for _, object := range needs[key] {
			fmt.Fprintf(&text, "  %q,\n", object)
		}
		text.WriteString("]\n")
	}
	list("exec")
	for _, s := range sections {
		list(s.key)
	}
	must(t, os.WriteFile(filepath.Join(out, a.Name+".toml"), []byte(text.String()), 0o644))
}
