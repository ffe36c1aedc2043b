// SPDX-License-Identifier: Apache-2.0

// Watching: from records to events with names, into the table and the store. One goroutine owns all of it.

package sensor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// Rule is what the policy says of the rule behind a verdict. ID is "" where none can be named.
type Rule struct{ ID, Place, Reason, Severity string }

// Names gives words to the numbers of the policy that decided: that of the event's generation, not the one in force now.
type Names interface {
	Role(generation uint64, role uint16) string
	Principal(generation uint64, principal uint16) string
	// Name is what the policy calls what was started, which the kernel knows by a number.
	Name(generation uint64, op event.Op, number uint32) string
	// Rule names what decided: a rule's id, where it is written and why; "default" where none matched.
	Rule(e *event.Event) Rule
}

// Sink takes finished events. It must not wait.
type Sink interface{ Append(*event.Event) }

// WatchOptions are what a Watch is made of.
type WatchOptions struct {
	Catalogue *inventory.Catalogue
	Names     Names
	Sink      Sink
	// Saw is shown each event before secrets are taken out of it, for those who need the name that a file really has; nil shows
	// nobody. It must not wait, nor keep more than that.
	Saw func(*event.Event)
	// Settle has done called, by whomever, once all that the sink was given is safe from this process's death; nil: at once. Where
	// it is false, done is not called. It must not wait.
	Settle func(done func()) bool
	Limits session.Limits
	Boot   session.Boot
	// Version is that of the build that a process runs, where the file's name and the agent do not tell; nil tells of none.
	Version func(pid uint32) string
	// SinceBoot is the kernel's clock, Wall turns its moments into the wall's. nil takes the machine's.
	SinceBoot func() uint64
	Wall      func(uint64) time.Time
}

// Watch turns records into events and keeps the table of sessions.
type Watch struct {
	o           WatchOptions
	mu          sync.Mutex // of table
	table       *session.Table
	assembler   *event.Assembler
	enricher    *enricher
	merger      *merger
	keeping     keeping
	ring        string // of verdicts: its birth
	acted       uint64 // in it, by an earlier daemon
	evicted     uint64
	overwritten uint64 // before anybody kept it
	orphans     uint64
}

// NewWatch makes a Watch that has seen nothing.
func NewWatch(o WatchOptions) *Watch {
	if o.SinceBoot == nil {
		o.SinceBoot, o.Wall = procfs.SinceBoot, procfs.Wall
	}
	if o.Version == nil {
		o.Version = func(uint32) string { return "" }
	}
	if o.Settle == nil {
		o.Settle = func(done func()) bool { done(); return true }
	}
	w := &Watch{o: o, table: session.New(o.Limits), assembler: event.NewAssembler()}
	w.enricher = newEnricher(w)
	return w
}

// View shows the table. f must not keep what it is given.
func (w *Watch) View(f func(*session.Table)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w.table)
}

// pending is how many records may wait for the table's owner.
const pending = 4096

// tick is how often what waits is looked at.
const tick = 20 * time.Millisecond

// Run reads both rings until ctx ends or one fails. It closes them, when what came of them is kept.
func (w *Watch) Run(ctx context.Context, verdicts, activity Ring) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	records := make(chan event.Record, pending)
	m := &merger{verdicts: verdicts, activity: activity, out: records, done: ctx.Done()}
	kept, keeps := verdicts.(keeper)
	w.mu.Lock()
	w.merger = m
	if keeps {
		w.ring, w.acted, w.overwritten = kept.Birth(), kept.Acted(), kept.Overwritten()
	}
	w.mu.Unlock()
	errs := make(chan error, 1)
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := m.run(); err != nil {
			errs <- err
			stop()
		}
	})
	wait.Go(func() { w.enricher.run(ctx) })
	w.own(ctx, records, kept)
	wait.Wait()
	w.enricher.settle()
	if keeps {
		w.settleAll(kept)
	}
	err := errors.Join(verdicts.Close(), activity.Close())
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	return err
}

// own is the loop of the goroutine that owns assembler and table.
func (w *Watch) own(ctx context.Context, records <-chan event.Record, kept keeper) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case r := <-records:
			w.came(kept, r.At)
			w.take(w.assembler.Add(r, w.o.SinceBoot()))
		case <-ticker.C:
			w.take(w.assembler.Tick(w.o.SinceBoot()))
			w.expire()
			if kept != nil {
				w.settle(kept)
			}
		case <-ctx.Done():
			w.take(w.assembler.Close())
			return
		}
	}
}

