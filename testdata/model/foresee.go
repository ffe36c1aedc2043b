// SPDX-License-Identifier: Apache-2.0

// Steps that the model looks at before they are taken.

package model

// batchMost is how many steps are foreseen at most.
const batchMost = 16

// guess is a step as the model sees it before.
type guess struct {
	step    Step
	plan    plan
	verdict verdict
	taints  uint16 // of the session before
	effect  effect
}

// foresee takes the next steps of one actor, as if they went as the model thinks.
func (r *Runner) foresee(next Next) (batch []guess, err error) {
	for len(batch) < batchMost {
		s, ok := r.next(next)
		if !ok {
			break
		}
		if len(batch) > 0 && s.Who != batch[0].step.Who {
			r.queue = append([]Step{s}, r.queue...)
			break
		}
		g := r.guess(s)
		if g.plan.void {
			if err = r.leftOut(s); err != nil {
				break
			}
			continue
		}
		batch = append(batch, g)
		r.apply(g.plan, g.effect)
		if g.unclear() || g.effect == half {
			break
		}
		r.judge.Taints = g.verdict.marked
	}
	return batch, err
}

func (r *Runner) next(next Next) (Step, bool) {
	if len(r.queue) == 0 {
		return next(r.world)
	}
	s := r.queue[0]
	r.queue = r.queue[1:]
	return s, true
}

func (r *Runner) leftOut(s Step) error {
	r.Tally.Void++
	if s.Want != "" {
		return &Disagreement{s, "it means nothing, but something is wanted of it"}
	}
	return nil
}

func (r *Runner) guess(s Step) guess {
	g := guess{step: s, plan: r.world.plan(s), taints: r.judge.Taints}
	g.verdict = verdict{refused: -1, marked: g.taints, always: g.taints}
	if s.Who == Agent && g.plan.fails == 0 {
		g.verdict = r.judge.verdict(r.world, g.plan)
	}
	switch {
	case g.refused() && g.plan.first > 0 && g.verdict.refused >= g.plan.first:
		g.effect = half
	case !g.refused() && g.plan.fails == 0 && g.plan.late == 0:
		g.effect = whole
	}
	return g
}

func (g guess) refused() bool { return g.verdict.refused >= 0 }

// unclear reports whether the session's taints after the step have to be asked for: a call that fails may have marked, and which
// names are asked about first may tell what marks.
func (g guess) unclear() bool {
	v := g.verdict
	return v.unsure || v.always != v.marked || g.effect != whole && v.marked != g.taints
}

func (r *Runner) apply(p plan, e effect) {
	switch e {
	case half:
		p.made()
	case whole:
		p.done()
	}
}

// again makes the world of what was taken, where something went otherwise than it was foreseen.
func (r *Runner) again() {
	r.world = NewWorld(Inside)
	for _, t := range r.taken {
		if t.effect != nothing {
			r.apply(r.world.plan(t.step), t.effect)
		}
	}
}
