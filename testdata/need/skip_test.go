// SPDX-License-Identifier: Apache-2.0

package need

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// bare are skips that are no want and no kernel's, each with the reason. The key is a file, a folder, or how the skip reads.
var bare = map[string]string{
	`t.Skip("runs in the machine of`: "the half of a test that another half plays in a guest",
	"sensor/scan/fuzz_test.go":       "inputs that are no case",
	"testdata/scanbench/":            "a benchmark of what is no part of the repository",
	"testdata/live/":                 "built for guests, where it reads REQUIRE itself",
	"testdata/churn/":                "built for guests, by make test-churn alone",
	"testdata/bench/":                "built for guests, where it reads REQUIRE itself",
	"testdata/need/":                 "the skips themselves",
}

var skip = regexp.MustCompile(`\b(t|tb|b|h\.t)\.Skip(f|Now)?\(.*`)

// A skip that REQUIRE does not reach hides what it skips.
func TestSkipsSayWhatTheyNeed(t *testing.T) {
	const root = "../.."
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		raw, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		for _, found := range skip.FindAllString(string(raw), -1) {
			excused := ""
			for key := range bare {
				if strings.HasPrefix(name, key) || strings.HasPrefix(found, key) {
					excused = key
				}
			}
			if seen[excused] = true; excused == "" {
				t.Errorf("%s: %s: need.Missing and need.OtherKernel say why", name, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range bare {
		if !seen[key] {
			t.Errorf("%s: skips nothing any more", key)
		}
	}
}
