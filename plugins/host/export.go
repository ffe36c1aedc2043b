// SPDX-License-Identifier: Apache-2.0

// This file is how events leave: into the queue without anybody waiting, out of it in batches until each has arrived.

package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reeve-sensor/reeve/plugins/api"
	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
)

// Event is an event on its way to plugins. Make is called beside whoever had it happen.
type Event struct {
	Notable bool
	Chosen  []string // plugins that a rule sends it to
	Make    func() (*api.Event, error)

	settled func() // it is no event, but asks whether all that came before is on disk
}

const (
	inMost     = 1 << 16 // events between whoever has them happen and the disk
	batchMost  = 512     // events of one call
	batchBytes = 1 << 20
	syncEvery  = time.Second
)

// wants reports whether the plugin exports an event. Until it has run once it is taken for one that does.
func (w *worker) wants(e *Event) bool {
	if w.silent.Load() {
		return false
	}
	switch w.spec.Events {
	case All:
		return true
	case Notable:
		if e.Notable {
			return true
		}
	}
	return slices.Contains(e.Chosen, w.spec.Name)
}

// offer takes an event in, or counts it. It never waits.
func (w *worker) offer(e Event) {
	select {
	case w.in <- e:
	default:
		w.set(func(s *Status) { s.Dropped++ })
	}
}

// settle asks behind all events that came so far. It never waits: it is false where there is no room to ask.
func (w *worker) settle(settled func()) bool {
	select {
	case w.in <- Event{settled: settled}:
		return true
	default:
		return false
	}
}

// take brings events from memory to disk, until ctx ends and none is left.
func (w *worker) take(ctx context.Context) {
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	lost := w.look().Dropped
	for {
		select {
		case e := <-w.in:
			w.put(&e)
		case <-ticker.C:
			if err := w.queue.Sync(); err != nil {
				w.o.Log.Error("exports are not safe on disk", "plugin", w.spec.Name, "problem", err)
			}
			lost = w.tellLost(lost)
		case <-ctx.Done():
			for {
				select {
				case e := <-w.in:
					w.put(&e)
				default:
					return
				}
			}
		}
	}
}

func (w *worker) put(e *Event) {
	if e.settled != nil {
		e.settled()
		return
	}
	raw, err := wireOf(e)
	if err != nil {
		w.set(func(s *Status) { s.Dropped++ })
	} else {
		_, err = w.queue.Append(raw, e.Notable || len(e.Chosen) > 0) // the queue counts what it does not take
	}
	if err != nil {
		w.o.Log.Error("an event is not exported", "plugin", w.spec.Name, "problem", err)
	}
}

func wireOf(e *Event) ([]byte, error) {
	made, err := e.Make()
	if err != nil {
		return nil, err
	}
	return proto.Marshal(made.Wire())
}

// tellLost tells that more events were lost than when it was told last.
func (w *worker) tellLost(told uint64) uint64 {
	lost := w.look().Dropped
	if lost == told || !w.tell(NoticeLost, Notice{Name: NoticeLost, Severity: "high",
		Message: fmt.Sprintf("plugin %s: %d events were lost, since its queue was full, its disk failed or nobody could write them down", w.spec.Name, lost)}) {
		return told
	}
	return lost
}

// trial is how many events are sent at once, and which of them ends the plugin each time.
type trial struct {
	size    int
	single  int // events that are sent one by one: as many as were sent when the plugin ended
	crashes int // of the first event alone
	beyond  bool
}

// next is how many are sent next.
func (t *trial) next() int {
	if t.single > 0 {
		return 1
	}
	return t.size
}

// crashMost is how often one event alone may end the plugin before the next one is tried.
const crashMost = 3

// export sends what waits. It returns when the plugin must be started anew.
func (w *worker) export(ctx context.Context, c *conn) error {
	if !c.about.Exports {
		w.discard(ctx)
		return nil
	}
	for ctx.Err() == nil {
		size := w.trial.next()
		if w.send.broken() {
			size = 1
		}
		records, err := w.queue.Peek(max(size, 2), batchBytes)
		if err != nil {
			w.o.Log.Error("exports cannot be read", "plugin", w.spec.Name, "problem", err)
		}
		if len(records) == 0 || err != nil {
			w.trial.beyond = false
			if !w.idle(ctx) {
				return nil
			}
			continue
		}
		if err := w.sendSome(ctx, c, records, size); err != nil {
			return err
		}
	}
	return nil
}