func (w *Watch) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.table.Expire(time.Now())
	w.evicted, w.orphans = w.assembler.Evicted, w.assembler.Orphans
}

// take finishes events: names, table, what the model asked for; then secrets go out, and the sink gets them.
func (w *Watch) take(events []*event.Event) {
	for _, e := range events {
		if e.Head.Agent == bpf.AgentCanary {
			continue // the sensor's own child
		}
		if e.Kind == event.Present {
			w.present(e) // for the table alone: nothing happened
			continue
		}
		w.name(e)
		if w.enricher.lend(e) {
			continue
		}
		w.finish(e)
		w.enricher.see(e)
	}
}

// finish puts a named event into table and sink. The enricher does so too, with events that were lent to it.
func (w *Watch) finish(e *event.Event) {
	w.enter(e)
	if w.o.Saw != nil {
		w.o.Saw(e)
	}
	e.Redact()
	w.o.Sink.Append(e)
}

func (w *Watch) name(e *event.Event) {
	if e.Kind == event.Derived {
		w.author(e)
	}
	e.Time = w.o.Wall(e.Head.Time)
	if e.At > 0 {
		e.Mark, e.Again = fmt.Sprintf("%s.%d", w.ring, e.At), e.At <= w.acted
	}
	e.Session, e.Parent = w.o.Boot.ID(e.ID()), w.o.Boot.ID(e.ParentID)
	e.Agent, e.Vendor = w.agentName(e.Head.Agent)
	e.User = w.enricher.user(e.Head.UID)
	e.Role = w.o.Names.Role(e.Head.Policy, e.Head.Role)
	e.Principal = w.o.Names.Principal(e.Head.Policy, e.Head.Principal)
	if e.Starts() {
		e.Object = w.o.Names.Name(e.Head.Policy, e.Head.Op, e.Wanted)
	}
	if e.Kind == event.SessionStart && !e.Cause.AtExec() {
		e.Head.Comm = procfs.Comm(e.Head.PID) // the record has the name of the process that adopted it
	}
	if e.Judged() && e.Head.Action != event.Allow {
		r := w.o.Names.Rule(e)
		e.Rule, e.Place, e.Reason, e.Severity = r.ID, r.Place, r.Reason, r.Severity
	}
}

func (w *Watch) agentName(id uint32) (name, vendor string) {
	if a := w.o.Catalogue.ByID(id); a != nil {
		return a.Name, a.Vendor
	}
	return "unknown", ""
}

// enter puts the event into the table. Its texts are copied there redacted.
func (w *Watch) enter(e *event.Event) {
	if e.Kind == event.Exec {
		e.Cwd = procfs.Cwd(e.Head.PID)
		w.locate(e)
	}
	w.mu.Lock()
	w.unwrap(e)
	kept := *e
	kept.Object, kept.Command, kept.Path = event.Redact(e.Object), event.Redact(e.Command), event.Redact(e.Path)
	w.table.Apply(&kept)
	w.mu.Unlock()
}

// locate finds the file of an exec that was not judged: the one that began a session outside of any, and every one where
// there are tracepoints only. The process may have gone on; what it runs now is believed if it has the kernel's name.
func (w *Watch) locate(e *event.Event) {
	if e.Path == "" {
		e.Path, e.Interpreter = procfs.Executed(e.Head.PID, e.Program, e.Argv, e.Skipped)
	}
}

// unwrap takes the agent's shell wrapper off, where the agent itself started the shell: any other process could dress its
// own command line up as one. The kernel says so; of what was adopted it knows no program, and the session's root is taken
// for the agent.
func (w *Watch) unwrap(e *event.Event) {
	a := w.o.Catalogue.ByID(e.Head.Agent)
	s := w.table.Session(e.ID())
	if e.Kind != event.Exec || a == nil || s == nil {
		return
	}
	p := s.Process(session.Key{PID: e.Head.PID, Started: e.Head.Started})
	if !e.Head.ByAgent() && (p == nil || p.Parent != s.Root || p.Execs > 0) {
		return
	}
	e.Command, _ = event.Unwrap(a.Wrapper, e.Argv)
}

// Losses are what went by unseen on this side of the rings.
func (w *Watch) Losses() map[string]uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]uint64{
		"records_garbled": 0, "execs_unjoined": w.evicted, "line_pieces_orphaned": w.orphans,
		"sessions_evicted": w.table.Evicted, "lookups_skipped": w.enricher.skipped.Load(),
		"verdict_bytes_overwritten": w.overwritten,
	}
	if w.merger != nil {
		out["records_garbled"] = w.merger.garbled.Load()
	}
	return out
}
