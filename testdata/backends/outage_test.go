// SPDX-License-Identifier: Apache-2.0

package backends

// The host's part of an outage in a machine: which machines, how long, how much, and what is built for them.

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/testdata/need"
	"github.com/reeve-sensor/reeve/testdata/vm"
	"github.com/reeve-sensor/reeve/testdata/vm/vmtest"
)

var (
	machines = flag.String("machines", "6.12", "kernels, each with nobpf at its end for one without bpf in lsm=")
	length   = flag.Duration("outage", 20*time.Second, "how long the back ends of a machine are down, by its own clock")
	refusals = flag.Int("denials", 500, "how much a session of a machine is refused while they are")
	onStage  = flag.Bool("stage", false, "this is the machine")
)

func TestOutageInMachine(t *testing.T) {
	vmtest.Machine(t)
	vmtest.Program(t, need.Backends, "/usr/sbin/rsyslogd")
	plugins := vmtest.Build(t, "../..", "./plugins/syslog", "./plugins/otlp")
	vmtest.Play(t, *machines, "../..", vm.Config{
		Memory: 3072, Timeout: *length + 30*time.Minute, Env: []string{"OUTAGE=" + length.String(), fmt.Sprintf("DENIALS=%d", *refusals)},
		Files: []vm.File{{From: plugins, To: "plugins"}, {From: collector(t), To: "collector"}},
	})
}
