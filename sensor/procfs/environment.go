// SPDX-License-Identifier: Apache-2.0

// This file asks for single variables of a process's environment, as it was given that when it executed its program.

package procfs

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Environment gives the values of some variables, of those that are set, of a process that began at a moment since boot. Nothing else of
// its environment is returned. The process may have changed what is read here, by writing to its own memory.
func Environment(pid uint32, started uint64, names []string) (map[string]string, error) {
	raw, err := os.ReadFile("/proc/" + Number(pid) + "/environ")
	if err != nil {
		return nil, fmt.Errorf("environment of %d: %w", pid, err)
	}
	if Ticks(Started(pid)) != Ticks(started) {
		return nil, fmt.Errorf("process %d: %w", pid, ErrOther)
	}
	out := map[string]string{}
	for entry := range strings.SplitSeq(string(raw), "\x00") {
		name, value, ok := strings.Cut(entry, "=")
		if _, twice := out[name]; ok && !twice && slices.Contains(names, name) {
			out[name] = strings.Clone(value)
		}
	}
	return out, nil
}
