// SPDX-License-Identifier: Apache-2.0

// Builds by which the kernel knows native agents whose files the catalogue does not name.

package sensor

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/inventory"
)

// Build is a build that is an agent's, and in whose files.
type Build struct {
	inventory.Build
	Agent   uint32 // of the catalogue
	Owner   uint32 // of the file that it was learned from; 0 counts in everybody's files but root's
	Shipped bool   // with the catalogue: it counts in every file, and has no owner
}

// SetBuilds makes the kernel know these builds and no others. Of those that it would take for one, the last holds. No exec that
// comes meanwhile misses a build that was known before and is among them. bound: bpf.BuildsMax.
func (k *Kernel) SetBuilds(builds []Build) error {
	known := map[bpf.BuildKey]bpf.KnownBuild{}
	for i := range builds {
		b := &builds[i]
		key := bpf.BuildKey{Size: uint64(b.Size), Entry: b.Entry(), Owner: b.Owner}
		value := bpf.KnownBuild{Agent: b.Agent, Head: b.Head}
		if b.Shipped {
			key.Owner, value.Flags = 0, uint32(bpf.BuildShipped)
		}
		known[key] = value
	}
	if len(known) > bpf.BuildsMax {
		return fmt.Errorf("setting %d builds: the kernel holds %d", len(known), bpf.BuildsMax)
	}
	if err := k.forgetBuilds(func(key bpf.BuildKey) bool { _, ok := known[key]; return !ok }); err != nil {
		return err
	}
	for key, value := range known {
		if err := k.Maps.Builds.Put(key, value); err != nil {
			return fmt.Errorf("setting a build of agent %d: %w", value.Agent, err)
		}
	}
	return nil
}

func (k *Kernel) forgetBuilds(gone func(bpf.BuildKey) bool) error {
	var stale []bpf.BuildKey
	var key bpf.BuildKey
	var value bpf.KnownBuild
	it := k.Maps.Builds.Iterate()
	for it.Next(&key, &value) {
		if gone(key) {
			stale = append(stale, key)
		}
	}
	if err := it.Err(); err != nil {
		return fmt.Errorf("reading builds: %w", err)
	}
	for _, key := range stale {
		if err := k.Maps.Builds.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("forgetting a build: %w", err)
		}
	}
	return nil
}
