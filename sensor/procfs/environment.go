// SPDX-License-Identifier: Apache-2.0

// This file asks for single variables of a process's environment, as it was given that when it executed its program.

package procfs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// ErrStarting says that a process has no environment yet: it is amid an exec.
var ErrStarting = errors.New("its environment is not laid out yet")

// Environment gives the values of some variables, of those that are set, of a process that began at a moment since boot. Nothing else of
// its environment is returned. The process may have changed what is read here, by writing to its own memory. An exec is told of before it
// has laid out the environment (fs/binfmt_elf.c:create_elf_tables): that is ErrStarting, and to be asked again.
func Environment(pid uint32, started uint64, names []string) (map[string]string, error) {
	raw, err := environ(pid)
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

// environ is all of it. What reads as nothing is there, and empty, only where it was laid out before it was read.
func environ(pid uint32) ([]byte, error) {
	file := "/proc/" + Number(pid) + "/environ"
	raw, err := os.ReadFile(file)
	switch {
	case err != nil || len(raw) > 0:
		return raw, err
	case statField(pid, envEndField) != 0:
		return os.ReadFile(file)
	case statField(pid, memoryField) == 0:
		return nil, os.ErrProcessDone
	}
	return nil, ErrStarting
}
