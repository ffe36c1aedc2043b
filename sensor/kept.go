// SPDX-License-Identifier: Apache-2.0

// Verdicts outlive the daemon that has read them, until all that it knows of them is where its death does not reach. The ring's
// first page is the reader's own and lives as long as the ring: the kernel takes its first word for how far reading has come
// (kernel/bpf/ringbuf.c:ringbuf_map_mmap_kern). Beside that one stand how far everything has been acted on, and how far it has
// been kept. A daemon that comes after reads what was not kept again (again.go); by its place in the ring it is the same.

package sensor

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// Verdicts reads the ring of verdicts. One goroutine reads; the rest may be called from anywhere.
type Verdicts struct {
	reader      *ringbuf.Reader
	again       []entry
	at          uint64
	birth       string
	acted       uint64
	overwritten uint64

	mu   sync.Mutex
	page *readerPage // nil once it is closed
}

// readerPage is the ring's first page. Positions are bytes since the ring was made.
type readerPage struct {
	read  atomic.Uint64 // the kernel's word
	_     [7]uint64
	kept  atomic.Uint64
	birth atomic.Uint64 // ms since 1970, 0 until somebody has read the ring
	acted atomic.Uint64
}

// OpenVerdicts opens the ring, at what no daemon has kept.
func OpenVerdicts(m *ebpf.Map) (*Verdicts, error) {
	reader, err := ringbuf.NewReader(m)
	if err != nil {
		return nil, err
	}
	size := os.Getpagesize()
	own, err := unix.Mmap(m.FD(), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mapping the reader's page: %w", err), reader.Close())
	}
	kernels, err := unix.Mmap(m.FD(), int64(size), size+2*int(m.MaxEntries()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mapping what the kernel writes: %w", err), unix.Munmap(own), reader.Close())
	}
	v := &Verdicts{reader: reader, page: (*readerPage)(unsafe.Pointer(&own[0]))}
	v.again, v.overwritten = v.page.resume(&behind{(*atomic.Uint64)(unsafe.Pointer(&kernels[0])), kernels[size:]}, time.Now())
	v.birth, v.acted = strconv.FormatUint(v.page.birth.Load(), 36), v.page.acted.Load()
	return v, unix.Munmap(kernels)
}

// resume gives what was read and not kept, or how many bytes of that are lost.
func (p *readerPage) resume(b *behind, now time.Time) (again []entry, lost uint64) {
	read := p.read.Load()
	if p.birth.Load() == 0 {
		p.kept.Store(read)
		p.birth.Store(uint64(now.UnixMilli()))
		return nil, 0
	}
	kept := min(p.kept.Load(), read)
	again, there := b.between(kept, read)
	if !there {
		p.kept.Store(read)
		return nil, read - kept
	}
	return again, 0
}

// ReadInto reads the next record, those first that an earlier daemon had read and not kept.
func (v *Verdicts) ReadInto(r *ringbuf.Record) error {
	if len(v.again) > 0 {
		r.RawSample, v.at = append(r.RawSample[:0], v.again[0].raw...), v.again[0].end
		if v.again = v.again[1:]; len(v.again) == 0 {
			v.again = nil // with all that was copied
		}
		return nil
	}
	if err := v.reader.ReadInto(r); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.page == nil {
		return ringbuf.ErrClosed // the next daemon reads it: nobody has acted on it
	}
	v.at = v.page.read.Load()
	return nil
}

// SetDeadline is how long ReadInto waits for a record.
func (v *Verdicts) SetDeadline(at time.Time) { v.reader.SetDeadline(at) }

// At is where the record ends that was read last. It is for who reads.
func (v *Verdicts) At() uint64 { return v.at }

// Birth tells this ring from any other.
func (v *Verdicts) Birth() string { return v.birth }

// Act says that what was read up to a position is acted on from now on.
func (v *Verdicts) Act(at uint64) {
	v.raise(at, func(p *readerPage) *atomic.Uint64 { return &p.acted })
}

// Acted is how far an earlier daemon had acted on what it read.
func (v *Verdicts) Acted() uint64 { return v.acted }

// Keep says that what was read up to a position is where the death of this process does not reach.
func (v *Verdicts) Keep(at uint64) {
	v.raise(at, func(p *readerPage) *atomic.Uint64 { return &p.kept })
}

func (v *Verdicts) raise(at uint64, word func(*readerPage) *atomic.Uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.page != nil {
		w := word(v.page)
		w.Store(max(w.Load(), at))
	}
}

// Overwritten is how many bytes of verdicts an earlier daemon had read, and not kept, that are no longer there.
func (v *Verdicts) Overwritten() uint64 { return v.overwritten }

// Close ends reading. It may be called again.
func (v *Verdicts) Close() error {
	err := v.reader.Close()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.page == nil {
		return err
	}
	page := unsafe.Slice((*byte)(unsafe.Pointer(v.page)), os.Getpagesize())
	v.page = nil
	return errors.Join(err, unix.Munmap(page))
}
