// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"context"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// What is run is told as the work of the session that wrote, also when that is over, and does not make its runner one of its processes.
func TestWhatIsLeftBehindIsItsSessions(t *testing.T) {
	const root, alice, other = 3_999_999_001, 3_999_999_002, 3_999_999_003
	start := bpf.EventSession{Head: by(bpf.KindSessionStart, 0, root, 10), Loginuid: ^uint32(0)}
	end := bpf.EventSession{Head: by(bpf.KindSessionEnd, 0, root, 20), Loginuid: ^uint32(0)}
	run := bpf.EventDerived{Head: by(bpf.KindDerived, bpf.OpExec, alice, 30), Text: 2, By: 6}
	sudo := bpf.EventDerived{Head: by(bpf.KindDerived, bpf.OpExecMap, other, 40), Text: 2}
	unknown := bpf.EventDerived{Head: by(bpf.KindDerived, bpf.OpExec, other, 50), Text: 2}
	unknown.Head.Session = 99
	sudo.Head.Uid = 0
	for _, e := range []*bpf.EventDerived{&run, &sudo, &unknown} {
		e.Head.Agent = 0 // the kernel does not know it
	}
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{full: make(chan struct{}), want: 5}
	w := NewWatch(WatchOptions{Catalogue: c, Names: names{}, Sink: s, Limits: session.DefaultLimits, Boot: "3f2a", SinceBoot: procfs.SinceBoot, Wall: wall})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- w.Run(ctx, newRing(rawOf(&start, &start.Head, ""), rawOf(&end, &end.Head, ""), rawOf(&run, &run.Head, "/a"),
			rawOf(&sudo, &sudo.Head, "/b"), rawOf(&unknown, &unknown.Head, "/c")), newRing())
	}()
	select {
	case <-s.full:
	case <-time.After(10 * time.Second):
		t.Fatal("events are missing")
	}
	w.Sourced(&event.Sourced{Session: 5, Object: "/d", Reader: "/usr/bin/bash", Why: "why", PID: alice, UID: 4_000_000_001})
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	type told struct{ session, agent, within, severity, op string }
	want := map[string]told{
		"/a": {"3f2a-5", "claude-code", "3f2a-6", "low", "exec"},
		"/b": {"3f2a-5", "claude-code", "", "high", "exec.map"},
		"/c": {"3f2a-33", "unknown", "", "low", "exec"},
		"/d": {"3f2a-5", "claude-code", "", "medium", "file.read"},
	}
	for _, e := range s.events {
		if e.Kind != event.Derived {
			continue
		}
		if got := (told{e.Session, e.Agent, e.Derivation.Within, e.Severity, e.Op}); got != want[e.Object] || !e.Notable() || e.Refused() {
			t.Errorf("%s: %+v, want %+v", e.Object, got, want[e.Object])
		}
		delete(want, e.Object)
	}
	if len(want) != 0 {
		t.Errorf("not told: %v", want)
	}
	w.View(func(table *session.Table) {
		if x := table.Session(5); x == nil || !x.Over() || len(x.Processes()) != 1 {
			t.Errorf("session: %+v", x)
		}
		if table.Session(99) != nil {
			t.Error("a session was made of what it left")
		}
	})
}
