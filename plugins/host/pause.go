// SPDX-License-Identifier: Apache-2.0

// This file is how long the host leaves alone what has just failed.

package host

import (
	"math/rand/v2"
	"time"
)

// pause grows from least to most, twice as long each time, and shrinks to nothing with the first success.
type pause struct {
	least, most time.Duration
	failures    int
}

// breakAfter is how many failures in a row open the circuit: from then on one event at a time is tried, and people are told.
const breakAfter = 3

func (p *pause) succeed() { p.failures = 0 }

// fail counts a failure and says how long to wait. A quarter of it is chance, so that machines do not come all at once.
func (p *pause) fail() time.Duration {
	wait := p.most
	if p.failures < 30 {
		wait = min(p.least<<p.failures, p.most)
	}
	p.failures++
	return wait - time.Duration(rand.Int64N(int64(wait)/4+1))
}

// broken reports whether the circuit is open.
func (p *pause) broken() bool { return p.failures >= breakAfter }
