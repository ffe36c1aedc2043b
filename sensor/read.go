// SPDX-License-Identifier: Apache-2.0

// Reading the rings: raw entries to records, in one order. What cannot be decoded is counted.

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

// activityPoll is how often the activity ring is looked at: the kernel wakes nobody for what it allowed before half a megabyte of
// it lies there (bpf/include/event.h:activity_wake).
const activityPoll = 20 * time.Millisecond

// OpenRings opens the two rings of a loaded object.
func OpenRings(o *bpf.Maps) (verdicts *Verdicts, activity *ringbuf.Reader, err error) {
	verdicts, err = OpenVerdicts(o.Verdicts)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the ring of verdicts: %w", err)
	}
	activity, err = ringbuf.NewReader(o.Activity)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening the ring of activity: %w", err), verdicts.Close())
	}
	return verdicts, activity, nil
}

// batch is how many records of activity are taken before verdicts are looked at again.
const batch = 256

// merger reads both rings into one order. A session's start is submitted to verdicts before anything it does is
// submitted to activity, so verdicts are read empty after activity was read and before that is handed on.
type merger struct {
	verdicts, activity Ring
	out                chan<- event.Record
	done               <-chan struct{}
	raw                ringbuf.Record
	garbled            atomic.Uint64
}

// errStopped ends the loop without a fault: the rings were closed, or nobody reads on.
var errStopped = errors.New("stopped")

// run hands records to out until a ring is closed, or nobody reads on. A full out stops reading; then the rings fill, and the
// kernel counts.
func (m *merger) run() error {
	for !m.stopped() {
		records, err := m.read(m.activity, time.Now().Add(activityPoll), batch)
		if err == nil {
			err = m.drain()
		}
		if err = m.hand(records, err); errors.Is(err, errStopped) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) stopped() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// drain hands on all verdicts that are there.
func (m *merger) drain() error {
	for {
		records, err := m.read(m.verdicts, time.Now(), batch)
		if err = m.hand(records, err); err != nil || len(records) < batch {
			return err
		}
	}
}

// read waits until the deadline for the first of at most limit records, and takes what else is there.
func (m *merger) read(ring Ring, deadline time.Time, limit int) ([]event.Record, error) {
	var records []event.Record
	place, placed := ring.(keeper)
	for len(records) < limit {
		ring.SetDeadline(deadline)
		deadline = time.Now()
		err := ring.ReadInto(&m.raw)
		switch {
		case errors.Is(err, ringbuf.ErrClosed):
			return records, errStopped
		case errors.Is(err, os.ErrDeadlineExceeded):
			return records, nil
		case err != nil:
			return records, fmt.Errorf("reading a ring: %w", err)
		}
		record, err := event.Decode(m.raw.RawSample)
		if err != nil {
			m.garbled.Add(1)
			continue
		}
		if placed {
			record.At = place.At()
		}
		records = append(records, record)
	}
	return records, nil
}

// hand hands records on, none behind one that nobody took: places in the ring say of all before them that they came.
func (m *merger) hand(records []event.Record, err error) error {
	for i := range records {
		select {
		case m.out <- records[i]:
		case <-m.done:
			return errors.Join(err, errStopped)
		}
	}
	return err
}
