// SPDX-License-Identifier: Apache-2.0

// Steps that are taken, and what is said of their answers.

package model

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// take lets the agent's tree take what was foreseen, and then the other one.
func (r *Runner) take(batch []guess) error {
	orders := make([]Order, len(batch))
	for i, g := range batch {
		orders[i] = Order{g.step, g.effect == whole}
	}
	got := r.Kernel.Do(Inside, orders)
	other := r.elsewhere(batch, got)
	for i, o := range got {
		e, reason := batch[i].judge(o, other[i])
		if reason != "" {
			return r.disagree(batch[i], reason)
		}
		r.count(batch[i], o)
		r.taken = append(r.taken, taken{batch[i].step, e})
		if e != batch[i].effect || i == len(got)-1 {
			return r.goOn(batch, i, e)
		}
	}
	return nil
}

// elsewhere takes the same steps in the other tree, without those that were refused. Of a call that was refused when it had
// made a file, the file is made. Where a step is missing at the end, one before it went otherwise.
func (r *Runner) elsewhere(batch []guess, got []Outcome) []Outcome {
	var orders []Order
	var of []int
	for i, o := range got {
		s := batch[i].step
		switch {
		case !batch[i].refusedBy(o):
			orders = append(orders, Order{s, o.Succeeded()})
		case batch[i].effect == half:
			orders = append(orders, Order{Step{Who: s.Who, Do: "open", Flags: unix.O_WRONLY | unix.O_CREAT, Path: s.Path}, true})
		default:
			continue
		}
		of = append(of, i)
	}
	outcomes := make([]Outcome, len(got))
	if len(orders) > 0 {
		for i, o := range r.Kernel.Do(Outside, orders) {
			outcomes[of[i]] = o
		}
	}
	return outcomes
}

// refusedBy reports whether a call ended as one that policy stops at the check that refuses.
func (g guess) refusedBy(o Outcome) bool {
	if !g.refused() {
		return false
	}
	errno := g.plan.checks[g.verdict.refused].errno
	return o.Errno == errno && (errno != 0 || o.Signal != 0)
}

// judge says what a step changed, or what is wrong with its outcome. Without a refusal, both trees have to fare alike.
func (g guess) judge(o, other Outcome) (effect, string) {
	switch {
	case g.refusedBy(o) && g.effect == half && !other.Succeeded():
		return nothing, fmt.Sprintf("refused after the file was made, which elsewhere ends with %s", other)
	case g.refusedBy(o):
		return g.effect, g.wanted("refused")
	case o != other:
		return nothing, fmt.Sprintf("%s, where elsewhere it is %s", o, other)
	case !o.Succeeded():
		return nothing, g.wanted(o.String())
	case g.refused() && !g.verdict.unsure:
		return nothing, "it succeeds"
	case g.plan.fails != 0 || g.plan.late != 0:
		return nothing, fmt.Sprintf("it succeeds, by the model it ends with %s", unix.ErrnoName(g.plan.fails+g.plan.late))
	}
	return whole, g.wanted("ok")
}

func (g guess) wanted(is string) string {
	if g.step.Want == "" || g.step.Want == is {
		return ""
	}
	return fmt.Sprintf("it is %s, wanted %s", is, g.step.Want)
}

// goOn puts the model where the kernel is, after the last step that was taken of a batch.
func (r *Runner) goOn(batch []guess, last int, e effect) error {
	g := batch[last]
	if e != g.effect || last < len(batch)-1 {
		var later []Step
		for _, g := range batch[last+1:] {
			later = append(later, g.step)
		}
		r.queue = append(later, r.queue...)
		r.again()
	}
	r.judge.Taints = g.taints
	if g.verdict.marked == g.taints && g.taints == batch[0].taints {
		return nil
	}
	now := r.Kernel.Taints()
	r.judge.Taints = now
	least, most := g.taints, g.verdict.marked
	if e == whole {
		least = g.verdict.always
	}
	if now&^most != 0 || least&^now != 0 {
		return &Disagreement{g.step, fmt.Sprintf("taints are %#x; by the model they were %#x and are %#x at most", now, g.taints, most)}
	}
	return nil
}

func (r *Runner) count(g guess, o Outcome) {
	c := r.Tally.of(g.step.Do)
	switch {
	case g.refusedBy(o):
		c.Refused++
	case o.Succeeded():
		c.Let++
	default:
		c.Failed++
	}
}

// disagree tells what the model thinks of a step, in the world before it.
func (r *Runner) disagree(g guess, reason string) error {
	r.again()
	r.judge.Taints = g.taints
	now := r.guess(g.step)
	r.taken = append(r.taken, taken{step: g.step})
	return &Disagreement{g.step, reason + "; " + now.explain()}
}

func (g guess) explain() string {
	if !g.refused() {
		return "by the model policy lets it pass"
	}
	c := g.plan.checks[g.verdict.refused]
	text, view := c.on.hostName()
	if c.to != nil {
		to, _ := c.to.hostName()
		return fmt.Sprintf("by the model policy refuses to move %s to %s", text, to)
	}
	return fmt.Sprintf("by the model policy refuses %v on %s (%s)", c.ops, text, view)
}
