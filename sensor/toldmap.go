// SPDX-License-Identifier: Apache-2.0

// This file keeps maps of the kernel to what user space wants in them, by what differs alone.

package sensor

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
)

// toldMap is a map that user space alone writes, and what it has in it. The zero value is ready.
type toldMap[K, V comparable] struct {
	mu    sync.Mutex
	known map[K]V // nil: it was not looked at yet
}

// set puts entries into the map. Where they are all that there are it has no others after that; else those that an earlier daemon set
// stay as they are. What could not be put is in the error, full where there was no room; the rest is there.
func (t *toldMap[K, V]) set(m *ebpf.Map, want map[K]V, all bool, what string, full error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	have, err := t.read(m, what)
	if err != nil {
		return err
	}
	for key := range have {
		if _, stays := want[key]; stays || !all {
			continue
		}
		if err := m.Delete(key); err != nil {
			return fmt.Errorf("forgetting %s: %w", what, err)
		}
		delete(have, key)
	}
	var problem error
	for key, value := range want {
		old, there := have[key]
		if there && (old == value || !all) {
			continue
		}
		if !there && len(have) == int(m.MaxEntries()) {
			problem = full
			continue
		}
		if err := m.Put(key, value); err != nil {
			problem = errors.Join(problem, fmt.Errorf("setting %s: %w", what, err))
			continue
		}
		have[key] = value
	}
	return problem
}

// read gives what is in the map: what an earlier daemon left there, the first time.
func (t *toldMap[K, V]) read(m *ebpf.Map, what string) (map[K]V, error) {
	if t.known != nil {
		return t.known, nil
	}
	found := map[K]V{}
	var key K
	var value V
	each := m.Iterate()
	for each.Next(&key, &value) {
		found[key] = value
	}
	if err := each.Err(); err != nil {
		return nil, fmt.Errorf("reading what is known as %s: %w", what, err)
	}
	t.known = found
	return found, nil
}
