// SPDX-License-Identifier: Apache-2.0

// From a sequence that fails to one in which nothing can be left out.

package model

import "slices"

// Shrink leaves out steps and tables of the policy as long as the sequence fails; it tries at most so many times.
func Shrink(s Sequence, tries int, fails func(Sequence) bool) Sequence {
	again := true
	for again {
		again = false
		s.Steps = shrinkList(s.Steps, &tries, &again, func(steps []Step) bool { return fails(Sequence{s.Policy, steps}) })
		s.Policy = shrinkList(s.Policy, &tries, &again, func(policy []string) bool { return fails(Sequence{policy, s.Steps}) })
	}
	return s
}

// shrinkList leaves out pieces of a list, halves first, then smaller ones.
func shrinkList[T any](list []T, tries *int, shrunk *bool, fails func([]T) bool) []T {
	for size := (len(list) + 1) / 2; size > 0; size /= 2 {
		for from := len(list) - size; from > -size && *tries > 0; from -= size {
			start := max(from, 0)
			end := min(from+size, len(list))
			if end <= start {
				continue
			}
			shorter := slices.Concat(list[:start], list[end:])
			*tries--
			if fails(shorter) {
				list, *shrunk = shorter, true
			}
		}
	}
	return list
}
