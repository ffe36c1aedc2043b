// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
)

// Guard keeps sessions from signalling this process and what it starts, and from looking into them.
func (k *Kernel) Guard() error {
	answer, err := k.Program(bpf.GuardSelf).Run(&ebpf.RunOptions{})
	if err == nil && answer != 0 {
		err = fmt.Errorf("the kernel has no room for it")
	}
	if err != nil {
		return fmt.Errorf("guarding the daemon's own process: %w", err)
	}
	return nil
}
