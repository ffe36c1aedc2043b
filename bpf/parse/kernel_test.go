// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package parse_test

import "testing"

// TestLoopsAreNotUnrolled: a verifier that followed a loop step by step would walk hundreds of thousands of instructions.
func TestLoopsAreNotUnrolled(t *testing.T) {
	walked, err := kernel(t).Instructions()
	if err != nil {
		t.Fatal(err)
	}
	for program, count := range walked {
		t.Logf("%s: %d", program, count)
		if count > 50_000 {
			t.Errorf("%s: %d instructions walked", program, count)
		}
	}
}
