// SPDX-License-Identifier: Apache-2.0

package site

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// told are the problems of a policy of one rule that denies an operation on an object.
func told(t *testing.T, agents *inventory.Catalogue, op enforce.Op, object string) enforce.Problems {
	t.Helper()
	escaped := strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]", "{", "[{]").Replace(object)
	rule := fmt.Sprintf("version = 1\nbase = \"none\"\n[[rule]]\nid = \"x\"\non = [%q]\nmatch = [%q]\naction = \"deny\"\nreason = \"test\"\n", op, escaped)
	c := Defaults()
	_, ps := c.Parse(map[string]string{"a.toml": rule}, agents)
	return ps
}

// For every agent and every operation of its start: who denies it is told so, by the agent's name. Where its model is, a site may
// deny: it has a warning.
func TestPolicyThatStopsAnAgentsStartIsTold(t *testing.T) {
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[enforce.Op]int{}
	for _, start := range Starts(agents) {
		of := map[enforce.Op]string{} // an object of each operation: the last one, of its own files, but the first line, the shortest
		for _, act := range start.Acts {
			if of[act.Op] == "" || act.Op != enforce.OpExecArgv {
				of[act.Op] = act.Object
			}
		}
		for _, op := range slices.Sorted(maps.Keys(of)) {
			t.Run(start.Agent+"/"+op.String(), func(t *testing.T) {
				ps := told(t, agents, op, of[op])
				listed := ps.Errors()
				if op == enforce.OpNetDomain {
					listed = ps.Warnings()
				}
				if !slices.ContainsFunc(listed, func(p *enforce.Problem) bool {
					return strings.Contains(p.Error(), "would stop "+start.Agent+" itself") && strings.Contains(p.Error(), op.String()+" on ")
				}) {
					t.Errorf("a policy that denies %s on %s: %v", op, of[op], ps)
				}
			})
			seen[op]++
		}
	}
	for _, op := range []enforce.Op{enforce.OpExec, enforce.OpExecMap, enforce.OpExecArgv, enforce.OpFileRead, enforce.OpFileWrite,
		enforce.OpFileCreate, enforce.OpFileRename, enforce.OpFileDelete, enforce.OpNetDomain} {
		if seen[op] == 0 {
			t.Errorf("no agent's start has %s", op)
		}
	}
	if ps := told(t, agents, enforce.OpFileCreate, "/srv/elsewhere"); len(ps) > 0 {
		t.Errorf("a policy that stops nobody: %v", ps)
	}
}

// TestNoPresetStopsAnyAgentsStart: nor is anybody warned.
func TestNoPresetStopsAnyAgentsStart(t *testing.T) {
	agents, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	c := Defaults()
	for _, name := range enforce.Presets() {
		_, ps := c.Parse(map[string]string{"a.toml": fmt.Sprintf("version = 1\nbase = %q\n", name)}, agents)
		for _, p := range ps {
			if strings.Contains(p.Error(), "would stop") {
				t.Errorf("%s: %v", name, p)
			}
		}
	}
}
