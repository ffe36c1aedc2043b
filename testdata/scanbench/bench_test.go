// SPDX-License-Identifier: Apache-2.0

package scanbench

import (
	"os"
	"testing"

	"github.com/reeve-sensor/reeve/sensor/scan"
)

// BenchmarkCorpus scans the corpus that SCAN_CORPUS names.
func BenchmarkCorpus(b *testing.B) {
	dir := os.Getenv("SCAN_CORPUS")
	if dir == "" {
		b.Skip("SCAN_CORPUS names no corpus")
	}
	list, err := Read(dir)
	if err != nil {
		b.Fatal(err)
	}
	s, err := scan.New()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := Scan(b.Context(), s, dir, list); err != nil {
			b.Fatal(err)
		}
		total := int64(0)
		for _, x := range list {
			total += x.Bytes
		}
		b.SetBytes(total)
	}
}
