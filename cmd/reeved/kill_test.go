// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
)

func onNetwork(a event.Action, flags bpf.EventFlag) *event.Event {
	return &event.Event{Kind: event.Network, Flow: &event.Flow{}, Head: event.Head{
		Kind: event.Network, Op: event.Op(bpf.OpNetAddr), Session: 7, PID: 42, Started: 500, Action: a, Flags: uint16(flags)}}
}

func TestWhoIsKilled(t *testing.T) {
	ofFile := onNetwork(event.Kill, bpf.EventApplied)
	ofFile.Kind, ofFile.Head.Op = event.Access, event.Op(bpf.OpFileRead)
	ofKind := onNetwork(event.Kill, bpf.EventApplied)
	ofKind.Kind, ofKind.Head.Op = event.Access, event.Op(bpf.OpNetFamily)
	nobody := onNetwork(event.Kill, bpf.EventApplied)
	nobody.Head.PID = 0
	for name, tc := range map[string]struct {
		event *event.Event
		want  bool
	}{
		"kill":            {onNetwork(event.Kill, bpf.EventApplied), true},
		"observed":        {onNetwork(event.Kill, 0), false},
		"break-glass":     {onNetwork(event.Kill, bpf.EventRelief), false},
		"deny":            {onNetwork(event.Deny, bpf.EventApplied), false},
		"allow":           {onNetwork(event.Allow, 0), false},
		"killed already":  {ofFile, false},
		"kind of socket":  {ofKind, true},
		"no process said": {nobody, false},
	} {
		if got := deadly(tc.event); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestKillerKillsOnceAndTellsWhatItCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hit []condemned
		var told []event.Said
		var trouble error
		passed := &counting{}
		k := newKiller(passed, func(s event.Said) { told = append(told, s) })
		k.kill = func(pid uint32, started uint64) (bool, error) {
			hit = append(hit, condemned{pid: pid, started: started})
			return true, trouble
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go k.run(ctx)
		for _, e := range []*event.Event{onNetwork(event.Kill, bpf.EventApplied), onNetwork(event.Kill, 0), onNetwork(event.Deny, bpf.EventApplied)} {
			k.Append(e)
		}
		synctest.Wait()
		if len(hit) != 1 || hit[0] != (condemned{pid: 42, started: 500}) || len(told) != 0 || passed.n != 3 {
			t.Fatalf("hit %v, told %v, %d passed on", hit, told, passed.n)
		}
		trouble = errors.New("not permitted")
		k.Append(onNetwork(event.Kill, bpf.EventApplied))
		synctest.Wait()
		if len(told) != 1 || told[0].Name != event.KillFailed || told[0].Session != 7 {
			t.Errorf("told %v", told)
		}
	})
}

// counting is a sink.
type counting struct{ n int }

func (c *counting) Append(*event.Event) { c.n++ }

func TestKillerDoesNotWait(t *testing.T) {
	passed := &counting{}
	k := newKiller(passed, nil) // nobody runs it
	for range condemnedMax + 3 {
		k.Append(onNetwork(event.Kill, bpf.EventApplied))
	}
	if passed.n != condemnedMax+3 || k.missed.Load() != 3 {
		t.Errorf("%d passed on, %d missed", passed.n, k.missed.Load())
	}
}
