// SPDX-License-Identifier: Apache-2.0

// Keeping: how far the ring of verdicts has been read so that nothing of it is in this process alone any more.

package sensor

// keeper is a ring that knows how far it was read, and remembers how far that was kept.
type keeper interface {
	At() uint64
	Birth() string
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

// came notes the record's place.
func (s *keeping) came(at uint64) { s.last = max(s.last, at) }

// due gives the next position of which nothing waits to be completed any more: oldest is since when something does.
func (s *keeping) due(now uint64, oldest func() uint64) (at uint64, due bool) {
	if s.last == s.asked {
		return 0, false
	}
	if s.at <= s.asked {
		s.at, s.since = s.last, now
	}
	if oldest() <= s.since {
		return 0, false
	}
	s.asked = s.at
	return s.at, true
}

// settle has what was read kept, as far as events were made of it.
func (w *Watch) settle(k keeper) {
	if w.enricher.out.Load() > 0 {
		return
	}
	if at, due := w.keeping.due(w.o.SinceBoot(), w.assembler.Oldest); due {
		w.o.Settle(func() { k.Keep(at) })
	}
}
