// SPDX-License-Identifier: Apache-2.0

// Applying: an image becomes the kernel's policy by one map-in-map update. Every hook takes the table once, so a verdict
// sees one generation whole.

package enforce

import (
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// Applier puts images into the kernel's map of tables.
type Applier struct {
	tables *ebpf.Map
	size   uint32
	last   *ebpf.Map // kernel: before 6.8 a replaced inner map may be freed under a sleeping reader; it lives until the next
}

// NewApplier returns the applier of a loaded object whose tables hold size bytes.
func NewApplier(tables *ebpf.Map, size uint32) *Applier {
	return &Applier{tables: tables, size: size}
}

// ErrTableSize says that an image does not fit the tables that were loaded; a restart makes room.
type ErrTableSize struct{ Need, Have int }

func (e ErrTableSize) Error() string {
	return fmt.Sprintf("policy table of %d bytes is larger than the %d that were loaded", e.Need, e.Have)
}

// Apply makes the image the policy in force. On an error the one before it stays.
func (a *Applier) Apply(im *Image) error {
	if len(im.Table) > int(a.size) {
		return ErrTableSize{len(im.Table), int(a.size)}
	}
	table, err := ebpf.NewMap(bpf.TableSpec(a.size))
	if err != nil {
		return fmt.Errorf("making a table: %w", err)
	}
	if err := fill(table, im.Table); err != nil {
		table.Close()
		return fmt.Errorf("filling a table: %w", err)
	}
	if err := a.tables.Put(uint32(0), uint32(table.FD())); err != nil {
		table.Close()
		return fmt.Errorf("applying a table: %w", err)
	}
	if a.last != nil {
		a.last.Close()
	}
	a.last = table
	return nil
}

// fill writes through memory. By bpf(2) the kernel would copy with kprobe programs held off on this processor, and those are
// the second look of one form.
func fill(table *ebpf.Map, value []byte) error {
	memory, err := unix.Mmap(table.FD(), 0, len(value), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	copy(memory, value)
	return unix.Munmap(memory)
}

// Close lets go of the last table; it stays in force.
func (a *Applier) Close() error {
	if a.last == nil {
		return nil
	}
	return a.last.Close()
}

// TableSize is the size to load for an image: a power of two with as much room again, at least least.
func TableSize(im *Image, least uint32) uint32 {
	size := least
	for int(size) < 2*len(im.Table) {
		size *= 2
	}
	return size
}
