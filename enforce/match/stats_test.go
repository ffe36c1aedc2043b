// SPDX-License-Identifier: Apache-2.0

// The size of tables for the realistic mixes, as a golden: a change of the construction shows up as a diff of numbers.

package match

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestSizesAreAsCommitted(t *testing.T) {
	var b strings.Builder
	for _, n := range []int{10, 100, 1000} {
		fmt.Fprintf(&b, "paths %4d, 20 groups:  %s\n", n, sizes(t, Path, pathRules(1, n, 20, 64)))
		fmt.Fprintf(&b, "paths %4d, 1 group:    %s\n", n, sizes(t, Path, pathRules(1, n, 1, 64)))
		fmt.Fprintf(&b, "lines %4d, 20 groups:  %s\n", n, sizes(t, Line, lineRules(1, n, 20)))
	}
	const golden = "testdata/sizes.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("sizes are\n%swant\n%s", &b, want)
	}
}

func sizes(t *testing.T, s Syntax, rules []Rule) string {
	engine, err := Compile(s, rules)
	if err != nil {
		t.Fatal(err)
	}
	st := engine.Stats()
	return fmt.Sprintf("states %v of %v raw, patterns %v, accept sets %v, emission sets %d, masks %d, atoms %d, classes %d, bytes %d",
		st.Minimal, st.Raw, st.Patterns, st.AcceptSets, st.EmissionSets, st.Masks, st.Atoms, st.Classes, st.Bytes)
}
