// SPDX-License-Identifier: Apache-2.0

package live

// Kinds of answers, and how often each was asked for: none may be rare, or that kernel and oracle agree says little of it.

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
)

// kind is an answer: what is done, and on what account.
type kind struct {
	action enforce.Action
	by     account
}

type account string

const (
	refusal   account = "refused"
	byRule    account = "passed by a rule"
	byDefault account = "passed by default"
	unheld    account = "passed by who is only observed, where it would be refused"
)

func (k kind) String() string { return k.action.String() + ", " + string(k.by) }

// kindOf asks for the rule only where something passes, and where there can be one.
func (n *numbered) kindOf(s enforce.Subject, op enforce.Op, v enforce.View, text string, action enforce.Action) kind {
	switch {
	case action.Refuses():
		return kind{action, refusal}
	case v == enforce.ViewHost && n.image.Attribute(s, op, v, []byte(text), action) != nil:
		return kind{action, byRule}
	}
	return kind{action, byDefault}
}

// decision is a question to a policy, with the oracle's answer.
type decision struct {
	subject enforce.Subject
	op      enforce.Op
	view    enforce.View
	text    string
	want    enforce.Verdict
	kind    kind
}

func (q decision) kindOf() kind { return q.kind }

// questionsOfPolicy is how many of them are asked of one policy: some thousand cases are of many policies.
const questionsOfPolicy = 500

// questions are all that a case has, in random order.
func (n *numbered) questions(r *rand.Rand) (all []decision) {
	for _, s := range n.subjects {
		for _, o := range n.objects {
			op, ok := enforce.ParseOp(o.Op)
			if !ok || !op.Compiled() {
				continue
			}
			q := decision{subject: s, op: op, view: viewOf(o.View), text: o.Text}
			q.want = n.oracle.Decide(s, op, q.view, []byte(o.Text))
			q.kind = n.kindOf(s, op, q.view, o.Text, q.want.Action)
			all = append(all, q)
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// tally counts what was asked, by kind.
type tally map[kind]int

func (c tally) total() int { return c.of(func(kind) bool { return true }) }

// much is how much was asked of a kind. Half as often as the others is enough for who is only observed: no share hangs on it.
func (c tally) much(k kind) int {
	if k.by == unheld {
		return 2 * c[k]
	}
	return c[k]
}

func (c tally) of(is func(kind) bool) (n int) {
	for k, count := range c {
		if is(k) {
			n += count
		}
	}
	return n
}

// check fails the test where of refusals, passes by a rule and passes by default one is under a fifth of all, or one of the five
// actions under a twentieth.
func (c tally) check(t *testing.T) {
	t.Helper()
	for _, k := range slices.SortedFunc(maps.Keys(c), func(a, b kind) int { return int(a.action) - int(b.action) }) {
		t.Logf("%d of %s", c[k], k)
	}
	for _, by := range []account{refusal, byRule, byDefault} {
		if n := c.of(func(k kind) bool { return k.by == by }); 5*n < c.total() {
			t.Errorf("%d of %d cases are %s: under a fifth", n, c.total(), by)
		}
	}
	for action := enforce.Kill; action <= enforce.Allow; action++ {
		if n := c.of(func(k kind) bool { return k.action == action && k.by != unheld }); 20*n < c.total() {
			t.Errorf("%d of %d cases are %s: under a twentieth", n, c.total(), action)
		}
	}
}