// discard empties the queue of a plugin that exports nothing: what came before that was known.
func (w *worker) discard(ctx context.Context) {
	for {
		records, err := w.queue.Peek(batchMost, batchBytes)
		if err == nil && len(records) > 0 {
			err = w.queue.Done(records)
		}
		if err != nil {
			w.o.Log.Error("a queue that nobody needs stays", "plugin", w.spec.Name, "problem", err)
		}
		if (err != nil || len(records) == 0) && !w.idle(ctx) {
			return
		}
	}
}

// idleMost is how long an idle exporter looks at nothing.
const idleMost = time.Minute

func (w *worker) idle(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-w.queue.More():
	case <-w.clock.After(idleMost):
	}
	return true
}

// sendSome sends the first records, or the second one alone to see whether the first is at fault.
func (w *worker) sendSome(ctx context.Context, c *conn, records [][]byte, size int) error {
	beyond := w.trial.beyond && len(records) > 1
	batch := records[:min(size, len(records))]
	if beyond {
		batch = records[1:2]
	}
	refused, err := w.call(ctx, c, batch)
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil && beyond:
		batch = records[:2]
	case err == nil:
	case gone(err):
		w.trial.crashed(len(batch), len(records) > 1)
		return fmt.Errorf("exporting %d events: %w", len(batch), plain(err))
	default:
		rest := w.send.fail()
		w.waits(plain(err), rest)
		select {
		case <-ctx.Done():
		case <-w.clock.After(rest):
		}
		return nil
	}
	if err := w.queue.Done(batch); err != nil {
		w.o.Log.Error("what arrived will be sent again", "plugin", w.spec.Name, "problem", err)
	}
	w.trial.worked(len(batch))
	if beyond {
		w.setAside(records[0])
		refused = 1
	}
	w.set(func(s *Status) { s.Refused += uint64(refused) })
	w.arrived(len(batch) - refused)
	return nil
}

// crashed narrows down what the plugin cannot take.
func (t *trial) crashed(sent int, more bool) {
	if sent > 1 {
		t.size, t.single = max(1, sent/2), sent
		return
	}
	t.crashes++
	switch {
	case t.beyond: // the next one too: no single event is at fault
		t.beyond, t.crashes = false, 0
	case t.crashes >= crashMost && more:
		t.beyond = true
	}
}

func (t *trial) worked(sent int) {
	t.crashes, t.beyond = 0, false
	if t.single > 0 {
		t.single = max(0, t.single-sent)
		return
	}
	t.size = min(t.size*2, batchMost)
}

// setAside gives up an event that ended the plugin again and again while the next one did not: what an agent does must not
// be able to keep everything after it from being exported.
func (w *worker) setAside(record []byte) {
	var m pb.Event
	_ = proto.Unmarshal(record, &m)
	w.o.Log.Error("an event that ends the plugin is left out", "plugin", w.spec.Name, "event", m.Id)
	w.tell(NoticeLost+m.Id, Notice{Name: NoticeLost, Severity: "high",
		Message: fmt.Sprintf("event %s ended plugin %s %d times and is not exported", m.Id, w.spec.Name, crashMost)})
}

// call has the plugin export a batch, and tells how many of it will never arrive.
func (w *worker) call(ctx context.Context, c *conn, batch [][]byte) (refused int, err error) {
	request := &pb.ExportRequest{}
	for _, raw := range batch {
		m := &pb.Event{}
		if err := proto.Unmarshal(raw, m); err != nil { // of a build that wrote otherwise
			refused++
			w.o.Log.Error("an event that nobody can read is left out", "plugin", w.spec.Name, "problem", err)
			continue
		}
		request.Events = append(request.Events, m)
	}
	ctx, cancel := context.WithTimeout(ctx, w.spec.Timeout)
	defer cancel()
	reply, err := c.rpc.Export(ctx, request)
	if err == nil {
		return min(refused+len(reply.Refused), len(batch)), nil
	}
	if status.Code(err) == codes.DeadlineExceeded {
		return 0, errHangs
	}
	return 0, err
}

// errHangs says that a plugin did not answer in time.
var errHangs = errors.New("it did not answer in time")

// gone reports whether a plugin must be started anew: anything but its own word that the back end does not take events.
func gone(err error) bool { return status.Code(err) != codes.Aborted }
