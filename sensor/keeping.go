// SPDX-License-Identifier: Apache-2.0

// Keeping: how far the ring of verdicts has been read so that nothing of it is in this process alone any more.

package sensor

import "time"

// keeper is a ring that knows how far it was read, and remembers how far that was acted on, and kept.
type keeper interface {
	At() uint64
	Birth() string
	Act(at uint64)
	Acted() uint64
	Keep(at uint64)
	Overwritten() uint64
}

// keeping is the owner's: one position after the other.
type keeping struct {
	last  uint64 // of the records that came
	asked uint64 // of what is being kept
	at    uint64 // the next one, from since on
	since uint64
}

// due gives the next position of which nothing waits to be completed any more: oldest is since when something does.
func (s *keeping) due(now uint64, oldest func() uint64) (at uint64, due bool) {
	if s.last == s.asked {
		return 0, false
	}
	if s.at <= s.asked {
		s.at, s.since = s.last, now
	}
	return s.at, oldest() > s.since
}

// came notes a record's place before anything is done about it, so that nothing is done twice: a daemon that is killed amid that
// leaves it undone.
func (w *Watch) came(k keeper, at uint64) {
	if k != nil && at > w.keeping.last {
		w.keeping.last = at
		k.Act(at)
	}
}

// settle has what was read kept, as far as events were made of it. Where nobody could be asked, that is done at the next tick.
func (w *Watch) settle(k keeper) {
	if w.enricher.out.Load() > 0 {
		return
	}
	at, due := w.keeping.due(w.o.SinceBoot(), w.assembler.Oldest)
	if due && w.o.Settle(func() { k.Keep(at) }) {
		w.keeping.asked = at
	}
}

// settleMost is how long it is waited at the end. What is not kept by then comes again.
const settleMost = 5 * time.Second

// settleAll has all kept that came, once events were made of everything, and waits for that.
func (w *Watch) settleAll(k keeper) {
	at, done, late := w.keeping.last, make(chan struct{}), time.After(settleMost)
	if at == 0 {
		return
	}
	for !w.o.Settle(func() { k.Keep(at); close(done) }) {
		select {
		case <-late:
			return
		case <-time.After(tick):
		}
	}
	select {
	case <-late:
	case <-done:
	}
}
