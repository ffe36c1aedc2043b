// SPDX-License-Identifier: Apache-2.0

// This file takes back a change of policy that nobody confirms, also where the daemon or the machine ended meanwhile: what
// was in force before is kept as texts, before the change takes effect.

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor/api"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// trialFile is the trial's name in the state folder.
const trialFile = "unconfirmed.json"

// trial is a change of policy that waits to be confirmed, or that was taken back while the configuration still asks for it.
type trial struct {
	Boot       string           `json:"boot"`
	Deadline   uint64           `json:"deadline"` // since boot, ns
	By         *event.Actor     `json:"by,omitempty"`
	Configured bool             `json:"configured"` // the change is what the configuration named
	TakenBack  bool             `json:"taken_back"`
	Before     []enforce.Source `json:"before"`
	Next       []enforce.Source `json:"next"`
}

// choice is which policy a starting daemon puts into force.
type choice int

const (
	chooseConfigured choice = iota // the trial means nothing any more
	chooseNext                     // it is still to be confirmed
	chooseBefore                   // it was not confirmed
	chooseAgain                    // it was taken back, and the configuration was not changed since
)

// choose decides at the start. Another boot's trial cannot be confirmed: the machine went down with it.
func (t *trial) choose(c clock, configured []enforce.Source) choice {
	switch {
	case t.TakenBack && slices.Equal(configured, t.Next):
		return chooseAgain
	case t.TakenBack:
		return chooseConfigured
	case t.Boot != c.boot || c.now() >= t.Deadline:
		return chooseBefore
	}
	return chooseNext
}

const takenBack = "a policy was not confirmed in time and was taken back"

// first is the policy to begin with: what is configured, unless a trial says otherwise.
func (p *policies) first(configured *live) *live {
	t := &trial{}
	found, err := kept(p.config.State, trialFile, t)
	if err != nil {
		p.notices.tell(event.Said{Name: event.PolicyRefused, Severity: "high", Message: "what an unconfirmed policy replaced cannot be told: " + err.Error()})
	}
	if !found {
		return configured
	}
	c := t.choose(p.clock, configured.policy.Sources)
	p.begun = &begun{t, c}
	if c == chooseConfigured {
		return configured
	}
	l, ps := p.recall(map[choice][]enforce.Source{chooseNext: t.Next, chooseBefore: t.Before, chooseAgain: t.Before}[c])
	if l == nil {
		p.begun = nil // the file stays, for who looks into it
		p.lost(t, ps)
		return configured
	}
	return l
}

func (p *policies) lost(t *trial, ps enforce.Problems) {
	p.notices.tell(event.Said{Name: event.PolicyRefused, Severity: "high", By: t.By,
		Message: "what an unconfirmed policy replaced is no policy any more: " + ps.Errors().Error()})
}

// begun is the trial that a starting daemon found, and what came of it.
type begun struct {
	trial  *trial
	choice choice
}

// recall makes a policy of what an earlier one was read from.
func (p *policies) recall(sources []enforce.Source) (*live, enforce.Problems) {
	policy, ps := p.config.ParseSources(sources, p.agents)
	if policy == nil {
		return nil, ps
	}
	return p.compiled(policy, names(sources), ps)
}

func names(sources []enforce.Source) []string {
	var out []string
	for _, s := range sources {
		out = append(out, s.Name)
	}
	return out
}

// resume goes on with the trial that was found, once the first policy is in force.
func (p *policies) resume() {
	p.change.Lock()
	defer p.change.Unlock()
	if p.begun == nil {
		return
	}
	t, c := p.begun.trial, p.begun.choice
	p.begun = nil
	switch c {
	case chooseConfigured:
		p.note(p.keepTrial(nil))
	case chooseAgain:
		p.blame(takenBack)
	case chooseBefore:
		p.leave(t)
	case chooseNext:
		before, ps := p.recall(t.Before)
		if before == nil {
			p.lost(t, ps)
			return
		}
		p.arm(before, t)
	}
}

