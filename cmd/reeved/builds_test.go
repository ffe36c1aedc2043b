// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/cmd/internal/site"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// What begins by its name is learned; what was known by its build, or was adopted, says nothing new.
func TestWhatBeginsByItsNameIsLearned(t *testing.T) {
	var began []uint32
	next := &nowhere{}
	l := learner{next: next, began: func(pid uint32) { began = append(began, pid) }}
	for pid, cause := range []event.Cause{event.CauseExec, event.CauseAdopt, event.CauseSeed, event.CauseBuild} {
		l.Append(&event.Event{Kind: event.SessionStart, Cause: cause, Head: event.Head{PID: uint32(pid)}})
	}
	l.Append(&event.Event{Kind: event.SessionStart, Cause: event.CauseExec, Again: true, Head: event.Head{PID: 8}}) // somebody else now
	l.Append(&event.Event{Kind: event.Exec, Head: event.Head{PID: 9}})
	if !slices.Equal(began, []uint32{0, 2}) || next.events != 6 {
		t.Errorf("learned of %v, %d events handed on", began, next.events)
	}
}

// Which agent a file is, is the policy's word, as the kernel has it.
func TestAgentAtIsThePolicys(t *testing.T) {
	p, _ := inForce(t)
	d := &daemon{policies: p}
	for path, want := range map[string]uint32{
		"/opt/x/node_modules/@openai/codex/vendor/x86_64-unknown-linux-musl/bin/codex": 3,
		"/usr/bin/bash": 0, "/usr/bin/node": 0, "/usr/bin/claude": 0, "": 0,
	} {
		if id := d.agentAt(path); id != want {
			t.Errorf("%s: agent %d, want %d", path, id, want)
		}
	}
	if id := (&daemon{policies: newPolicies(site.Config{}, &inventory.Catalogue{})}).agentAt("/usr/bin/bash"); id != 0 {
		t.Errorf("without a policy: agent %d", id)
	}
}
