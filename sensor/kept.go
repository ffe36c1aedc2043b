// SPDX-License-Identifier: Apache-2.0

// Verdicts outlive the daemon that has read them, until all that it knows of them is where its death does not reach. The ring's
// first page is the reader's own and lives as long as the ring: the kernel takes its first word for how far reading has come
// (kernel/bpf/ringbuf.c:ringbuf_map_mmap_kern). Beside that one stands how far everything has been kept, and a daemon that comes after
// begins there, as far as nothing was written over since. What it reads a second time is the same by its place in the ring.

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

// Verdicts reads the ring of verdicts.
type Verdicts struct {
	*ringbuf.Reader
	birth       string
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
	kernels, err := unix.Mmap(m.FD(), int64(size), size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mapping the kernel's page: %w", err), unix.Munmap(own), reader.Close())
	}
	v := &Verdicts{Reader: reader, page: (*readerPage)(unsafe.Pointer(&own[0]))}
	v.overwritten = v.page.resume((*atomic.Uint64)(unsafe.Pointer(&kernels[0])), uint64(m.MaxEntries()), time.Now())
	v.birth = strconv.FormatUint(v.page.birth.Load(), 36)
	return v, unix.Munmap(kernels)
}

// resume begins where everything has been kept, and returns how many bytes that were not are lost.
func (p *readerPage) resume(written *atomic.Uint64, size uint64, now time.Time) (lost uint64) {
	read := p.read.Load()
	if p.birth.Load() == 0 {
		p.kept.Store(read)
		p.birth.Store(uint64(now.UnixMilli()))
		return 0
	}
	kept := min(p.kept.Load(), read)
	p.read.Store(kept)
	// race: before it sees that, the kernel may write up to where reading has come.
	if written.Load()-kept > size {
		p.read.Store(read)
		p.kept.Store(read)
		return read - kept
	}
	return 0
}

// At is how far the reader has come.
func (v *Verdicts) At() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.page == nil {
		return 0
	}
	return v.page.read.Load()
}

// Birth tells this ring from any other.
func (v *Verdicts) Birth() string { return v.birth }

// Keep says that what was read up to a position is where the death of this process does not reach.
func (v *Verdicts) Keep(at uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.page != nil {
		v.page.kept.Store(max(v.page.kept.Load(), at))
	}
}

// Overwritten is how many bytes of verdicts an earlier daemon had read, and not kept, that are no longer there.
func (v *Verdicts) Overwritten() uint64 { return v.overwritten }

// Close ends reading. It may be called again.
func (v *Verdicts) Close() error {
	err := v.Reader.Close()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.page == nil {
		return err
	}
	page := unsafe.Slice((*byte)(unsafe.Pointer(v.page)), os.Getpagesize())
	v.page = nil
	return errors.Join(err, unix.Munmap(page))
}
