// SPDX-License-Identifier: Apache-2.0

// This file chooses which questions are asked. Of random ones most are answered alike, and that two sides agree on what is
// rare is then worth little: so each next question is one of a kind that was asked least.

package policytest

import (
	"iter"
	"math"
)

// Rarest gives each question once, in an order that depends on asked: how much was asked so far of what a kind stands for. The
// caller counts that. Of questions of one kind the order stays.
func Rarest[Q any, K comparable](asked func(K) int, questions []Q, kindOf func(Q) K) iter.Seq[Q] {
	var kinds []K
	left := make(map[K][]Q)
	for _, q := range questions {
		k := kindOf(q)
		if left[k] == nil {
			kinds = append(kinds, k)
		}
		left[k] = append(left[k], q)
	}
	return func(yield func(Q) bool) {
		for range questions {
			next := rarest(asked, kinds, left)
			q := left[next][0]
			left[next] = left[next][1:]
			if !yield(q) {
				return
			}
		}
	}
}

// rarest is the kind that was asked least among those of which something is left; of several the first.
func rarest[Q any, K comparable](asked func(K) int, kinds []K, left map[K][]Q) (least K) {
	fewest := math.MaxInt
	for _, k := range kinds {
		if len(left[k]) == 0 {
			continue
		}
		if n := asked(k); n < fewest {
			least, fewest = k, n
		}
	}
	return least
}
