// SPDX-License-Identifier: Apache-2.0

package documents

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// direct are the modules that this one asks for itself.
func direct(t *testing.T) (paths []string) {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", "../../go.mod").Output()
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &file); err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Require {
		if !r.Indirect {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

// owner is the module that a package is of: the one with the longest path that the package's begins with.
func owner(modules []string, name string) (found string) {
	for _, m := range modules {
		if (name == m || strings.HasPrefix(name, m+"/")) && len(m) > len(found) {
			found = m
		}
	}
	return found
}

// dependency is a row of the table: modules, or the package that is used of one; what for; why not own code.
var dependency = regexp.MustCompile(`(?m)^\| ([^ |]+/[^|]*) \| ([^|]+) \| ([^|]+) \|$`)

// Whoever asks for a module says why in ARCHITECTURE.md, and takes the reason away with it.
func TestEachModuleHasItsReason(t *testing.T) {
	_, text, ok := strings.Cut(read(t, "ARCHITECTURE.md"), "\n## Dependencies\n")
	if !ok {
		t.Fatal("ARCHITECTURE.md has no dependencies")
	}
	table, _, _ := strings.Cut(text, "\n## ")
	modules := direct(t)
	var told []string
	for _, r := range dependency.FindAllStringSubmatch(table, -1) {
		for name := range strings.SplitSeq(r[1], ", ") {
			m := owner(modules, name)
			if m == "" {
				t.Errorf("%s is told of, and go.mod does not ask for it", name)
			}
			told = append(told, m)
		}
		if len(strings.Fields(r[2])) < 1 || len(strings.Fields(r[3])) < 3 {
			t.Errorf("%s: for what (%q), and why (%q)?", r[1], r[2], r[3])
		}
	}
	for _, m := range modules {
		if !slices.Contains(told, m) {
			t.Errorf("go.mod asks for %s, and ARCHITECTURE.md does not say why", m)
		}
	}
	if len(modules) < 20 {
		t.Errorf("%d modules: %v", len(modules), modules)
	}
}
