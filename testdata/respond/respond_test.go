// SPDX-License-Identifier: Apache-2.0

package respond

// The host's part: which machines, and the plugins that are built for them.

import (
	"flag"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/vm"
	"github.com/reeve-sensor/reeve/testdata/vm/vmtest"
)

var (
	machines = flag.String("machines", "6.12", "kernels, each with nobpf at its end for one without bpf in lsm=")
	onStage  = flag.Bool("stage", false, "this is the machine")
)

func TestRuleFreezesByPlugin(t *testing.T) {
	vmtest.Machine(t)
	plugins := vmtest.Build(t, "../..", "./plugins/contain", "./plugins/syslog", "./plugins/plugintest/hostile")
	vmtest.Play(t, *machines, "../..", vm.Config{
		Memory: 3072, Timeout: 18 * time.Minute, Files: []vm.File{{From: plugins, To: "plugins"}},
	})
}
