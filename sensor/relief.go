// SPDX-License-Identifier: Apache-2.0

// Break-glass as the kernel has it: until when policy refuses nothing on the host, or in a role. That of a session is
// changed by Change. What is written here ends by itself, with or without a daemon.

package sensor

import (
	"fmt"

	"github.com/reeve-sensor/reeve/bpf"
)

// Reliefs are the moments (since boot, ns) by index, bpf.ReliefHost or bpf.ReliefRole and the role's number. Past ones may
// be among them; 0 is left out.
func (k *Kernel) Reliefs() (map[uint32]uint64, error) {
	out := map[uint32]uint64{}
	for index := range bpf.ReliefRole + uint32(bpf.RolesMax) {
		var until uint64
		if err := k.Maps.Reliefs.Lookup(index, &until); err != nil {
			return nil, fmt.Errorf("reading relief %d: %w", index, err)
		}
		if until != 0 {
			out[index] = until
		}
	}
	return out, nil
}

// SetRelief says until when (since boot, ns) policy refuses nothing there; 0 ends it.
func (k *Kernel) SetRelief(index uint32, until uint64) error {
	if err := k.Maps.Reliefs.Put(index, until); err != nil {
		return fmt.Errorf("setting relief %d: %w", index, err)
	}
	return nil
}
