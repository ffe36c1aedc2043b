// SPDX-License-Identifier: Apache-2.0

package documents

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Who installs by README or Vagrantfile gets all that there is.
func TestInstructionsInstallEverything(t *testing.T) {
	files, err := filepath.Glob("../../packaging/*.*")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, document := range []string{"README.md", "Vagrantfile"} {
		text := read(t, document)
		for _, file := range files {
			if name := filepath.Base(file); name != "provision.sh" && !strings.Contains(text, "packaging/"+name+" /") {
				t.Errorf("%s does not install %s", document, name)
			}
		}
		for _, built := range []string{"bin/reeved bin/reeve ", "/usr/lib/reeve/plugins bin/plugins/*"} {
			if !strings.Contains(text, built) {
				t.Errorf("%s does not install %s", document, built)
			}
		}
	}
}

// Each target that tests is a tier that CONTRIBUTING tells of.
func TestTiersAreTold(t *testing.T) {
	raw, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	tiers := read(t, "CONTRIBUTING.md")
	found := regexp.MustCompile(`(?m)^(test-[a-z]+):`).FindAllStringSubmatch(string(raw), -1)
	if len(found) < 8 {
		t.Fatal(found)
	}
	for _, m := range found {
		if target := m[1]; !strings.Contains(tiers, "`make "+target+"`") {
			t.Errorf("CONTRIBUTING.md does not tell of make %s", target)
		}
	}
}
