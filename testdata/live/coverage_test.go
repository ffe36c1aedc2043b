// SPDX-License-Identifier: Apache-2.0

package live

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/sensor"
)

// The list says what the guest was booted with; the probe must find out by effect.
func TestCoverageIsByEffect(t *testing.T) {
	list, err := os.ReadFile("/sys/kernel/security/lsm")
	must(t, err)
	got := sensor.Probe()
	if strings.Contains(string(list), "bpf") {
		if got.Coverage != sensor.Full {
			t.Errorf("with %s: %+v, want full", list, got)
		}
		return
	}
	if got.Coverage != sensor.Observe || !errors.Is(got.Reason, sensor.ErrNoEffect) {
		t.Errorf("with %s: %+v, want observe for want of effect", list, got)
	}
}
