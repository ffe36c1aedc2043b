// SPDX-License-Identifier: Apache-2.0

// This file bounds the marks. A pen has two generations of them: when the younger is full, the elder go, all at once, and it takes their
// place. A file that is written again is marked among the younger.

package sourced

import (
	"errors"
	"maps"
	"slices"
	"sync"
)

// pen holds marks of one kind, twice half at the most.
type pen struct {
	half  int
	begin func(*group) // reads a new group

	mu           sync.Mutex
	young, elder *group
	forgotten    uint64
	closed       bool
}

var errClosed = errors.New("closed")

// mark marks a file that a session wrote.
func (p *pen) mark(f File) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errClosed
	}
	if p.young == nil || len(p.young.marks) >= p.half {
		if err := p.turn(); err != nil {
			return err
		}
	}
	key, err := p.young.mark(f.Name)
	if err == nil {
		p.young.marks[key] = f
	}
	return err
}

// turn lets the elder go.
func (p *pen) turn() error {
	g, err := openGroup()
	if err != nil {
		return err
	}
	if p.elder != nil {
		for key := range p.elder.marks {
			if _, still := p.young.marks[key]; !still {
				p.forgotten++
			}
		}
		p.elder.fanotify.Close()
	}
	p.elder, p.young = p.young, g
	p.begin(g)
	return nil
}

// writer is the session for which a file was marked last; 0 where it is not.
func (p *pen) writer(key id) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range []*group{p.young, p.elder} {
		if g != nil && g.marks[key].Session != 0 {
			return g.marks[key].Session
		}
	}
	return 0
}

// files lists what is marked.
func (p *pen) files() (list []File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range []*group{p.young, p.elder} {
		if g != nil {
			list = slices.AppendSeq(list, maps.Values(g.marks))
		}
	}
	return list
}

// marked tells how many files are marked, and how many were let go.
func (p *pen) marked() (now, forgotten uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range []*group{p.young, p.elder} {
		if g != nil {
			now += uint64(len(g.marks))
		}
	}
	return now, p.forgotten
}

// Close takes all marks away.
func (p *pen) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, g := range []*group{p.young, p.elder} {
		if g != nil {
			errs = append(errs, g.fanotify.Close())
		}
	}
	p.young, p.elder = nil, nil
	return errors.Join(errs...)
}
