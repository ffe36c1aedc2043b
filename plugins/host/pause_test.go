// SPDX-License-Identifier: Apache-2.0

package host

import "testing"

// Each pause is twice the one before, up to the longest, and shorter by chance alone; the circuit opens at the third failure, and
// one success closes it.
func TestPausesGrowAndEnd(t *testing.T) {
	for _, of := range []pause{{least: lifePauseLeast, most: lifePauseMost}, {least: sendPauseLeast, most: sendPauseMost}} {
		p := of
		want := p.least
		for n := 1; n < 100; n++ {
			if got := p.fail(); got > want || got < want-want/4-1 {
				t.Errorf("failure %d: %s, want up to %s", n, got, want)
			}
			if p.broken() != (n >= breakAfter) {
				t.Errorf("failure %d: the circuit is open: %t", n, p.broken())
			}
			want = min(2*want, p.most)
		}
		if p.succeed(); p.broken() || p.fail() > of.least {
			t.Errorf("after a success: %+v", p)
		}
	}
}
