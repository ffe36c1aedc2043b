// SPDX-License-Identifier: Apache-2.0

// This file is the queue: records go in at one end, and leave at the other when they have arrived.

package queue

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// Queue is records on disk. Its methods may be called from anywhere. Close it.
type Queue struct {
	dir     string
	limit   int64
	segment int64 // size from which on a new one is begun

	mu     sync.Mutex
	all    []segment // the last one is written to
	out    *os.File  // of the last one
	next   uint64    // number of the next record
	head   uint64    // number of the first one that is wanted
	at     int64     // where the head begins in the first segment
	dirty  bool
	losses Losses
	more   chan struct{}
}

// Losses are records that a queue did not take or no longer has.
type Losses struct {
	Full    uint64 // not taken: it was full
	Failed  uint64 // not taken: the disk did not
	Damaged uint64 // found torn or damaged
}

// Segments of a queue: enough that few delivered records take up room, few enough that their files are.
const (
	segmentsWanted = 16
	segmentLeast   = 64 << 10
	segmentMost    = 4 << 20
)

// Open opens the queue in a folder, or makes one, of so many bytes.
func Open(dir string, limit int64) (*Queue, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a queue: %w", err)
	}
	q := &Queue{
		dir: dir, limit: limit, segment: min(max(limit/segmentsWanted, segmentLeast), segmentMost), more: make(chan struct{}, 1),
	}
	if err := q.load(); err != nil {
		return nil, fmt.Errorf("opening queue %s: %w", dir, err)
	}
	return q, nil
}

// load takes in what an earlier process left.
func (q *Queue) load() error {
	all, err := segments(q.dir)
	if err != nil {
		return err
	}
	q.all, q.head = all, readCursor(q.dir)
	if len(all) == 0 {
		q.next = q.head
		return q.begin()
	}
	last := &q.all[len(q.all)-1]
	if q.out, err = os.OpenFile(last.name, os.O_RDWR, 0o600); err != nil {
		return err
	}
	records, end, err := whole(q.out)
	if err != nil {
		return err
	}
	if end < last.size {
		q.losses.Damaged++
		if err := q.out.Truncate(end); err != nil {
			return err
		}
		last.size = end
	}
	q.next = last.first + records
	if q.head > q.next { // the machine died, and the cursor was on disk before the records
		q.next = q.head
		if err := q.begin(); err != nil {
			return err
		}
	}
	q.head = max(q.head, q.all[0].first)
	return q.seek()
}

// seek finds where the head is, which is known of a segment's begin only.
func (q *Queue) seek() error {
	wanted := q.head
	q.head, q.at = q.all[0].first, 0
	for len(q.all) > 1 && q.all[1].first <= wanted {
		if err := q.drop(); err != nil {
			return err
		}
	}
	for q.head < wanted {
		records, _, err := q.read(int(min(wanted-q.head, 1<<16)), 1<<30)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			break
		}
		q.pass(records)
	}
	return nil
}

// begin makes the segment that is written to from now on.
func (q *Queue) begin() error {
	name := segmentName(q.dir, q.next)
	out, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if q.out != nil {
		if err := errors.Join(q.out.Sync(), q.out.Close()); err != nil {
			return errors.Join(err, out.Close())
		}
	}
	q.out = out
	q.all = append(q.all, segment{name: name, first: q.next})
	return nil
}

// drop forgets the first segment, of which nothing is wanted any more.
func (q *Queue) drop() error {
	if err := os.Remove(q.all[0].name); err != nil {
		return err
	}
	q.all = q.all[1:]
	q.head, q.at = q.all[0].first, 0
	return nil
}

// Append takes a record in, and reports whether it did: a full queue does not. The last quarter is for what is important.
func (q *Queue) Append(record []byte, important bool) (bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	limit := q.limit
	if !important {
		limit -= limit / 4
	}
	raw := encode(record)
	if len(record) > RecordMax || q.bytes()+int64(len(raw)) > limit {
		q.losses.Full++
		return false, nil
	}
	if err := q.write(raw); err != nil {
		q.losses.Failed++
		return false, fmt.Errorf("writing to queue %s: %w", q.dir, err)
	}
	select {
	case q.more <- struct{}{}:
	default:
	}
	return true, nil
}

