// SPDX-License-Identifier: Apache-2.0

package documents

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mark is how a part says that it is kept like another: its key, version, and where the other is.
var mark = regexp.MustCompile(`KEEP-SYNC ([a-z]+) (v[0-9]+) ?\(([^)]+)\)`)

// sides are the files in which each mark stands, and where it leads.
func sides(t *testing.T) map[string]map[string][]string {
	t.Helper()
	all := map[string]map[string][]string{}
	for _, root := range []string{"bpf", "enforce", "sensor", "cmd", "plugins"} {
		err := filepath.WalkDir("../../"+root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.Contains([]string{".go", ".h", ".c"}, path.Ext(name)) {
				return err
			}
			raw, err := os.ReadFile(name)
			found := mark.FindAllStringSubmatch(string(raw), -1)
			if len(found) != strings.Count(string(raw), "KEEP-SYNC") {
				t.Errorf("%s: a mark is not of the form KEEP-SYNC key vN (FILE, ...)", name)
			}
			for _, m := range found {
				key := m[1] + " " + m[2]
				if all[key] == nil {
					all[key] = map[string][]string{}
				}
				at := strings.TrimPrefix(name, "../../")
				all[key][at] = append(all[key][at], strings.Split(m[3], ", ")...)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// Each mark leads to a file that has it too, of the same version: whoever changes one side finds the other.
func TestPartsThatAreKeptAlikeSayTheSame(t *testing.T) {
	all := sides(t)
	if len(all) < 5 {
		t.Errorf("%d marks: %v", len(all), all)
	}
	contributing := read(t, "CONTRIBUTING.md")
	for key, files := range all {
		for file, leads := range files {
			for _, to := range leads {
				to, _, _ = strings.Cut(to, ":") // a file, or FILE:function
				there := false
				for other := range files {
					there = there || other != file && strings.HasSuffix("/"+other, "/"+to)
				}
				if !there {
					t.Errorf("%s: KEEP-SYNC %s leads to %s, which does not have it", file, key, to)
				}
			}
		}
		if name, _, _ := strings.Cut(key, " "); !strings.Contains(contributing, "`"+name+"`") {
			t.Errorf("CONTRIBUTING.md does not tell of KEEP-SYNC %s", name)
		}
	}
}
