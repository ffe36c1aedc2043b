// SPDX-License-Identifier: Apache-2.0

package churn

// What the daemon does when the kernel stops holding under it: within a minute it is told, and mended.

import (
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf/link"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// canaryWait is for the canary's minute, and for programs that are loaded and tried once more in an emulated machine.
const canaryWait = 5 * time.Minute

func TestLossUnderARunningDaemonIsToldAndMended(t *testing.T) {
	d := prepared(t)
	d.start()
	began := time.Now().Add(-time.Second)
	before := links(t)
	if detach(t) == 0 {
		t.Fatal("no program sits on a control group")
	}
	told := func(name string) bool {
		return slices.ContainsFunc(d.events(began), func(e *pb.Event) bool { return e.Kind == "notice" && e.Notice == name })
	}
	for _, name := range []string{event.CoverageDegraded, event.CoverageRestored} {
		if !within(canaryWait, func() bool { return told(name) }) {
			t.Fatalf("%s is not told: %v\n%s", name, d.events(began), d.said.String())
		}
	}
	if s := d.status(); s.Coverage != "full" || s.Degraded {
		t.Errorf("mended: coverage %s, degraded %t", s.Coverage, s.Degraded)
	}
	if n := links(t); n != before {
		t.Errorf("%d links, were %d", n, before)
	}
}

// detach takes programs from control groups, as whoever administers the machine can; no other kind of ours can be.
func detach(t *testing.T) (n int) {
	t.Helper()
	var all link.Iterator
	defer all.Close()
	for all.Next() {
		info, err := all.Link.Info()
		must(t, err)
		if info.Cgroup() == nil {
			continue
		}
		if l, ok := all.Link.(interface{ Detach() error }); ok {
			must(t, l.Detach())
			n++
		}
	}
	must(t, all.Err())
	return n
}
