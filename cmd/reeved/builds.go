// SPDX-License-Identifier: Apache-2.0

// This file wires what native agents are known by beside their names: learned from what is installed and from what begins.

package main

import (
	"log/slog"

	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/builds"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// buildsKeeper knows what earlier daemons learned.
func (d *daemon) buildsKeeper(log *slog.Logger) *builds.Keeper {
	k, err := builds.New(builds.Options{Catalogue: d.agents, State: d.config.State, Agent: d.agentAt, Log: log})
	if err != nil {
		log.Error("which builds agents had is not known: they are learned anew", "problem", err)
	}
	return k
}

// agentAt is the agent that a path is to the policy in force, as the kernel would have it.
func (d *daemon) agentAt(path string) uint32 {
	l := d.policies.now()
	if l == nil {
		return 0
	}
	table := l.image.Oracle()
	id, _ := table.AgentOf([]byte(path))
	return id
}

// learner is the sink that tells the keeper which programs begin sessions by their names.
type learner struct {
	next  sensor.Sink
	began func(pid uint32)
}

// Append tells, and does not wait. By the time that something is read again, its process may be another one.
func (l *learner) Append(e *event.Event) {
	if e.Kind == event.SessionStart && !e.Again && (e.Cause == event.CauseExec || e.Cause == event.CauseSeed) {
		l.began(e.Head.PID)
	}
	l.next.Append(e)
}
