// SPDX-License-Identifier: Apache-2.0

// This file decides rules on a piece of text.

package rule

import (
	"context"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

// Words tells the rules about words that hold in a piece. It ends early with its context.
func (s *Set) Words(ctx context.Context, p *text.Piece, tell func(finding.Finding)) {
	d := decider{ctx: ctx, s: s, p: p, tell: tell}
	for offset, part := range text.Parts(p.Text) {
		if ctx.Err() != nil {
			return
		}
		d.part(offset, part)
	}
}

type decider struct {
	ctx  context.Context
	s    *Set
	p    *text.Piece
	base int // of the part, in the piece
	flat plain
	tell func(finding.Finding)
	told int
}

func (d *decider) part(offset int, part string) {
	d.base, d.flat = offset, flatten(part)
	var hits []hit
	d.s.words.find(d.flat.text, func(class, from, to int) { hits = append(hits, hit{class, from, to}) })
	if len(hits) > 0 {
		d.spans('\f', hits, "paragraph")
		d.spans('\n', hits, "")
	}
}

// maxTold bounds what words tell about one piece: each finding has to be found in its line.
const maxTold = 500

// spans divides the text at a mark (paragraphs end sentences too), and decides the rules of that span in each part.
func (d *decider) spans(mark byte, hits []hit, span string) {
	begin := 0
	for begin < len(d.flat.text) && len(hits) > 0 && d.ctx.Err() == nil {
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

// manyHits in one sentence were written by a machine: the context is asked before each rule.
const manyHits = 1000

func (d *decider) span(hits []hit, begin, end int, span string) {
	var seen set
	for _, h := range hits {
		seen.add(h.class)
	}
	for _, r := range d.s.Rules {
		if len(hits) > manyHits && d.ctx.Err() != nil {
			return
		}
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
	a, b := d.base+d.flat.origin(max(begin, from-margin)), d.base+d.flat.origin(min(end, to+margin))
	seen := d.p.Text[min(a, len(d.p.Text)):min(max(a, b), len(d.p.Text))]
	d.tell(d.p.Finding(r.ID, d.base+d.flat.origin(from), strings.ToValidUTF8(seen, ""), ""))
}

// maxMatches bounds what one rule tells about one piece, by all of its patterns.
const maxMatches = 20

// Patterns tells the rules about patterns that hold in a piece. It ends early with its context.
func (s *Set) Patterns(ctx context.Context, p *text.Piece, tell func(finding.Finding)) {
	told := map[*Rule]int{}
	for offset, part := range text.Parts(p.Text) {
		found := map[int]bool{}
		s.marks.find(strings.ToLower(part), func(rule, _, _ int) { found[rule] = true })
		for i, r := range s.Rules {
			if ctx.Err() != nil {
				return
			}
			if found[i] && told[r] < maxMatches && r.applies(p.Lang, p.Place) {
				told[r] += r.matches(p, offset, part, maxMatches-told[r], tell)
			}
		}
	}
}

// matches tells what a rule's patterns match in a part of a piece, up to a number.
func (r *Rule) matches(p *text.Piece, offset int, part string, most int, tell func(finding.Finding)) (n int) {
	for _, re := range r.match {
		for _, m := range re.FindAllStringIndex(part, most-n) {
			tell(p.Finding(r.ID, offset+m[0], part[m[0]:m[1]], ""))
			n++
		}
	}
	return n
}
