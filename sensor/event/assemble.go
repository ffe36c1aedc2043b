// SPDX-License-Identifier: Apache-2.0

// This file joins the records of one exec. The kernel says at the check which file is executed (and which interpreters),
// and at the commit with which command line, in pieces. Verdicts travel on a ring of their own, so pieces of one exec may
// come in any order.

package event

import (
	"cmp"
	"path"
	"slices"

	"github.com/reeve-sensor/reeve/bpf"
)

const (
	// Settle is how long (ns) an exec waits for records of the other ring, which is polled.
	Settle = 80_000_000
	// pendingMax bounds the processes that are amid an exec; past it the oldest is given out unjoined.
	pendingMax = 4096
	// objectsMax bounds the files of one exec: the program and its interpreters (the kernel allows five rounds).
	objectsMax = 8
)

type process struct {
	pid     uint32
	started uint64
}

// exec is one process amid one or more execs.
type exec struct {
	since   uint64 // when the first of what is held came
	objects []object
	begun   []*begun
	lines   []Record
}

// object is a file that an exec was asked for. told: its verdict was an event of its own already.
type object struct {
	Record
	told bool
}

// begun is one exec whose command line is known.
type begun struct {
	Record
	since uint64
}

// Assembler joins records to events. Keyed by process, not by thread: the kernel holds one exec of a process at a time,
// and the thread that executes takes the leader's id on the way.
type Assembler struct {
	pending map[process]*exec
	Evicted uint64 // execs given out unjoined because too many were pending
	Orphans uint64 // pieces of command lines whose beginning was lost
}

// NewAssembler makes an empty Assembler.
func NewAssembler() *Assembler { return &Assembler{pending: map[process]*exec{}} }

// Add takes a record and gives the events that it completes. now is the time since boot in ns.
func (a *Assembler) Add(r Record, now uint64) []*Event {
	switch {
	case r.Kind == Access && r.Op == OpExec:
		return a.object(r, now)
	case r.Kind == Exec:
		x := a.of(&r, now)
		x.begun = append(x.begun, &begun{r, now})
		return a.settle(r.Head, now)
	case r.Kind == kindLine:
		x := a.of(&r, now)
		x.lines = append(x.lines, r)
		return a.settle(r.Head, now)
	case r.Kind == Exit:
		return append(a.exit(process{r.PID, r.Started}), Single(&r))
	}
	return []*Event{Single(&r)}
}

// exit gives out the execs of a process that ended: what the activity ring had of them came before its end. Files whose
// command line may still be on the other ring wait on.
func (a *Assembler) exit(key process) []*Event {
	if x := a.pending[key]; x == nil || len(x.begun) == 0 {
		return nil
	}
	return a.flush(key)
}

// object holds an exec's file until its command line comes. A verdict on it does not wait.
func (a *Assembler) object(r Record, now uint64) []*Event {
	var out []*Event
	told := r.Action != Allow
	if told {
		out = append(out, Single(&r))
	}
	if r.Action.Refuses() && r.Applied() {
		return out
	}
	x := a.of(&r, now)
	if len(x.objects) == objectsMax {
		out = append(out, alone(x.objects[:1])...)
		x.objects = x.objects[1:]
	}
	x.objects = append(x.objects, object{r, told})
	return append(out, a.settle(r.Head, now)...)
}

func (a *Assembler) of(r *Record, now uint64) *exec {
	key := process{r.PID, r.Started}
	x := a.pending[key]
	if x == nil {
		x = &exec{since: now}
		a.pending[key] = x
	}
	return x
}

// settle gives out what of the record's process is whole, and makes room.
func (a *Assembler) settle(h Head, now uint64) []*Event {
	key := process{h.PID, h.Started}
	out := a.whole(key, now)
	if len(a.pending) > pendingMax {
		a.Evicted++
		out = append(out, a.flush(a.oldest())...)
	}
	return out
}

func (a *Assembler) oldest() process {
	var found process
	since := ^uint64(0)
	for k, x := range a.pending {
		if x.since < since {
			found, since = k, x.since
		}
	}
	return found
}

// Oldest is since when something waits; the largest number where nothing does.
func (a *Assembler) Oldest() uint64 {
	since := ^uint64(0)
	for _, x := range a.pending {
		since = min(since, x.since)
	}
	return since
}

