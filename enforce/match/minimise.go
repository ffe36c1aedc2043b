// SPDX-License-Identifier: Apache-2.0

// Hopcroft's minimisation, from the partition by (accept set, emission set), and breadth-first numbering of what is left.
// Minimal automata are small, and in them equal states mean equal futures, which is what judging a rename needs.

package match

// minimise returns the least automaton that does the same.
func minimise(a automaton, classes int) automaton {
	p := newPartition(a, classes)
	for len(p.waiting) > 0 {
		p.refine()
	}
	return p.quotient()
}

// partition groups the states into blocks and splits blocks until states of one block cannot be told apart.
type partition struct {
	from    automaton
	classes int

	order      []uint32 // states, block by block
	place      []uint32 // of each state in order
	block      []uint32 // of each state
	begin, end []uint32 // of each block in order
	marked     []uint32 // of each block: how many states at its beginning are marked

	sources []uint32 // states by class and target
	bounds  []uint32 // sources of class c and target q: bounds[c*(states+1)+q] to the next

	waiting []uint32 // blocks still to split others by
	queued  []bool   // of each block
	split   []uint32 // scratch: the block being split by
	touched []uint32 // scratch: blocks with marks
}

func newPartition(a automaton, classes int) *partition {
	p := &partition{from: a, classes: classes}
	p.invert()
	p.group()
	largest := uint32(0)
	for b := range p.begin {
		if p.size(uint32(b)) > p.size(largest) {
			largest = uint32(b)
		}
	}
	for b := range p.begin {
		if uint32(b) != largest {
			p.enqueue(uint32(b))
		}
	}
	return p
}

// group makes one block of the states that agree in accept and emission set.
func (p *partition) group() {
	n := p.from.states
	p.order, p.place, p.block = make([]uint32, n), make([]uint32, n), make([]uint32, n)
	number := map[[2]uint16]uint32{}
	var sizes []uint32
	for s := range n {
		key := [2]uint16{p.from.accept[s], p.from.emit[s]}
		b, known := number[key]
		if !known {
			b = uint32(len(sizes))
			number[key] = b
			sizes = append(sizes, 0)
		}
		p.block[s] = b
		sizes[b]++
	}
	sum := uint32(0)
	for _, size := range sizes {
		p.begin, p.end = append(p.begin, sum), append(p.end, sum)
		p.marked, p.queued = append(p.marked, 0), append(p.queued, false)
		sum += size
	}
	for s, b := range p.block {
		p.order[p.end[b]], p.place[s] = uint32(s), p.end[b]
		p.end[b]++
	}
}

// invert sorts the transitions by class and target.
func (p *partition) invert() {
	n := p.from.states
	p.sources = make([]uint32, n*p.classes)
	p.bounds = make([]uint32, (n+1)*p.classes)
	for c := range p.classes {
		bounds := p.bounds[c*(n+1) : (c+1)*(n+1)]
		for s := range n {
			bounds[p.from.next[s*p.classes+c]+1]++
		}
		bounds[0] = uint32(c * n)
		for q := range n {
			bounds[q+1] += bounds[q]
		}
		for s := n - 1; s >= 0; s-- { // fills each range from its end and leaves in bounds[q+1] the end of q-1
			q := p.from.next[s*p.classes+c]
			bounds[q+1]--
			p.sources[bounds[q+1]] = uint32(s)
		}
		copy(bounds, bounds[1:])
		bounds[n] = uint32((c + 1) * n)
	}
}

func (p *partition) size(b uint32) uint32 {
	return p.end[b] - p.begin[b]
}

func (p *partition) enqueue(b uint32) {
	p.queued[b] = true
	p.waiting = append(p.waiting, b)
}

// refine splits all blocks by whether their states lead into one waiting block.
func (p *partition) refine() {
	by := p.waiting[len(p.waiting)-1]
	p.waiting = p.waiting[:len(p.waiting)-1]
	p.queued[by] = false
	p.split = append(p.split[:0], p.order[p.begin[by]:p.end[by]]...)
	for c := range p.classes {
		bounds := p.bounds[c*(p.from.states+1):]
		for _, q := range p.split {
			for _, s := range p.sources[bounds[q]:bounds[q+1]] {
				p.mark(s)
			}
		}
		for _, b := range p.touched {
			p.divide(b)
		}
		p.touched = p.touched[:0]
	}
}

// mark moves a state to the marked beginning of its block.
func (p *partition) mark(s uint32) {
	b := p.block[s]
	if p.marked[b] == 0 {
		p.touched = append(p.touched, b)
	}
	to := p.begin[b] + p.marked[b]
	other := p.order[to]
	p.order[p.place[s]], p.place[other] = other, p.place[s]
	p.order[to], p.place[s] = s, to
	p.marked[b]++
}

// divide makes two blocks of one that is marked in part. The smaller is the new one, and enough to split others by.
func (p *partition) divide(b uint32) {
	marked := p.marked[b]
	p.marked[b] = 0
	if marked == p.size(b) {
		return
	}
	middle, fresh := p.begin[b]+marked, uint32(len(p.begin))
	if marked <= p.size(b)/2 {
		p.begin, p.end = append(p.begin, p.begin[b]), append(p.end, middle)
		p.begin[b] = middle
	} else {
		p.begin, p.end = append(p.begin, middle), append(p.end, p.end[b])
		p.end[b] = middle
	}
	p.marked, p.queued = append(p.marked, 0), append(p.queued, false)
	for _, s := range p.order[p.begin[fresh]:p.end[fresh]] {
		p.block[s] = fresh
	}
	p.enqueue(fresh)
}

// quotient returns the automaton of the blocks, numbered in the order in which a breadth-first search meets them.
func (p *partition) quotient() automaton {
	const unseen = ^uint32(0)
	number := make([]uint32, len(p.begin))
	for b := range number {
		number[b] = unseen
	}
	var met []uint32 // a state of each block
	meet := func(s uint32) uint32 {
		b := p.block[s]
		if number[b] == unseen {
			number[b] = uint32(len(met))
			met = append(met, s)
		}
		return number[b]
	}
	meet(0)
	var out automaton
	for i := 0; i < len(met); i++ {
		s := int(met[i])
		out.accept = append(out.accept, p.from.accept[s])
		out.emit = append(out.emit, p.from.emit[s])
		if p.from.future != nil {
			out.future = append(out.future, p.future(p.block[s]))
		}
		for _, q := range p.from.next[s*p.classes : (s+1)*p.classes] {
			out.next = append(out.next, meet(q))
		}
	}
	out.states = len(met)
	return out
}

// future returns the least that is known of a block: its states find the same below, so each one's bound holds for all.
func (p *partition) future(b uint32) future {
	all := anything
	for _, s := range p.order[p.begin[b]:p.end[b]] {
		all = all.and(p.from.future[s])
	}
	return all
}
