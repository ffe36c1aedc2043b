// SPDX-License-Identifier: Apache-2.0

package catalogue

// The host's part: which machines, and the agents that are laid over their roots.

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/vm"
	"github.com/reeve-sensor/reeve/testdata/vm/vmtest"
)

var (
	machines = flag.String("machines", "6.12", "kernels, each with nobpf at its end for one without bpf in lsm=")
	only     = flag.String("agents", "", "names of the agents to run, or renamed for those whose programs lie elsewhere; all where there is none")
	onStage  = flag.Bool("stage", false, "this is the machine")
)

// An entry that says that its agent was run is one of an agent that is run here, and the others say what else they rest on.
func TestEntriesSayTruly(t *testing.T) {
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range c.Agents {
		run := slices.ContainsFunc(messages.Agents, func(m messages.Agent) bool { return m.Name == a.Name })
		if says := a.Verified == "run"; says != run {
			t.Errorf("%s is verified = %q, and is run by this test: %t", a.Name, a.Verified, run)
		}
	}
}

func TestAgentsFindThemselves(t *testing.T) {
	vmtest.Machine(t)
	config := vm.Config{Memory: 4096, Timeout: 30 * time.Minute, Out: *record, Env: []string{"AGENTS=" + *only}, Files: []vm.File{{From: "../messages/scenarios/agents.toml"}}}
	for i := range messages.Agents {
		config.Layers = append(config.Layers, vmtest.Layer(t, messages.Agents[i].Layer))
	}
	vmtest.Play(t, *machines, "../..", config)
}
