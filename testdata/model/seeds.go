// SPDX-License-Identifier: Apache-2.0

// Sequences that are kept: written by hand, one for each call, and found by runs. Every run of the tests takes them again.

package model

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed seeds
var seeds embed.FS

// Seeds are the sequences that are kept, by name.
func Seeds() (map[string]Sequence, error) {
	entries, err := seeds.ReadDir("seeds")
	if err != nil {
		return nil, fmt.Errorf("reading the seeds: %w", err)
	}
	all := map[string]Sequence{}
	for _, e := range entries {
		raw, err := seeds.ReadFile(path.Join("seeds", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the seeds: %w", err)
		}
		s, err := Parse(string(raw))
		if err != nil {
			return nil, fmt.Errorf("seed %s: %w", e.Name(), err)
		}
		all[strings.TrimSuffix(e.Name(), ".txt")] = s
	}
	return all, nil
}
