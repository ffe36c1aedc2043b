// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
)

const second = uint64(time.Second)

func refusal(id, at uint64, flags bpf.EventFlag) *event.Event {
	return &event.Event{Kind: event.Access, Head: event.Head{Kind: event.Access, Session: id, Time: at, Action: event.Deny, Flags: uint16(flags)}}
}

func stopped(at ...uint64) []*event.Event {
	var out []*event.Event
	for _, a := range at {
		out = append(out, refusal(1, a, bpf.EventApplied))
	}
	return out
}

func TestSpikeIsMoreThanTheLimitWithinAMinute(t *testing.T) {
	allowed := refusal(1, 4*second, bpf.EventApplied)
	allowed.Head.Action = event.Allow
	again := refusal(1, 5*second, bpf.EventApplied)
	again.Again = true
	end := &event.Event{Kind: event.SessionEnd, Head: event.Head{Session: 1, Action: event.Allow}}
	for name, tc := range map[string]struct {
		limit  int
		events []*event.Event
		trips  int // index of the event that does, or -1
	}{
		"off":                    {0, stopped(1, 2, 3, 4, 5), -1},
		"as many as the limit":   {3, stopped(1*second, 2*second, 3*second), -1},
		"one more":               {3, stopped(1*second, 2*second, 3*second, 4*second), 3},
		"a burst":                {3, stopped(5, 5, 5, 5, 5, 5), 3},
		"within the minute":      {3, stopped(0, 1*second, 2*second, 60*second-1), 3},
		"a minute later":         {3, stopped(0, 1*second, 2*second, 60*second), -1},
		"the window slides":      {3, stopped(0, 30*second, 59*second, 61*second, 89*second), 4},
		"limit of one":           {1, stopped(0, 59*second), 1},
		"slow for ever":          {2, stopped(0, 31*second, 62*second, 93*second, 124*second), -1},
		"out of order":           {3, stopped(10*second, 9*second, 11*second, 8*second), 3},
		"observed does not":      {1, []*event.Event{refusal(1, 1, 0), refusal(1, 2, 0), refusal(1, 3, 0)}, -1},
		"relieved does not":      {1, []*event.Event{refusal(1, 1, bpf.EventRelief), refusal(1, 2, bpf.EventRelief)}, -1},
		"a switch does not":      {1, []*event.Event{refusal(1, 1, bpf.EventApplied|bpf.EventSwitch), refusal(1, 2, bpf.EventApplied|bpf.EventSwitch)}, -1},
		"what is allowed":        {1, []*event.Event{stopped(1)[0], allowed, allowed}, -1},
		"read again":             {1, []*event.Event{again, again, stopped(6 * second)[0]}, -1},
		"others count apart":     {1, []*event.Event{refusal(1, 1, bpf.EventApplied), refusal(2, 2, bpf.EventApplied), refusal(2, 3, bpf.EventApplied)}, 2},
		"an end begins anew":     {1, []*event.Event{stopped(1)[0], end, stopped(2)[0]}, -1},
		"outside of all session": {1, []*event.Event{refusal(0, 1, bpf.EventApplied), refusal(0, 2, bpf.EventApplied)}, -1},
	} {
		s, got := newSpikes(tc.limit), -1
		for i, e := range tc.events {
			if s.see(e) {
				if got >= 0 {
					t.Errorf("%s: said twice, at %d and %d", name, got, i)
				}
				got = i
			}
		}
		if got != tc.trips {
			t.Errorf("%s: at %d, want %d", name, got, tc.trips)
		}
	}
}

func TestSpikesForgetWhatIsQuiet(t *testing.T) {
	s := newSpikes(5)
	for id := range uint64(sessionsKept) {
		s.see(refusal(id+1, id, bpf.EventApplied))
	}
	s.see(refusal(1<<40, 2*minute, bpf.EventApplied))
	if len(s.sessions) != 1 {
		t.Errorf("%d sessions", len(s.sessions))
	}
}

// last is a sink that keeps what it is given.
type last struct{ events []*event.Event }

func (l *last) Append(e *event.Event) { l.events = append(l.events, e) }

func TestBrake(t *testing.T) {
	for name, tc := range map[string]struct {
		on       string
		slots    []sensor.Slot
		told     string
		observed bool
	}{
		"audit":            {"audit", []sensor.Slot{slot(4, 1)}, event.SafetyAudit, true},
		"notice":           {"notice", []sensor.Slot{slot(4, 1)}, event.SafetySpike, false},
		"it ended already": {"audit", nil, "", false},
	} {
		kernel, sink, told := &kernelMaps{slots: tc.slots}, &last{}, make(chan event.Said, 9)
		b := newBrake(site.Safety{MaxDenials: 2, OnSpike: tc.on}, sink, kernel, func(s event.Said) { told <- s }, func(uint64) string { return "3f2a-1" })
		for _, e := range stopped(1, 2, 3, 4, 5, 6) {
			b.Append(e)
		}
		if len(sink.events) != 6 || len(b.found) != 1 {
			t.Fatalf("%s: %d events, %d found", name, len(sink.events), len(b.found))
		}
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { b.run(ctx); close(done) }()
		for len(b.found) > 0 {
			time.Sleep(time.Millisecond)
		}
		stop()
		<-done
		close(told)
		var names []string
		for s := range told {
			names = append(names, s.Name)
			if s.Session != 1 || !strings.Contains(s.Message, "session 3f2a-1 more than 2 times within a minute") {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if strings.Join(names, " ") != tc.told {
			t.Errorf("%s: told %q", name, names)
		}
		if tc.slots != nil && kernel.slots[0].Flags == uint32(bpf.SessionObserve) != tc.observed {
			t.Errorf("%s: %+v", name, kernel.slots)
		}
	}
}
