// SPDX-License-Identifier: Apache-2.0

// This file tells what running a skill leaves in its folder from what the skill is: or each would ask anew after its first use.

package discover

import (
	"regexp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// cached is the bytecode that Python keeps of a source beside it (PEP 3147): folder, and name of the source.
var cached = regexp.MustCompile(`^((?:.*/)?)__pycache__/([^/]+?)\.[a-z]+-?[0-9]+t?(?:\.opt-[12])?\.pyc$`)

const linkTo = "link to " // begins the value of what is a symbolic link

// withoutCaches leaves out the bytecode of sources that are among the files. What has no source there is all that there is of it.
func withoutCaches(files []inventory.Part) []inventory.Part {
	sources := map[string]bool{}
	for _, f := range files {
		sources[f.Name] = !strings.HasPrefix(f.Value, linkTo)
	}
	return slices.DeleteFunc(files, func(f inventory.Part) bool {
		m := cached.FindStringSubmatch(f.Name)
		return m != nil && sources[f.Name] && sources[m[1]+m[2]+".py"]
	})
}
