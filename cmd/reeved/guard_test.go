// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// frail loses its hold when told, and gets it back by Reattach where that is possible.
type frail struct {
	coverage sensor.Coverage
	mends    bool
	attached int
}

func (f *frail) Find(context.Context) (sensor.Finding, error) {
	found := sensor.Finding{Coverage: f.coverage}
	if f.coverage != sensor.Full {
		found.Reason = errors.New("gone")
	}
	return found, nil
}

func (f *frail) Reattach(sensor.Pins) error {
	f.attached++
	if f.mends {
		f.coverage = sensor.Full
	}
	return nil
}

func TestLossIsToldAndMended(t *testing.T) {
	f := &frail{coverage: sensor.Full}
	var said []string
	g := &guard{kernel: f, best: sensor.Full, found: sensor.Finding{Coverage: sensor.Full}, log: slog.New(slog.DiscardHandler),
		tell: func(s event.Said) { said = append(said, s.Name) }}
	for _, step := range []struct {
		what     string
		coverage sensor.Coverage
		mends    bool
		said     []string
		attached int
		degraded bool
	}{
		{"all is held", sensor.Full, false, nil, 0, false},
		{"a loss that cannot be mended", sensor.Observe, false, []string{event.CoverageDegraded}, 1, true},
		{"it goes on, and is tried again", sensor.Observe, false, nil, 2, true},
		{"it can be mended", sensor.Observe, true, []string{event.CoverageRestored}, 3, false},
		{"a loss that is mended at once is told as well", sensor.Observe, true, []string{event.CoverageDegraded, event.CoverageRestored}, 4, false},
	} {
		f.coverage, f.mends, said = step.coverage, step.mends, nil
		g.check(context.Background())
		if _, degraded := g.now(); !slices.Equal(said, step.said) || f.attached != step.attached || degraded != step.degraded {
			t.Errorf("%s: said %v, attached %d times, degraded %v", step.what, said, f.attached, degraded)
		}
	}
}
