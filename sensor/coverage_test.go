// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
)

// What was not tried is not held: a machine without a network claims no coverage of it.
func TestNetworkIsWhatWasSeenHeld(t *testing.T) {
	exec := Effect{Op: bpf.OpExec, State: Seen, Reason: "it went on"}
	name, address := Effect{Op: bpf.OpNetDomain, State: Held}, Effect{Op: bpf.OpNetAddr, State: Held}
	passed := Effect{Op: bpf.OpNetAddr, State: Seen, Reason: "it went on"}
	for what, c := range map[string]struct {
		form    bpf.Form
		effects []Effect
		want    Coverage
	}{
		"held":       {bpf.FormNetwork, []Effect{exec, name, address}, Network},
		"not-tried":  {bpf.FormNetwork, []Effect{exec, name}, Observe},
		"passed":     {bpf.FormNetwork, []Effect{exec, name, passed}, Observe},
		"tracepoint": {bpf.FormObserve, []Effect{exec, name, address}, Observe},
		"lsm":        {bpf.FormLSM, []Effect{name, address}, Full},
	} {
		if f := finding(c.form, c.effects); f.Coverage != c.want {
			t.Errorf("%s: %s, want %s", what, f.Coverage, c.want)
		}
	}
}

func TestCoverageReaches(t *testing.T) {
	for _, c := range []struct {
		have, required Coverage
		want           bool
	}{
		{Full, Network, true}, {Network, Network, true}, {Network, Full, false}, {Observe, Network, false}, {Observe, "", true},
	} {
		if got := c.have.Reaches(c.required); got != c.want {
			t.Errorf("%s reaches %q: %t", c.have, c.required, got)
		}
	}
}