// Tick gives out what has waited long enough.
func (a *Assembler) Tick(now uint64) []*Event {
	var out []*Event
	for k, x := range a.pending {
		out = append(out, a.whole(k, now)...)
		if len(x.begun) == 0 && now > x.since+10*Settle {
			out = append(out, a.flush(k)...)
		}
	}
	return out
}

// Close gives out everything.
func (a *Assembler) Close() []*Event {
	var out []*Event
	for k := range a.pending {
		out = append(out, a.flush(k)...)
	}
	return out
}

// whole gives out the execs of a process that are complete, or late, in the order in which they began.
func (a *Assembler) whole(key process, now uint64) []*Event {
	x := a.pending[key]
	if x == nil {
		return nil
	}
	var out []*Event
	slices.SortStableFunc(x.begun, func(p, q *begun) int { return cmp.Compare(p.Time, q.Time) })
	for len(x.begun) > 0 {
		b := x.begun[0]
		late := now >= b.since+Settle
		if !late && !x.ready(b) {
			break
		}
		out = append(out, a.join(x, b)...)
		x.begun = x.begun[1:]
	}
	if len(x.begun) == 0 && len(x.objects) == 0 && len(x.lines) == 0 {
		delete(a.pending, key)
	}
	return out
}

// flush gives out all that is held of a process, joined or not.
func (a *Assembler) flush(key process) []*Event {
	x := a.pending[key]
	if x == nil {
		return nil
	}
	out := a.whole(key, ^uint64(0)-Settle)
	out = append(out, alone(x.objects)...)
	a.Orphans += uint64(len(x.lines))
	delete(a.pending, key)
	return out
}

// alone are the events of objects whose exec did not come about.
func alone(objects []object) []*Event {
	var out []*Event
	for i := range objects {
		if !objects[i].told {
			out = append(out, Single(&objects[i].Record))
		}
	}
	return out
}

// ready reports whether nothing more can come. race: a verdict overtakes what the activity ring holds, files of earlier
// execs too, so it waits for them even where a file of that name is there.
func (x *exec) ready(b *begun) bool {
	return b.Action == Allow && x.lineWhole(b) && x.objectOf(b) >= 0
}

// lineWhole reports whether all recorded pieces of the command line are there.
func (x *exec) lineWhole(b *begun) bool {
	have := uint64(len(b.Text))
	for i := range x.lines {
		if x.lines[i].Time == b.Time {
			have += uint64(len(x.lines[i].Text))
			if x.lines[i].Last {
				return have >= x.lines[i].Offset+uint64(len(x.lines[i].Text))
			}
		}
	}
	return have >= min(b.Length, uint64(bpf.LineKeep)) || len(b.Text) == 0
}

// objectOf finds the file that the exec was asked for: the latest of that name before the commit. What follows it up to
// the commit are its interpreters.
func (x *exec) objectOf(b *begun) int {
	for i := len(x.objects) - 1; i >= 0; i-- {
		o := &x.objects[i]
		if o.Time <= b.Time && path.Base(string(o.Text)) == b.Name {
			return i
		}
	}
	return -1
}

// join makes the event of an exec, and those of older files that were asked for in vain.
func (a *Assembler) join(x *exec, b *begun) []*Event {
	var out []*Event
	e := &Event{Kind: Exec, Head: b.Head, At: b.At, View: b.Head.View, Op: OpExecArgv.String(), Argc: b.Argc, Program: b.Name, Skipped: b.Skipped}
	if i := x.objectOf(b); i >= 0 {
		out = append(out, alone(x.objects[:i])...)
		e.Path = string(x.objects[i].Text)
		end := i + 1
		for ; end < len(x.objects) && x.objects[end].Time <= b.Time; end++ {
			e.Interpreter = string(x.objects[end].Text)
		}
		x.objects = x.objects[end:]
	}
	raw := x.take(b)
	e.Cut = uint64(len(raw)) < b.Length
	e.Argv = arguments(raw, b.Argc)
	e.Object = line(b.Name, e.Argv, b.Skipped)
	return append(out, e)
}

// take removes the pieces of b's command line and joins them as far as they are without a gap.
func (x *exec) take(b *begun) []byte {
	raw := b.Text
	var rest []Record
	slices.SortStableFunc(x.lines, func(p, q Record) int { return cmp.Compare(p.Offset, q.Offset) })
	for _, l := range x.lines {
		if l.Time != b.Time {
			rest = append(rest, l)
			continue
		}
		if l.Offset == uint64(len(raw)) {
			raw = append(raw, l.Text...)
		}
	}
	x.lines = rest
	return raw
}
