// SPDX-License-Identifier: Apache-2.0

// Minimal means minimal: the same number of states as the plainest algorithm finds, and none unreachable.

package match

import "testing"

// moore counts the classes of equivalent states by refining all of them until nothing changes.
func moore(a automaton, classes int) int {
	block, count := make([]int, a.states), 0
	for {
		type signature struct {
			block, accept, emit int
			next                string
		}
		number := map[signature]int{}
		refined := make([]int, a.states)
		for s := range a.states {
			next := make([]byte, 0, 4*classes)
			for _, q := range a.next[s*classes : (s+1)*classes] {
				b := block[q]
				next = append(next, byte(b), byte(b>>8), byte(b>>16))
			}
			key := signature{block[s], int(a.accept[s]), int(a.emit[s]), string(next)}
			if _, known := number[key]; !known {
				number[key] = len(number)
			}
			refined[s] = number[key]
		}
		if len(number) == count {
			return count
		}
		block, count = refined, len(number)
	}
}

func TestAutomataAreMinimal(t *testing.T) {
	sets := map[string][]Rule{
		"realistic": pathRules(2, 200, 10, 60),
		"one-group": pathRules(3, 300, 1, 20),
		"awkward":   repeat(6, "**/%/**/%", ""),
	}
	d := newDraw(5)
	for _, name := range []string{"drawn-1", "drawn-2", "drawn-3"} {
		sets[name] = awkwardRules(d)
	}
	for name, rules := range sets {
		t.Run(name, func(t *testing.T) {
			plan, err := newPlan(Path, rules)
			if err != nil {
				t.Fatal(err)
			}
			for i, goals := range plan.goals {
				trie, _ := newNFA(Path, goals, plan.locals[i])
				bytes := newAlphabet(append(trie.sets(), setOf('/')))
				raw, _, _ := determine(trie, &bytes, newMaskSet())
				least := minimise(raw, bytes.size())
				if want := moore(raw, bytes.size()); least.states != want || moore(least, bytes.size()) != want {
					t.Errorf("automaton %d: %d states of %d raw, want %d", i, least.states, raw.states, want)
				}
			}
		})
	}
}
