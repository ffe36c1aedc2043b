// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/sensor/event"
)

// What begins by its name is learned; what was known by its build, or was adopted, says nothing new.
func TestWhatBeginsByItsNameIsLearned(t *testing.T) {
	var began []uint32
	next := &nowhere{}
	l := learner{next: next, began: func(pid uint32) { began = append(began, pid) }}
	for pid, cause := range []event.Cause{event.CauseExec, event.CauseAdopt, event.CauseSeed, event.CauseBuild} {
		l.Append(&event.Event{Kind: event.SessionStart, Cause: cause, Head: event.Head{PID: uint32(pid)}})
	}
	l.Append(&event.Event{Kind: event.Exec, Head: event.Head{PID: 9}})
	if !slices.Equal(began, []uint32{0, 2}) || next.events != 5 {
		t.Errorf("learned of %v, %d events handed on", began, next.events)
	}
}