func (q *Queue) write(raw []byte) error {
	last := &q.all[len(q.all)-1]
	if last.size >= q.segment {
		if err := q.begin(); err != nil {
			return err
		}
		last = &q.all[len(q.all)-1]
	}
	if _, err := q.out.WriteAt(raw, last.size); err != nil {
		return errors.Join(err, q.out.Truncate(last.size))
	}
	last.size += int64(len(raw))
	q.next++
	q.dirty = true
	return nil
}

// Peek gives the first records, at most so many and so many bytes, but one at least where there is one. They stay.
func (q *Queue) Peek(records, bytes int) ([][]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		out, skipped, err := q.read(records, bytes)
		if err != nil {
			return nil, fmt.Errorf("reading queue %s: %w", q.dir, err)
		}
		if len(out) > 0 || !skipped {
			return out, nil
		}
	}
}

// read is Peek within one segment. skipped says that there is another one to read in.
func (q *Queue) read(records, bytes int) (out [][]byte, skipped bool, err error) {
	end := q.next
	if len(q.all) > 1 {
		end = q.all[1].first
	}
	if q.head >= end {
		if len(q.all) == 1 {
			return nil, false, nil
		}
		return nil, true, q.drop()
	}
	f, err := os.Open(q.all[0].name)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	at := q.at
	for number := q.head; number < end && len(out) < records; number++ {
		record, err := readRecord(f, at)
		if errors.Is(err, errTorn) {
			if len(out) > 0 {
				break // these first
			}
			q.losses.Damaged += end - number
			return nil, true, q.skip(end)
		}
		if err != nil {
			return nil, false, err
		}
		if bytes -= len(record); bytes < 0 && len(out) > 0 {
			break
		}
		out = append(out, record)
		at += headerSize + int64(len(record))
	}
	return out, false, nil
}

// skip gives up the rest of a damaged segment.
func (q *Queue) skip(end uint64) error {
	if len(q.all) == 1 {
		q.next = end
		if err := q.begin(); err != nil {
			return err
		}
	}
	return q.drop()
}

// pass moves the head behind records.
func (q *Queue) pass(records [][]byte) {
	for _, r := range records {
		q.head++
		q.at += headerSize + int64(len(r))
	}
}

// Done forgets the first records, which Peek gave: they have arrived.
func (q *Queue) Done(records [][]byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pass(records)
	var err error
	if last := q.all[len(q.all)-1]; q.head == q.next && last.size >= segmentLeast {
		err = q.begin()
	}
	for err == nil && len(q.all) > 1 && q.all[1].first <= q.head {
		err = q.drop()
	}
	if err = errors.Join(err, writeCursor(q.dir, q.head)); err != nil {
		return fmt.Errorf("moving queue %s on: %w", q.dir, err)
	}
	return nil
}

// More tells that records came since it was last received from.
func (q *Queue) More() <-chan struct{} { return q.more }

// Len is how many records wait, and how many bytes the queue takes up.
func (q *Queue) Len() (records uint64, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.next - q.head, q.bytes()
}

func (q *Queue) bytes() (n int64) {
	for i := range q.all {
		n += q.all[i].size
	}
	return n
}

// Losses tells what was lost since the queue was opened.
func (q *Queue) Losses() Losses {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.losses
}

// Sync brings to the disk what the kernel still holds.
func (q *Queue) Sync() error {
	q.mu.Lock()
	out, dirty := q.out, q.dirty
	q.dirty = false
	q.mu.Unlock()
	if !dirty {
		return nil
	}
	// race: a segment that was begun since has synced and closed this one.
	if err := out.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("syncing queue %s: %w", q.dir, err)
	}
	return nil
}

// Close ends the use of the queue. What waits in it is there when it is opened again.
func (q *Queue) Close() error {
	err := q.Sync()
	q.mu.Lock()
	defer q.mu.Unlock()
	return errors.Join(err, q.out.Close())
}
