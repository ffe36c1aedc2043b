// SPDX-License-Identifier: Apache-2.0

package model

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/testdata/model/step"
)

func generator(seed uint64) *Generator { return &Generator{R: rand.New(rand.NewPCG(seed, 1))} }

// hunt runs random sequences on a kernel until one disagrees.
func hunt(t *testing.T, r *Runner, sequences int) (Sequence, *Disagreement) {
	t.Helper()
	g := generator(1)
	for range sequences {
		s, err := r.Run(g.Policy(), g.Sequence(40))
		if d, ok := errors.AsType[*Disagreement](err); ok {
			return s, d
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return Sequence{}, nil
}

func TestEveryCallHasItsWords(t *testing.T) {
	if known := step.Calls(); !slices.Equal(known, Calls()) {
		t.Errorf("words are of %v, plans of %v", known, Calls())
	}
}

func TestModelAgreesWithAKernelWithoutFault(t *testing.T) {
	r := &Runner{Kernel: &sim{}, Aliases: true}
	if s, d := hunt(t, r, 500); d != nil {
		t.Fatalf("%v\n%s", d, s)
	}
	all := r.Tally.All()
	t.Logf("%+v, %d void", all, r.Tally.Void)
	if 10*all.Refused < all.Steps || 5*all.Let < all.Steps {
		t.Errorf("one kind of answer is rare: %+v", all)
	}
	for _, do := range Calls() {
		c := r.Tally.Calls[do]
		if c == nil || c.Let == 0 || Judged(do) && c.Refused == 0 {
			t.Errorf("%s: %+v", do, c)
		}
	}
}

// Without it the agreement with the kernel says nothing.
func TestPlantedFaultIsFoundAndShrunk(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, d := hunt(t, &Runner{Kernel: &sim{fault: f}, Aliases: true}, 2000)
			if d == nil {
				t.Fatal("the fault was not found")
			}
			small := Shrink(s, 2000, func(s Sequence) bool {
				_, err := (&Runner{Kernel: &sim{fault: f}, Aliases: true}).Run(s.Policy, List(s.Steps))
				_, ok := errors.AsType[*Disagreement](err)
				return ok
			})
			t.Logf("%v\n%s", d, small)
			if len(small.Steps) > 6 || len(small.Policy) > 4 {
				t.Errorf("%d steps and %d tables are left", len(small.Steps), len(small.Policy))
			}
		})
	}
}

func TestSeedsHoldAndCoverEachCall(t *testing.T) {
	all, err := Seeds()
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Kernel: &sim{}, Aliases: true}
	for name, s := range all {
		if _, err := r.Run(s.Policy, List(s.Steps)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, do := range Calls() {
		c := r.Tally.Calls[do]
		if c == nil || c.Let == 0 || Judged(do) && c.Refused == 0 {
			t.Errorf("no seed has %s with each answer: %+v", do, c)
		}
	}
}

func TestSequencesAreReadAsTheyWereWritten(t *testing.T) {
	r := &Runner{Kernel: &sim{}, Aliases: true}
	g := generator(2)
	for range 100 {
		s, err := r.Run(g.Policy(), g.Sequence(40))
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(s.String())
		if err != nil {
			t.Fatal(err)
		}
		if again.String() != s.String() {
			t.Fatalf("%s\nis read as\n%s", s, again)
		}
	}
}

// A file that is called like its tree, as a step with "@" makes one, has another name in the other tree. On the trees of one kernel
// that looked like a refusal that was forgotten.
func TestNoStepHasATreesName(t *testing.T) {
	r := &Runner{Kernel: &sim{}, Aliases: true}
	g := generator(3)
	alike := 0
	for range 2000 {
		s, err := r.Run(g.Policy(), g.Sequence(40))
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range s.Steps {
			if parts := strings.Split(step.Path.Rel+"/"+step.To.Rel, "/"); slices.Contains(parts, Inside) {
				t.Fatalf("%s\nhas the tree's name in a path:\n%s", step.Path.Rel, s)
			} else if slices.Contains(parts, "@") {
				alike++
			}
		}
	}
	if alike == 0 {
		t.Error("nothing was called like the tree")
	}
}

// Of a file's other names one marks and one is refused: which is asked first is the kernel's own, so that the session may be marked.
func TestEveryOrderOfNamesIsForeseen(t *testing.T) {
	all, err := Seeds()
	if err != nil {
		t.Fatal(err)
	}
	s := all["found-refused-by-another-name"]
	r := &Runner{Kernel: &sim{}, Aliases: true}
	if _, err := r.Run(s.Policy, List(s.Steps[:len(s.Steps)-1])); err != nil {
		t.Fatal(err)
	}
	if g := r.guess(s.Steps[len(s.Steps)-1]); !g.refused() || g.verdict.marked == 0 || g.verdict.unsure {
		t.Errorf("refused %t, marked %#x, unsure %t", g.refused(), g.verdict.marked, g.verdict.unsure)
	}
}

func TestUnreadableSequencesAreToldApart(t *testing.T) {
	for name, text := range map[string]string{
		"no-dashes":    "agent open r x\n",
		"actor":        dashes + "\nnobody open r x\n",
		"call":         dashes + "\nagent sing x\n",
		"flags":        dashes + "\nagent open create x\n",
		"slot":         dashes + "\nagent open r x 9\n",
		"arguments":    dashes + "\nagent rename x\n",
		"path-of-slot": dashes + "\nagent open r 7:x\n",
	} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%s is read as %s", name, s)
		}
	}
}
