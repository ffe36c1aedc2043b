// SPDX-License-Identifier: Apache-2.0

// This file decides rules on a piece of text.

package rule

import (
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

// Words tells the rules about words that hold in a piece.
func (s *Set) Words(p *text.Piece, tell func(finding.Finding)) {
	flat := flatten(p.Text)
	var hits []hit
	s.words.find(flat.text, func(class, from, to int) { hits = append(hits, hit{class, from, to}) })
	if len(hits) == 0 {
		return
	}
	d := decider{s: s, p: p, flat: &flat, tell: tell}
	d.spans('\f', hits, "paragraph")
	d.spans('\n', hits, "")
}

type decider struct {
	s    *Set
	p    *text.Piece
	flat *plain
	tell func(finding.Finding)
	told int
}

// maxTold bounds what words tell about one piece: each finding has to be found in its line.
const maxTold = 500

// spans divides the text at a mark (paragraphs end sentences too), and decides the rules of that span in each part.
func (d *decider) spans(mark byte, hits []hit, span string) {
	begin := 0
	for begin < len(d.flat.text) && len(hits) > 0 {
		end := begin
		for end < len(d.flat.text) && d.flat.text[end] != mark && d.flat.text[end] != '\f' {
			end++
		}
		n := 0
		for n < len(hits) && hits[n].to <= end {
			n++
		}
		if n > 0 {
			d.span(hits[:n], begin, end, span)
		}
		hits = hits[n:]
		begin = end + 1
	}
}

func (d *decider) span(hits []hit, begin, end int, span string) {
	var seen set
	for _, h := range hits {
		seen.add(h.class)
	}
	for _, r := range d.s.Rules {
		if len(r.when) == 0 || (r.Span == "paragraph") != (span == "paragraph") || !r.applies(d.p.Lang, d.p.Place) {
			continue
		}
		if from, to, ok := first(r.when, hits, seen); ok {
			if _, _, no := first(r.unless, hits, seen); no {
				continue
			}
			d.found(r, from, to, begin, end)
		}
	}
}

func first(list []clause, hits []hit, seen set) (from, to int, ok bool) {
	for i := range list {
		if from, to, ok = list[i].in(hits, seen); ok {
			return from, to, true
		}
	}
	return 0, 0, false
}

// margin is how much of the sentence is shown around what made a rule hold, in bytes.
const margin = 60

func (d *decider) found(r *Rule, from, to, begin, end int) {
	if d.told++; d.told > maxTold {
		return
	}
	a, b := d.flat.origin(max(begin, from-margin)), d.flat.origin(min(end, to+margin))
	seen := d.p.Text[min(a, len(d.p.Text)):min(max(a, b), len(d.p.Text))]
	d.tell(d.p.Finding(r.ID, d.flat.origin(from), strings.ToValidUTF8(seen, ""), ""))
}

// maxMatches bounds what one pattern tells about one piece.
const maxMatches = 20

// Patterns tells the rules about patterns that hold in a piece.
func (s *Set) Patterns(p *text.Piece, tell func(finding.Finding)) {
	found := map[int]bool{}
	s.marks.find(strings.ToLower(p.Text), func(rule, _, _ int) { found[rule] = true })
	for i := range s.Rules {
		r := s.Rules[i]
		if !found[i] || !r.applies(p.Lang, p.Place) {
			continue
		}
		for _, re := range r.match {
			for _, m := range re.FindAllStringIndex(p.Text, maxMatches) {
				tell(p.Finding(r.ID, m[0], p.Text[m[0]:m[1]], ""))
			}
		}
	}
}
