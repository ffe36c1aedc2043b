// SPDX-License-Identifier: Apache-2.0

// Where the subset construction looks up whether it has met a set of positions before.

package match

import "slices"

// table holds subsets end to end, numbered in the order of their arrival, and finds them by an open hash.
type table struct {
	all  []position
	ends []int32 // of each subset in all
	hash []int32 // number + 1; 0 is free. A power of two, at most half full
}

func (t *table) size() int {
	return len(t.ends)
}

func (t *table) subset(i int) []position {
	if i == 0 {
		return t.all[:t.ends[0]]
	}
	return t.all[t.ends[i-1]:t.ends[i]]
}

// find returns the number of a subset, and whether it is new.
func (t *table) find(s []position) (number int32, made bool) {
	if 2*len(t.ends) >= len(t.hash) {
		t.grow()
	}
	slot := t.slot(s)
	if t.hash[slot] != 0 {
		return t.hash[slot] - 1, false
	}
	t.all = append(t.all, s...)
	t.ends = append(t.ends, int32(len(t.all)))
	t.hash[slot] = int32(len(t.ends))
	return t.hash[slot] - 1, true
}

// slot returns where a subset is or belongs.
func (t *table) slot(s []position) int {
	h := uint64(len(s))
	for _, p := range s {
		h = (h ^ uint64(p)) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	last := len(t.hash) - 1
	slot := int(h) & last
	for t.hash[slot] != 0 && !slices.Equal(t.subset(int(t.hash[slot]-1)), s) {
		slot = (slot + 1) & last
	}
	return slot
}

func (t *table) grow() {
	t.hash = make([]int32, max(1024, 2*len(t.hash)))
	for i := range t.ends {
		t.hash[t.slot(t.subset(i))] = int32(i + 1)
	}
}
