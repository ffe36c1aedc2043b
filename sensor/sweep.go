// SPDX-License-Identifier: Apache-2.0

// Sweeping: sessions end with their last thread, but where the kernel preempts itself that thread's end may go by unseen.
// What nobody lives in any more is ended here, late.

package sensor

import (
	"fmt"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// Sweep ends the sessions in which no living thread was found by two passes over all of them. race: one that begins
// meanwhile has a higher number and is left alone.
func (k *Kernel) Sweep() error {
	k.seeding.Lock()
	defer k.seeding.Unlock()
	last, err := k.lastSession()
	if err != nil {
		return fmt.Errorf("sweeping: %w", err)
	}
	number := uint32(procfs.SinceBoot() / uint64(time.Millisecond)) // that no earlier sweep had, nor an earlier daemon's
	for _, mode := range []uint32{bpf.SeedSweep, bpf.SeedEnd} {
		if err := k.ask(bpf.SeedTasks, &bpf.Seed{Mode: mode, Sweep: number, After: last}); err != nil {
			return fmt.Errorf("sweeping: %w", err)
		}
	}
	return nil
}
