// SPDX-License-Identifier: Apache-2.0

// Reading the rings: raw entries to records, in the order of each ring. What cannot be decoded is counted.

package sensor

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf/ringbuf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// Ring is what is read of a ring buffer. *ringbuf.Reader is one.
type Ring interface {
	ReadInto(*ringbuf.Record) error
	SetDeadline(time.Time)
	Close() error
}

// activityPoll is how often the activity ring is looked at: the kernel wakes nobody for what it allowed.
const activityPoll = 20 * time.Millisecond

// OpenRings opens the two rings of a loaded object.
func OpenRings(o *bpf.Objects) (verdicts, activity *ringbuf.Reader, err error) {
	verdicts, err = ringbuf.NewReader(o.Verdicts)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the ring of verdicts: %w", err)
	}
	activity, err = ringbuf.NewReader(o.Activity)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening the ring of activity: %w", err), verdicts.Close())
	}
	return verdicts, activity, nil
}

// reader is one ring's loop.
type reader struct {
	ring    Ring
	poll    time.Duration // 0 waits until the kernel wakes it
	garbled atomic.Uint64
}

// run hands records to out until the ring is closed. A full out stops reading; then the ring fills, and the kernel counts.
func (r *reader) run(out chan<- event.Record, done <-chan struct{}) error {
	var raw ringbuf.Record
	for {
		if r.poll > 0 {
			r.ring.SetDeadline(time.Now().Add(r.poll))
		}
		err := r.ring.ReadInto(&raw)
		switch {
		case errors.Is(err, ringbuf.ErrClosed):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			return fmt.Errorf("reading a ring: %w", err)
		}
		record, err := event.Decode(raw.RawSample)
		if err != nil {
			r.garbled.Add(1)
			continue
		}
		select {
		case out <- record:
		case <-done:
			return nil
		}
	}
}
