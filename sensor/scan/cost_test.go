// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"runtime"
	"strings"
	"testing"
)

// Inputs that once cost the square of their length, or doubled themselves. What is asserted is memory; each would not end, or not fit.
func TestHostileTextsCostTheirLength(t *testing.T) {
	s := scanner(t)
	for name, text := range map[string]string{
		"a.js":     strings.Repeat("a=b,", 200_000),
		"a.py":     "x = " + strings.Repeat("a + ", 100_000) + "b\n",
		"a.sh":     strings.Repeat("a=$a$a\n", 60) + "echo $a\n",
		"b.sh":     strings.Repeat("echo $(", 20_000),
		"SKILL.md": strings.Repeat("ab\u200b", 200_000),
		"a.json":   strings.Repeat(`{"a":`, 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			scanFiles(t, s, map[string]string{name: text})
			runtime.ReadMemStats(&after)
			if cost := after.TotalAlloc - before.TotalAlloc; cost > 1<<30 {
				t.Errorf("%d bytes cost %d MiB", len(text), cost>>20)
			}
		})
	}
}
