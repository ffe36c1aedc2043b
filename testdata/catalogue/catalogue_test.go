// SPDX-License-Identifier: Apache-2.0

package catalogue

// The host's part: which machines, and the agents that are laid over their roots.

import (
	"flag"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/messages"
	"github.com/reeve-sensor/reeve/testdata/vm"
	"github.com/reeve-sensor/reeve/testdata/vm/vmtest"
)

var (
	machines = flag.String("machines", "6.12", "kernels, each with nobpf at its end for one without bpf in lsm=")
	only     = flag.String("agents", "", "names of the agents to run, or renamed for those whose programs lie elsewhere; all where there is none")
	onStage  = flag.Bool("stage", false, "this is the machine")
)

func TestAgentsFindThemselves(t *testing.T) {
	vmtest.Machine(t)
	config := vm.Config{Memory: 4096, Timeout: 30 * time.Minute, Out: *record, Env: []string{"AGENTS=" + *only}, Files: []vm.File{{From: "../messages/scenarios/agents.toml"}}}
	for i := range messages.Agents {
		config.Layers = append(config.Layers, vmtest.Layer(t, messages.Agents[i].Layer))
	}
	vmtest.Play(t, *machines, "../..", config)
}
