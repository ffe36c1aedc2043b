// SPDX-License-Identifier: Apache-2.0

package evade

// The host's part: which machines, and the agent that is laid over their roots.

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
	onStage  = flag.Bool("stage", false, "this is the machine")
)

func TestEvasion(t *testing.T) {
	vmtest.Machine(t)
	for _, program := range []string{"bwrap", "node", "python3", "perl", "curl", "tmux", "gcc", "ssh"} {
		vmtest.Program(t, "agents", program)
	}
	vmtest.Play(t, *machines, "../..", vm.Config{
		Memory: 4096, Timeout: 50 * time.Minute,
		Layers: []string{vmtest.Layer(t, delegatesLayer), vmtest.Layer(t, messages.ClaudeLayer)},
	})
}
