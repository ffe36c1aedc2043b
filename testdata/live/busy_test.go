// SPDX-License-Identifier: Apache-2.0

package live

// The kernel may be asked for one task's session while it stores another's: neither is without one for that.

import (
	"os/exec"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

// insistences take seconds, in which agents begin by the dozen.
const insistences = 600

func TestSessionIsFoundWhileOthersBegin(t *testing.T) {
	if bpf.LosesTasks() && sensor.Preempts() {
		t.Skip("not held on such a kernel: THREATS.md")
	}
	if kernel.Form == bpf.FormTwice {
		t.Skip("a check that is left out there costs who insists his life")
	}
	files(t)
	copyOf(t, stormAgent)
	policy(t, secretPolicy, stormAgents...)
	in := memberOf(t, 0)
	answer := make(chan result)
	go func() { answer <- in.do(act{Do: "insist", Path: "/data/secret/key", At: insistences}) }()
	for begun := 1; ; begun++ {
		if out, err := exec.Command(stormAgent, "true").CombinedOutput(); err != nil {
			t.Errorf("agent %d: %v, %s", begun, err, out)
		}
		select {
		case r := <-answer:
			if r.Errno != 0 || r.Status > 0 {
				t.Errorf("of %d tries %d passed (%v)", insistences, r.Status, r.Errno)
			}
			t.Logf("%d agents began", begun)
			return
		default:
		}
	}
}
