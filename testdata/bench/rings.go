// SPDX-License-Identifier: Apache-2.0

// Both rings, read as the daemon reads them: between rounds, so that a figure is the session's own cost, or all the
// time, so that it has the reader's as well.

package bench

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// poll is how often the daemon looks at the ring of activity.
const poll = 20 * time.Millisecond

// rings reads and decodes. Records that do not decode are an error.
type rings struct {
	readers [2]*ringbuf.Reader
	records atomic.Uint64
	raw     ringbuf.Record
}

func openRings(o *bpf.Maps) (*rings, error) {
	r := new(rings)
	for i, m := range []*ebpf.Map{o.Verdicts, o.Activity} {
		reader, err := ringbuf.NewReader(m)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.readers[i] = reader
	}
	return r, nil
}

// drain reads what is there.
func (r *rings) drain() error {
	for _, reader := range r.readers {
		reader.SetDeadline(time.Now())
		if err := r.read(reader, &r.raw); !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return nil
}

// read reads until the reader's deadline or its end.
func (r *rings) read(reader *ringbuf.Reader, raw *ringbuf.Record) error {
	for {
		if err := reader.ReadInto(raw); err != nil {
			return err
		}
		if _, err := event.Decode(raw.RawSample); err != nil {
			return fmt.Errorf("a record: %w", err)
		}
		r.records.Add(1)
	}
}

// follow reads both rings in the background until the function that it returns is called.
func (r *rings) follow() (stop func()) {
	var wait sync.WaitGroup
	var done atomic.Bool
	for i, reader := range r.readers {
		wait.Go(func() {
			var raw ringbuf.Record
			for !done.Load() {
				deadline := time.Now().Add(poll)
				if i == 0 {
					deadline = time.Now().Add(time.Minute)
				}
				reader.SetDeadline(deadline)
				_ = r.read(reader, &raw)
			}
		})
	}
	return func() {
		done.Store(true)
		for _, reader := range r.readers {
			reader.Flush()
		}
		wait.Wait()
	}
}

func (r *rings) Close() error {
	var errs []error
	for _, reader := range r.readers {
		if reader != nil {
			errs = append(errs, reader.Close())
		}
	}
	return errors.Join(errs...)
}
