// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzScan: whatever a file is called and holds, the scanner ends, and says the same twice.
func FuzzScan(f *testing.F) {
	s, err := New()
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range s.Rules.Rules {
		for _, e := range append(r.True, r.False...) {
			f.Add(e.File, e.Text)
		}
	}
	s.Limits.Total, s.Limits.File, s.Limits.Files = 4<<20, 1<<20, 100
	f.Fuzz(func(t *testing.T, name, text string) {
		if name == "" {
			name = "SKILL.md"
		}
		if !fs.ValidPath("unit/" + name) {
			t.Skip("no name of a file")
		}
		tree := fstest.MapFS{"unit/" + name: {Data: []byte(text)}}
		var first string
		for range 2 {
			r, err := s.Scan(t.Context(), tree, Unit{Root: "unit"}, nil)
			if err != nil {
				t.Skip("a name that the file system of the test refuses")
			}
			for _, f := range r.Findings {
				if strings.HasPrefix(f.Detail, stumbled) {
					t.Error(f.Detail)
				}
			}
			out, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if first != "" && first != string(out) {
				t.Errorf("two reports:\n%s\n%s", first, out)
			}
			first = string(out)
		}
	})
}
