// SPDX-License-Identifier: Apache-2.0

// Both trees take the same steps, and every answer is held against the model and against the other tree's. Telling an actor
// what to do costs far more than doing it, so the model foresees some steps at a time; an actor stops where one goes
// otherwise, and the model goes on from there.

package model

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/enforce"
)

// Outcome is what came of a step.
type Outcome struct {
	Errno  syscall.Errno
	Signal syscall.Signal // that ended the program which was executed
	Seen   string         // what the call showed
}

// Succeeded reports whether the call did what it is for.
func (o Outcome) Succeeded() bool { return o.Errno == 0 && o.Signal == 0 }

func (o Outcome) String() string {
	switch {
	case o.Signal != 0:
		return "killed by " + unix.SignalName(o.Signal)
	case o.Errno != 0:
		return unix.ErrnoName(o.Errno)
	}
	return fmt.Sprintf("success %q", o.Seen)
}

// Order is a step, and how it should go.
type Order struct {
	Step     Step
	Succeeds bool
}

// Kernel is what is tested, with two trees and two actors in each.
type Kernel interface {
	// Begin makes the trees anew, brings every actor back to the host's view with nothing open, puts the policy in force
	// and takes all taints from the session.
	Begin(policy []string) (enforce.Table, error)
	// Do lets one actor of the tree Inside or Outside take steps up to the first that does not go as ordered, that one
	// included. Only the agent of the first tree is in a session.
	Do(tree string, orders []Order) []Outcome
	// Taints are those of the session.
	Taints() uint16
	// Entries lists a tree.
	Entries(tree string) []Entry
}

// Disagreement is a step whose answer the model does not explain.
type Disagreement struct {
	Step   Step
	Reason string
}

func (d *Disagreement) Error() string { return d.Step.String() + ": " + d.Reason }

// Next gives the next step, for the world as it will be then; ok is false at the end.
type Next func(*World) (s Step, ok bool)

// List gives the steps of a sequence.
func List(steps []Step) Next {
	return func(*World) (Step, bool) {
		if len(steps) == 0 {
			return Step{}, false
		}
		s := steps[0]
		steps = steps[1:]
		return s, true
	}
}

// Runner runs sequences on a kernel.
type Runner struct {
	Kernel  Kernel
	Aliases bool // the kernel judges objects by all of their names
	Tally   Tally

	judge Judge
	world *World
	taken []taken
	queue []Step // that were foreseen in vain
}

// taken is a step that was taken, and what it changed.
type taken struct {
	step   Step
	effect effect
}

type effect byte

const (
	nothing effect = iota
	half           // a file was made, and then the call was refused
	whole
)

// Run takes steps under a policy until there are no more, and gives those that it took. The error is a *Disagreement, or that
// of a policy that cannot be put in force.
func (r *Runner) Run(policy []string, next Next) (Sequence, error) {
	table, err := r.Kernel.Begin(policy)
	if err != nil {
		return Sequence{Policy: policy}, err
	}
	r.judge, r.world = Judge{Table: table, Aliases: r.Aliases}, NewWorld(Inside)
	r.taken, r.queue = nil, nil
	r.Tally.Sequences++
	err = r.all(next)
	s := Sequence{Policy: policy}
	for _, t := range r.taken {
		s.Steps = append(s.Steps, t.step)
	}
	return s, err
}

func (r *Runner) all(next Next) error {
	for {
		batch, err := r.foresee(next)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return r.settle()
		}
		if err := r.take(batch); err != nil {
			return err
		}
	}
}

// settle compares what is left at the end: both trees, the model's, the taints.
func (r *Runner) settle() error {
	if len(r.taken) == 0 {
		return nil
	}
	last := r.taken[len(r.taken)-1].step
	want := alike(r.world.Entries(), Inside)
	for _, tree := range []string{Inside, Outside} {
		if got := alike(r.Kernel.Entries(tree), tree); !slices.Equal(got, want) {
			return &Disagreement{last, fmt.Sprintf("at the end the tree %s is\n%v, by the model\n%v", tree, got, want)}
		}
	}
	if now := r.Kernel.Taints(); now != r.judge.Taints {
		return &Disagreement{last, fmt.Sprintf("at the end taints are %#x, by the model %#x", now, r.judge.Taints)}
	}
	return nil
}

// alike is a listing in which files that are called like the tree have the same name in both.
func alike(entries []Entry, tree string) []Entry {
	var all []Entry
	for _, e := range entries {
		all = append(all, Entry{Path: calledAlike(e.Path, tree), Kind: calledAlike(e.Kind, tree), Same: calledAlike(e.Same, tree)})
	}
	return all
}

// calledAlike is a path as a step has it.
func calledAlike(path, tree string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if p == tree {
			parts[i] = "@"
		}
	}
	return strings.Join(parts, "/")
}
