// SPDX-License-Identifier: Apache-2.0

// This file reads and decides conditions about words.

package rule

import (
	"regexp"
	"strconv"
	"strings"
)

// clause is chains that stand in one span, all of them.
type clause struct {
	need   set // classes without which it cannot hold
	chains []chain
}

// chain is classes in an order, each at most gap bytes behind the one before it.
type chain struct {
	not   bool
	class []int
	gap   []int // gap[i] before class[i]
}

// set is a set of classes.
type set [8]uint64

func (s *set) add(n int) { s[n/64] |= 1 << (n % 64) }
func (s *set) holds(o set) bool {
	for i := range o {
		if o[i]&^s[i] != 0 {
			return false
		}
	}
	return true
}

var separator = regexp.MustCompile(`\s*~(\d+)\s*`)

func (b *builder) clauses(r *Rule, texts []string) []clause {
	var list []clause
	for _, text := range texts {
		var c clause
		for part := range strings.SplitSeq(text, " & ") {
			ch := b.chain(r, strings.TrimSpace(part))
			if !ch.not {
				for _, n := range ch.class {
					c.need.add(n)
				}
			}
			c.chains = append(c.chains, ch)
		}
		list = append(list, c)
	}
	return list
}

func (b *builder) chain(r *Rule, text string) chain {
	var c chain
	text, c.not = strings.CutPrefix(text, "!")
	gaps := separator.FindAllStringSubmatch(text, -1)
	for i, atom := range separator.Split(text, -1) {
		gap := 0
		if i > 0 {
			gap, _ = strconv.Atoi(gaps[i-1][1])
		}
		n := 0
		switch {
		case strings.HasPrefix(atom, "@"):
			if b.phrases[atom[1:]] == nil {
				b.fault(r, "no class %s", atom)
			}
			n = b.class(atom)
		case len(atom) > 2 && atom[0] == '\'' && atom[len(atom)-1] == '\'':
			known := len(b.set.classes)
			if n = b.class(atom); n == known {
				b.phrase(atom[1:len(atom)-1], n)
			}
		default:
			b.fault(r, "when: %q is neither @class nor 'phrase'", atom)
		}
		if n >= len(set{})*64 {
			b.fault(r, "more classes than a set holds")
			n = 0
		}
		c.class, c.gap = append(c.class, n), append(c.gap, gap)
	}
	return c
}

// hit is one phrase in a text.
type hit struct {
	class    int
	from, to int
}

// in says where a clause holds among the hits of a span. The result is the first and last byte of what made it hold.
func (c *clause) in(hits []hit, seen set) (from, to int, ok bool) {
	if !seen.holds(c.need) {
		return 0, 0, false
	}
	from = -1
	for _, ch := range c.chains {
		f, t, found := ch.in(hits)
		if found == ch.not {
			return 0, 0, false
		}
		if ch.not {
			continue
		}
		if from < 0 || f < from {
			from = f
		}
		to = max(to, t)
	}
	return max(from, 0), to, true
}

func (c *chain) in(hits []hit) (from, to int, ok bool) {
	s := search{chain: c, hits: hits}
	for i := range hits {
		if hits[i].class != c.class[0] {
			continue
		}
		if to, ok := s.rest(i, 1); ok {
			return hits[i].from, to, true
		}
	}
	return 0, 0, false
}

// search looks for one chain among the hits of a span.
type search struct {
	*chain
	hits []hit
	dead map[[2]int]bool // hits from which the rest was not found: a text of one word would have it looked for again from each
}

// rest looks for the classes from n on, behind hit i. Hits are ordered by their end, so those that can follow stand behind it,
// and end no later than the gap and the longest phrase allow.
func (s *search) rest(i, n int) (int, bool) {
	hits := s.hits
	if n == len(s.class) {
		return hits[i].to, true
	}
	if s.dead[[2]int{i, n}] {
		return 0, false
	}
	last := hits[i].to + s.gap[n]
	for j := i + 1; j < len(hits) && hits[j].to <= last+longest; j++ {
		h := &hits[j]
		if h.class != s.class[n] || h.from < hits[i].to || h.from > last {
			continue
		}
		if to, ok := s.rest(j, n+1); ok {
			return to, true
		}
	}
	if n > 1 {
		if s.dead == nil {
			s.dead = map[[2]int]bool{}
		}
		s.dead[[2]int{i, n}] = true
	}
	return 0, false
}

// longest is the most bytes that a phrase may have.
const longest = 200