// try brings a policy into force, for good or until it is confirmed. What a trial would bring back is kept first; a trial
// that is replaced by another hands on what was confirmed last.
func (p *policies) try(l *live, configured bool, confirmWithin time.Duration, by *event.Actor) error {
	p.mu.Lock()
	before, running := p.before, p.trial
	p.mu.Unlock()
	if before == nil {
		before = p.now()
	}
	var next *trial
	if confirmWithin > 0 && before != nil {
		next = &trial{
			Boot: p.clock.boot, Deadline: p.clock.now() + uint64(confirmWithin), By: by, Configured: configured,
			Before: before.policy.Sources, Next: l.policy.Sources,
		}
		if err := p.keepTrial(next); err != nil {
			return err
		}
	}
	err := p.swap(l)
	if p.now() != l {
		return errors.Join(err, p.keepTrial(running))
	}
	p.disarm()
	if next != nil {
		p.arm(before, next)
		return err
	}
	return errors.Join(err, p.keepTrial(nil))
}

// keepTrial makes the file what is to be found after a restart.
func (p *policies) keepTrial(t *trial) error {
	if t == nil {
		return drop(p.config.State, trialFile)
	}
	return keep(p.config.State, trialFile, t)
}

// Confirm keeps a change for good. It reports whether one waited.
func (p *policies) Confirm(ctx context.Context) bool {
	p.change.Lock()
	defer p.change.Unlock()
	if p.disarm() == nil {
		return false
	}
	p.note(p.keepTrial(nil))
	p.notices.tell(event.Said{Name: event.PolicyConfirmed, By: api.ActorOf(ctx), Message: fmt.Sprintf("policy generation %d is confirmed", p.Summary().Generation)})
	return true
}

// arm takes a change back at its deadline.
func (p *policies) arm(before *live, t *trial) {
	left := max(1, time.Duration(int64(t.Deadline-p.clock.now())))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.trial = before, t
	p.undo = time.AfterFunc(left, func() { p.rollBack(before) })
}

// disarm ends the trial in force, if any, and gives what it would have brought back.
func (p *policies) disarm() *live {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.undo != nil {
		p.undo.Stop()
	}
	before := p.before
	p.before, p.undo, p.trial = nil, nil, nil
	return before
}

// rollBack brings back what an unconfirmed change replaced, under a generation of its own.
func (p *policies) rollBack(old *live) {
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	t, waiting := p.trial, p.before == old
	p.mu.Unlock()
	if !waiting {
		return
	}
	p.disarm()
	l, err := p.compile(old.policy, old.files)
	if err == nil {
		err = p.swap(l)
	}
	if err != nil {
		p.blame(fmt.Sprintf("a policy was not confirmed in time, and the one before cannot be applied: %v", err))
		p.notices.tell(event.Said{Name: event.PolicyRolledBack, Severity: "critical", By: t.By, Message: p.Summary().Fault})
		return // the file stays: the next start tries again
	}
	p.leave(t)
}

// leave remembers a change that was taken back for as long as the configuration asks for it: a restart must not bring back
// what nobody confirmed.
func (p *policies) leave(t *trial) {
	p.blame(takenBack)
	p.notices.tell(event.Said{Name: event.PolicyRolledBack, By: t.By, Message: fmt.Sprintf("%s: generation %d has what was in force before", takenBack, p.Summary().Generation)})
	t.TakenBack = true
	if t.Configured {
		p.note(p.keepTrial(t))
		return
	}
	p.note(p.keepTrial(nil))
}

// blame says in status why the policy is not the one that was asked for.
func (p *policies) blame(fault string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// note tells of a file that could not be written: what is in force is right, what a restart finds may not be.
func (p *policies) note(err error) {
	if err != nil {
		p.notices.tell(event.Said{Name: event.PolicyRefused, Severity: "high", Message: "a restart may bring back another policy: " + err.Error()})
	}
}
