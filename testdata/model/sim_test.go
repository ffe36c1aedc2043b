// SPDX-License-Identifier: Apache-2.0

package model

// A kernel that is played: two worlds and the oracle, right or with a fault in it.

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/enforce"
)

// sim is a Kernel.
type sim struct {
	worlds map[string]*World
	judge  Judge
	fault  fault
	labels map[*name]*name // for a fault that keeps names
}

// fault changes what the kernel asks of policy.
type fault struct {
	checks func(k *sim, a *actor, s Step, checks []check) []check

	bystanders, loseMarks, oneName bool
}

func (k *sim) Begin(policy []string) (enforce.Table, error) {
	im, err := Compile(policy, 1)
	if err != nil {
		return enforce.Table{}, err
	}
	k.worlds = map[string]*World{Inside: NewWorld(Inside), Outside: NewWorld(Outside)}
	k.judge = Judge{Table: im.Oracle(), Aliases: !k.fault.oneName}
	k.labels = map[*name]*name{}
	return im.Oracle(), nil
}

func (k *sim) Do(tree string, orders []Order) []Outcome {
	var all []Outcome
	for _, o := range orders {
		out := k.do(tree, o.Step)
		all = append(all, out)
		if out.Succeeded() != o.Succeeds {
			break
		}
	}
	return all
}

func (k *sim) do(tree string, s Step) Outcome {
	w := k.worlds[tree]
	p := w.plan(s)
	if p.void {
		panic("a void step reached the kernel")
	}
	if p.fails != 0 {
		return Outcome{Errno: p.fails}
	}
	if tree == Inside && (s.Who == Agent || k.fault.bystanders) {
		if out, refused := k.ask(w, s, p); refused {
			return out
		}
	}
	if p.late != 0 {
		return Outcome{Errno: p.late}
	}
	p.done()
	return Outcome{}
}

func (k *sim) ask(w *World, s Step, p plan) (Outcome, bool) {
	checks := p.checks
	if k.fault.checks != nil {
		checks = k.fault.checks(k, w.actors[s.Who], s, slices.Clone(checks))
	}
	v := k.judge.verdict(w, plan{checks: checks})
	if !k.fault.loseMarks {
		k.judge.Taints = v.marked
	}
	if v.refused < 0 {
		return Outcome{}, false
	}
	if p.first > 0 && v.refused >= p.first {
		p.made()
	}
	errno := checks[v.refused].errno
	if errno == 0 {
		return Outcome{Signal: unix.SIGSEGV}, true
	}
	return Outcome{Errno: errno}, true
}

func (k *sim) Taints() uint16 { return k.judge.Taints }

func (k *sim) Entries(tree string) []Entry { return k.worlds[tree].Entries() }

// without leaves checks out.
func without(drop func(a *actor, s Step, c check) bool) func(*sim, *actor, Step, []check) []check {
	return func(_ *sim, a *actor, s Step, checks []check) []check {
		return slices.DeleteFunc(checks, func(c check) bool { return drop(a, s, c) })
	}
}

// faults are mistakes that a sensor could make.
var faults = map[string]fault{
	"bystanders-are-judged":      {bystanders: true},
	"reading-does-not-mark":      {loseMarks: true},
	"one-name-of-many-is-judged": {oneName: true},
	"what-is-unlinked-is-free":   {checks: without(func(_ *actor, _ Step, c check) bool { return c.on.gone && c.on.base != unnamed })},
	"O_TMPFILE-is-free":          {checks: without(func(_ *actor, _ Step, c check) bool { return c.on.base == unnamed })},
	"a-link-is-no-move":          {checks: without(func(_ *actor, s Step, c check) bool { return s.Do == "link" && c.to != nil })},
	"a-folder-moves-freely":      {checks: without(func(_ *actor, _ Step, c check) bool { return c.to != nil && c.on.node.kind == folder })},
	"a-new-root-is-free":         {checks: without(func(a *actor, _ Step, _ check) bool { return a.chroot })},
	"foreign-files-are-free":     {checks: without(func(_ *actor, _ Step, c check) bool { return !rootOf(c.on).node.system.host })},
	"attributes-are-free":        {checks: without(func(_ *actor, _ Step, c check) bool { return slices.Contains(c.ops, enforce.OpFileAttr) })},
	"mapping-is-free":            {checks: without(func(_ *actor, _ Step, c check) bool { return slices.Contains(c.ops, enforce.OpExecMap) })},
	"scripts-are-their-programs": {checks: without(func(_ *actor, s Step, c check) bool { return s.Do == "exec" && c.on.node.content == script })},
	"the-new-name-is-free":       {checks: without(func(_ *actor, s Step, c check) bool { return s.Do == "rename" && len(c.ops) == 2 })},
	"descriptors-lead-past":      {checks: without(func(_ *actor, s Step, _ check) bool { return s.Path.Slot > 0 && !s.Path.Magic })},
	"proc-leads-past":            {checks: without(func(_ *actor, s Step, _ check) bool { return s.Path.Magic })},
	"truncating-is-reading":      {checks: func(_ *sim, _ *actor, s Step, c []check) []check { return asReading(s, c) }},
	"an-exchange-goes-one-way":   {checks: func(_ *sim, _ *actor, s Step, c []check) []check { return firstWay(s, c) }},
	"making-is-writing":          {checks: func(_ *sim, _ *actor, _ Step, c []check) []check { return onlyWriting(c) }},
	"labels-outlive-names":       {checks: func(k *sim, _ *actor, _ Step, c []check) []check { return k.asFirstCalled(c) }},
	"another-mount-another-name": {checks: func(_ *sim, a *actor, s Step, c []check) []check { return notMounted(a, s, c) }},
}

func asReading(s Step, checks []check) []check {
	if s.Do == "open" && s.Flags&unix.O_ACCMODE == unix.O_RDONLY && s.Flags&unix.O_TRUNC != 0 {
		last := &checks[len(checks)-1]
		last.ops = readOps
	}
	return checks
}

func firstWay(s Step, checks []check) []check {
	if s.Do == "exchange" {
		return checks[:min(len(checks), 3)]
	}
	return checks
}

func onlyWriting(checks []check) []check {
	for i, c := range checks {
		if len(c.ops) == 2 && c.ops[0] == enforce.OpFileCreate {
			checks[i].ops = writtenOps
		}
	}
	return checks
}

// asFirstCalled judges what was judged once by what it was called then.
func (k *sim) asFirstCalled(checks []check) []check {
	for i, c := range checks {
		if c.on.node == nil || c.to != nil {
			continue
		}
		if k.labels[c.on] == nil {
			was := *c.on
			was.parent = frozen(c.on.parent)
			k.labels[c.on] = &was
		}
		checks[i].on = k.labels[c.on]
	}
	return checks
}

func frozen(n *name) *name {
	if n == nil {
		return nil
	}
	was := *n
	was.parent = frozen(n.parent)
	return &was
}

// notMounted asks nothing about what was reached by a mount of the actor's own.
func notMounted(a *actor, s Step, checks []check) []check {
	if a.private && s.Path.Slot == 0 && len(checks) > 0 && !checks[0].on.gone && a.root.mount.parent == nil {
		if text, view := checks[0].on.hostName(); view == enforce.ViewHost && s.Path.Rel != "" && Home+"/"+Inside+"/"+s.Path.Rel != text {
			return nil
		}
	}
	return checks
}
