// SPDX-License-Identifier: Apache-2.0

// This file keeps sessions from asking without end.

package api

import (
	"sync"
	"time"
)

const (
	burst     = 20          // questions at once
	refill    = time.Second // for two more
	refillBy  = 2
	limitsMax = 4096 // sessions that are remembered; more than live at once
)

type bucket struct {
	left float64
	at   time.Time
}

// limits is a bucket for each session.
type limits struct {
	now     func() time.Time
	mu      sync.Mutex
	buckets map[uint64]bucket
}

func newLimits(now func() time.Time) *limits {
	return &limits{now: now, buckets: map[uint64]bucket{}}
}

// take reports whether the session may ask once more.
func (l *limits) take(session uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b, ok := l.buckets[session]
	if !ok {
		if len(l.buckets) >= limitsMax {
			clear(l.buckets)
		}
		b = bucket{burst, now}
	}
	b.left = min(burst, b.left+refillBy*now.Sub(b.at).Seconds()/refill.Seconds())
	b.at = now
	allowed := b.left >= 1
	if allowed {
		b.left--
	}
	l.buckets[session] = b
	return allowed
}
