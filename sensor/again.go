// SPDX-License-Identifier: Apache-2.0

// What an earlier daemon had read and not kept is copied from behind its reader, where the kernel may write at any moment. It is
// not asked to wait: it does not see at once that a reader went back, and would write over what is about to be read.

package sensor

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// behind is what the kernel writes of a ring, as it shows it: how far, and the data twice in a row.
type behind struct {
	written *atomic.Uint64
	data    []byte
}

// entry is a record that lies in a ring.
type entry struct {
	raw []byte
	end uint64
}

// between gives the records from one position to another. It is false where they are no longer there.
func (b *behind) between(from, to uint64) ([]entry, bool) {
	size := uint64(len(b.data) / 2)
	if to-from > size {
		return nil, false
	}
	at := from & (size - 1)
	raw := bytes.Clone(b.data[at : at+to-from])
	var fence atomic.Uint32
	fence.Add(1) // race: arm64 may else read what follows before all of that
	// kernel: the head of a record is written before how far that reaches (kernel/bpf/ringbuf.c:__bpf_ringbuf_reserve), so what is
	// full to the last byte may be written over already.
	if b.written.Load()-from >= size {
		return nil, false
	}
	return entries(raw, from)
}

// entries takes apart what lies in a ring from a position on, without what was discarded. It is false where that are no records.
func entries(raw []byte, at uint64) ([]entry, bool) {
	var all []entry
	for len(raw) > 0 {
		if len(raw) < unix.BPF_RINGBUF_HDR_SZ {
			return nil, false
		}
		head := binary.NativeEndian.Uint32(raw)
		end := unix.BPF_RINGBUF_HDR_SZ + int(head&^(unix.BPF_RINGBUF_BUSY_BIT|unix.BPF_RINGBUF_DISCARD_BIT))
		whole := (end + 7) &^ 7
		if head&unix.BPF_RINGBUF_BUSY_BIT != 0 || whole > len(raw) {
			return nil, false
		}
		at += uint64(whole)
		if head&unix.BPF_RINGBUF_DISCARD_BIT == 0 {
			all = append(all, entry{raw[unix.BPF_RINGBUF_HDR_SZ:end], at})
		}
		raw = raw[whole:]
	}
	return all, true
}
