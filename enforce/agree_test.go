// SPDX-License-Identifier: Apache-2.0

// The explanation and the oracle are two roads to one verdict: rule by rule with the plain matcher, and by groups, rows
// and automata. Here they meet on random policies; faults planted in the table must show.

package enforce_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/enforce/policytest"
)

var views = map[string]enforce.View{"host": enforce.ViewHost, "foreign": enforce.ViewForeign, "nameless": enforce.ViewNameless}

// kinds counts verdicts by how they came about.
type kinds struct {
	refused, passed, byDefault int
	actions                    [5]int
}

func compile(t testing.TB, c policytest.Case) (*enforce.Policy, *enforce.Image) {
	t.Helper()
	p, err := enforce.Parse(c.Files, enforce.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, c.Files)
	}
	im, err := enforce.Compile(p, nil, 1, enforce.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, c.Files)
	}
	return p, im
}

func subjectOf(p *enforce.Policy, im *enforce.Image, s policytest.Subject) enforce.Subject {
	out := enforce.Subject{}
	out.Role, _ = im.RoleIndex(s.Role)
	out.Principal, _ = im.PrincipalIndex(s.Principal)
	if s.Unpinned {
		out.Principal |= enforce.Unpinned
	}
	for _, name := range s.Taints {
		if bit, ok := im.TaintIndex(name); ok {
			out.Taints |= 1 << bit
		}
	}
	return out
}

// disagreements asks both about everything in a case.
func disagreements(c policytest.Case, p *enforce.Policy, im *enforce.Image, t enforce.Table, k *kinds) []string {
	var wrong []string
	for _, s := range c.Subjects {
		subject := subjectOf(p, im, s)
		for _, o := range c.Objects {
			op, _ := enforce.ParseOp(o.Op)
			why := enforce.Explain(p, enforce.Query{Role: s.Role, Principal: s.Principal, Unpinned: s.Unpinned, Taints: s.Taints, Op: op, View: views[o.View], Object: o.Text})
			verdict := t.Decide(subject, op, views[o.View], []byte(o.Text))
			k.actions[why.Action]++
			switch {
			case why.Rule == nil:
				k.byDefault++
			case why.Action.Refuses():
				k.refused++
			default:
				k.passed++
			}
			if verdict.Action != why.Action {
				wrong = append(wrong, fmt.Sprintf("%v %v: oracle %s, explanation %s", s, o, verdict.Action, why.Line()))
			}
		}
	}
	return wrong
}

func TestExplanationAndOracleAgree(t *testing.T) {
	var k kinds
	for seed := range uint64(20) {
		c := policytest.Random(rand.New(rand.NewPCG(seed, 1)))
		p, im := compile(t, c)
		if wrong := disagreements(c, p, im, im.Oracle(), &k); len(wrong) > 0 {
			t.Fatalf("seed %d: %d disagreements, first %s\n%s", seed, len(wrong), wrong[0], c.Files)
		}
	}
	total := k.refused + k.passed + k.byDefault
	for name, n := range map[string]int{"refused": k.refused, "passed by rule": k.passed, "default": k.byDefault} {
		if n*5 < total {
			t.Errorf("only %d of %d verdicts are %s: the generator misses its aim", n, total, name)
		}
	}
	for a, n := range k.actions {
		if n*20 < total {
			t.Errorf("only %d of %d verdicts are %s", n, total, enforce.Action(a))
		}
	}
	t.Logf("%d verdicts: %+v", total, k)
}

// A comparison that cannot fail proves nothing.
func TestPlantedFaultsAreFound(t *testing.T) {
	for name, plant := range map[string]func(im *enforce.Image, blob []byte){
		"taints-are-ignored": func(im *enforce.Image, blob []byte) {
			eachIndex(im, blob, func(_, _, slot int, at int) {
				if slot > 0 {
					binary.LittleEndian.PutUint16(blob[at:], 0)
				}
			})
		},
		"principals-are-ignored": func(im *enforce.Image, blob []byte) {
			eachIndex(im, blob, func(_, principal, _ int, at int) {
				if principal > 0 {
					binary.LittleEndian.PutUint16(blob[at:], 0)
				}
			})
		},
		"one-role-has-anothers-rows": func(im *enforce.Image, blob []byte) {
			stride := len(im.Principals) * (len(im.Taints) + 1) * 2
			eachIndex(im, blob, func(role, _, _ int, at int) {
				if role == 1 {
					copy(blob[at:at+2], blob[at+stride:])
				}
			})
		},
		"defaults-are-off-by-one": func(_ *enforce.Image, blob []byte) {
			at := binary.LittleEndian.Uint32(blob[enforce.HeaderOffsets:])
			copy(blob[at+8:at+8+47], blob[at+9:])
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(40) {
				c := policytest.Random(rand.New(rand.NewPCG(seed, 1)))
				p, im := compile(t, c)
				blob := append([]byte(nil), im.Table...)
				plant(im, blob)
				table, err := enforce.OpenTable(blob)
				if err != nil {
					t.Fatal(err)
				}
				if len(disagreements(c, p, im, table, &kinds{})) > 0 {
					return
				}
			}
			t.Error("40 policies, and nobody noticed")
		})
	}
}

// eachIndex visits the row index of a table.
func eachIndex(im *enforce.Image, blob []byte, visit func(role, principal, slot, at int)) {
	at := int(binary.LittleEndian.Uint32(blob[enforce.HeaderOffsets+4:]))
	for role := range im.Roles {
		for principal := range im.Principals {
			for slot := range len(im.Taints) + 1 {
				visit(role, principal, slot, at)
				at += 2
			}
		}
	}
}

func TestAttributeNamesTheRuleThatExplains(t *testing.T) {
	for seed := range uint64(8) {
		c := policytest.Random(rand.New(rand.NewPCG(seed, 2)))
		p, im := compile(t, c)
		for _, s := range c.Subjects {
			for _, o := range c.Objects {
				op, _ := enforce.ParseOp(o.Op)
				q := enforce.Query{Role: s.Role, Principal: s.Principal, Unpinned: s.Unpinned, Taints: s.Taints, Op: op, View: views[o.View], Object: o.Text}
				why := enforce.Explain(p, q)
				if got := p.Attribute(q, why.Action); got != why.Rule {
					t.Fatalf("%v %v: attributed to %v, explained by %v", s, o, got, why.Rule)
				}
				if got := im.Attribute(subjectOf(p, im, s), op, q.View, []byte(o.Text), why.Action); got != why.Rule {
					t.Fatalf("%v %v: the image names %v, explained by %v", s, o, got, why.Rule)
				}
			}
		}
	}
}

func FuzzAgree(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		c := policytest.Random(rand.New(rand.NewPCG(seed, 3)))
		p, im := compile(t, c)
		if wrong := disagreements(c, p, im, im.Oracle(), &kinds{}); len(wrong) > 0 {
			t.Fatalf("seed %d: %s\n%s", seed, wrong[0], c.Files)
		}
	})
}
