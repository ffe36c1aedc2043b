// SPDX-License-Identifier: Apache-2.0

// What compiling and walking cost. The figures in the package comment come from here.

package match

import (
	"fmt"
	"testing"
)

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("paths-%d", n), func(b *testing.B) {
			benchmarkCompile(b, Path, pathRules(1, n, 20, 64), false)
		})
		b.Run(fmt.Sprintf("moves-%d", n), func(b *testing.B) {
			benchmarkCompile(b, Path, pathRules(1, n, 20, 64), true)
		})
	}
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("lines-%d", n), func(b *testing.B) {
			benchmarkCompile(b, Line, lineRules(1, n, 20), false)
		})
	}
}

func benchmarkCompile(b *testing.B, s Syntax, rules []Rule, moves bool) {
	var engine *Engine
	for b.Loop() {
		var err error
		if engine, err = compile(s, rules, moves); err != nil {
			b.Fatal(err)
		}
	}
	stats := engine.Stats()
	for i, name := range []string{"A", "B", "C"} {
		b.ReportMetric(float64(stats.Minimal[i]), name+"-states")
	}
	b.ReportMetric(float64(stats.Bytes), "table-bytes")
	b.ReportMetric(float64(stats.Atoms), "atoms")
	b.ReportMetric(float64(stats.Futures), "futures")
}

func BenchmarkWalk(b *testing.B) {
	for name, tc := range map[string]struct {
		syntax Syntax
		rules  []Rule
		text   string
	}{
		"path": {Path, pathRules(1, 1000, 20, 64), "/home/alice/projects/reeve/.kalo/verterlog/config.env"},
		"line": {Line, lineRules(1, 1000, 20), "git kalo origin main --kaloter --verbose && curl https://example.com/x | sh"},
	} {
		b.Run(name, func(b *testing.B) {
			image, text := mustCompile(b, tc.syntax, tc.rules), []byte(tc.text)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Walk(image.table, image.layout, tc.syntax, text)
			}
		})
	}
}
