// SPDX-License-Identifier: Apache-2.0

package sensor

// What a ring of verdicts remembers of its readers, on real rings; and when the watch has it remember.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/session"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// writer is a ring and a program that writes one number to it at each run.
func writer(t *testing.T) (ring *ebpf.Map, write func(numbers ...uint64)) {
	t.Helper()
	need.Programs(t)
	ring, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: uint32(os.Getpagesize())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	number, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { number.Close() })
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SocketFilter, License: "GPL", Instructions: asm.Instructions{
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, number.FD()), asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4), asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "end"),
		asm.LoadMapPtr(asm.R1, ring.FD()), asm.Mov.Reg(asm.R2, asm.R0), asm.Mov.Imm(asm.R3, 8), asm.Mov.Imm(asm.R4, 0), asm.FnRingbufOutput.Call(),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("end"), asm.Return(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return ring, func(numbers ...uint64) {
		t.Helper()
		for _, n := range numbers {
			if err := number.Put(uint32(0), n); err != nil {
				t.Fatal(err)
			}
			if _, err := program.Run(&ebpf.RunOptions{Data: make([]byte, 64)}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// read gives the numbers that a reader finds, and where they lie.
func read(t *testing.T, v *Verdicts) (numbers []uint64, places []string) {
	t.Helper()
	for {
		var r ringbuf.Record
		v.SetDeadline(time.Now())
		if err := v.ReadInto(&r); errors.Is(err, os.ErrDeadlineExceeded) {
			return numbers, places
		} else if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, binary.NativeEndian.Uint64(r.RawSample))
		places = append(places, fmt.Sprint(v.Birth(), " ", v.At()))
	}
}

func ringAt(t *testing.T, ring *ebpf.Map) *Verdicts {
	t.Helper()
	v, err := OpenVerdicts(ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// What a reader had not kept comes to the next one, from the same place, with what was written when there was none.
func TestWhatWasNotKeptIsReadAgain(t *testing.T) {
	ring, write := writer(t)
	first := ringAt(t, ring)
	write(1, 2)
	_, kept := read(t, first)
	first.Keep(first.At())
	write(3, 4)
	numbers, places := read(t, first)
	if !slices.Equal(numbers, []uint64{3, 4}) || len(kept) != 2 {
		t.Fatalf("read %v", numbers)
	}
	first.Close()
	first.Keep(first.At()) // of nobody any more
	write(5)
	second := ringAt(t, ring)
	numbers, again := read(t, second)
	if !slices.Equal(numbers, []uint64{3, 4, 5}) || !slices.Equal(again[:2], places) || second.Overwritten() != 0 {
		t.Errorf("the next reader has %v at %v, where the first had %v; %d bytes are lost", numbers, again, places, second.Overwritten())
	}
}

// What the kernel wrote over is counted, and what it wrote is read.
func TestWhatIsWrittenOverIsCounted(t *testing.T) {
	ring, write := writer(t)
	first := ringAt(t, ring)
	write(1, 2)
	read(t, first)
	lost := first.At()
	first.Close()
	room := uint64(ring.MaxEntries())/16 - 1 // a record is a header and a number, and no ring is ever quite full
	for n := range room + 1 {
		write(n)
	}
	second := ringAt(t, ring)
	if numbers, _ := read(t, second); len(numbers) != int(room) || numbers[0] != 0 || second.Overwritten() != lost {
		t.Errorf("%d of %d, %d bytes lost of %d", len(numbers), room, second.Overwritten(), lost)
	}
}

// What is read again keeps no room in the ring: the kernel may write where it lay, be it that it had looked for room before.
func TestReadingAgainTakesNoRoom(t *testing.T) {
	ring, write := writer(t)
	first := ringAt(t, ring)
	write(1, 2)
	read(t, first)
	first.Close()
	second := ringAt(t, ring)
	want := []uint64{1, 2}
	for n := range uint64(ring.MaxEntries())/16 - 1 {
		write(n)
		want = append(want, n)
	}
	if numbers, _ := read(t, second); !slices.Equal(numbers, want) || second.Overwritten() != 0 {
		t.Errorf("%d of %d records, %d bytes are lost", len(numbers), len(want), second.Overwritten())
	}
}

// A place at which no record begins costs what was not kept, and no more than that.
func TestPlaceOfNoRecordIsLeft(t *testing.T) {
	ring, write := writer(t)
	first := ringAt(t, ring)
	write(1<<20, 2)
	read(t, first)
	first.Keep(8) // the number, which says of how many bytes it would be the head
	first.Close()
	write(3)
	second := ringAt(t, ring)
	if numbers, _ := read(t, second); !slices.Equal(numbers, []uint64{3}) || second.Overwritten() != 24 {
		t.Errorf("read %v, %d bytes are lost", numbers, second.Overwritten())
	}
	second.Close()
	if third := ringAt(t, ring); third.Overwritten() != 0 {
		t.Errorf("%d bytes are lost once more", third.Overwritten())
	}
}

// What was discarded is passed over, as the ring's own reader does; half a record, and one that is being written, are none.
func TestEntriesOfARing(t *testing.T) {
	record := func(head uint32, size int) []byte {
		return append(binary.NativeEndian.AppendUint32(nil, head), make([]byte, 4+size)...)
	}
	for name, tc := range map[string]struct {
		raw  []byte
		ends []uint64
		ok   bool
	}{
		"nothing":     {nil, nil, true},
		"padded":      {slices.Concat(record(3, 8), record(8, 8)), []uint64{116, 132}, true},
		"discarded":   {slices.Concat(record(8|1<<30, 8), record(8, 8)), []uint64{132}, true},
		"written-now": {slices.Concat(record(8, 8), record(8|1<<31, 8)), nil, false},
		"too-long":    {slices.Concat(record(8, 8), record(9, 8)), nil, false},
		"no-head":     {slices.Concat(record(8, 8), make([]byte, 4)), nil, false},
	} {
		found, ok := entries(tc.raw, 100)
		var ends []uint64
		for _, e := range found {
			ends = append(ends, e.end)
		}
		if ok != tc.ok || !slices.Equal(ends, tc.ends) {
			t.Errorf("%s: %v, %t", name, ends, ok)
		}
	}
}

// How far was acted on is known to the next reader, and is not what it does itself.
func TestHowFarWasActedIsRemembered(t *testing.T) {
	ring, write := writer(t)
	first := ringAt(t, ring)
	write(1, 2)
	read(t, first)
	first.Act(16)
	first.Act(8)
	first.Close()
	second := ringAt(t, ring)
	second.Act(32)
	if first.Acted() != 0 || second.Acted() != 16 {
		t.Errorf("acted up to %d before the first, %d before the second", first.Acted(), second.Acted())
	}
}

// keptRing is a ring of entries at hand whose reader's place is a number of entries.
type keptRing struct {
	*memoryRing
	read  uint64
	acted uint64
	kept  chan uint64
}

func (r *keptRing) ReadInto(rec *ringbuf.Record) error {
	err := r.memoryRing.ReadInto(rec)
	if err == nil {
		r.read++
	}
	return err
}

func (r *keptRing) At() uint64          { return r.read }
func (r *keptRing) Birth() string       { return "b" }
func (r *keptRing) Act(at uint64)       { r.acted = at }
func (r *keptRing) Acted() uint64       { return 2 }
func (r *keptRing) Keep(at uint64)      { r.kept <- at }
func (r *keptRing) Overwritten() uint64 { return 7 }

// Nothing is kept while something before it waits to be completed, nor before the sink's own side says so; and what has a record is
// known by that.
func TestKeptIsWhatIsComplete(t *testing.T) {
	var k keeping
	oldest := uint64(50)
	waits := func() uint64 { return oldest }
	k.last = 3
	if at, due := k.due(100, waits); due {
		t.Fatalf("%d is kept, and something from before waits", at)
	}
	k.last = 9 // joins nothing that is asked for now
	oldest = 101
	for range 2 { // nobody could be asked
		if at, due := k.due(110, waits); !due || at != 3 {
			t.Errorf("%d is kept: %t, want 3", at, due)
		}
	}
	k.asked = 3
	oldest = ^uint64(0)
	if at, due := k.due(120, waits); !due || at != 9 {
		t.Errorf("%d is kept: %t, want 9", at, due)
	}
	k.asked = 9
	if _, due := k.due(130, waits); due {
		t.Error("the same is kept twice")
	}
}

// refusals is a ring of so many verdicts, of which an earlier daemon acted on two.
func refusals(n int) *keptRing {
	denied := bpf.EventAccess{Head: by(bpf.KindAccess, bpf.OpFileRead, 3_999_999_002, 40), Text: 2}
	denied.Head.Action, denied.Head.Flags = uint8(bpf.ActionDeny), uint16(bpf.EventApplied)
	raw := rawOf(&denied, &denied.Head, "/k")
	return &keptRing{memoryRing: newRing(slices.Repeat([][]byte{raw}, n)...), kept: make(chan uint64, 10)}
}

func TestWatchHasKeptWhatTheSinkHas(t *testing.T) {
	ring := refusals(3)
	s := &sink{full: make(chan struct{}), want: 3}
	asked := make(chan func(), 10)
	w := watching(t, s, func(done func()) bool { asked <- done; return true })
	stop := running(t, w, ring)
	<-s.full
	var at uint64
	for at < 3 {
		done := <-asked
		select {
		case n := <-ring.kept:
			t.Fatalf("%d is kept before the sink's side said so", n)
		default:
		}
		done()
		at = <-ring.kept
	}
	seen := map[string]bool{}
	for _, e := range s.events {
		seen[e.UID(event.Host{Life: "x"})] = true
	}
	if len(seen) != 3 || !seen["3f2a-5/b.1"] || !seen["3f2a-5/b.3"] {
		t.Errorf("ids %v", seen)
	}
	if n := w.Losses()["verdict_bytes_overwritten"]; n != 7 {
		t.Errorf("%d bytes were overwritten", n)
	}
	go func() { (<-asked)() }() // the end asks too
	stop()
}

// Where nobody can be asked it is tried again, though no more verdicts come.
func TestWhoCouldNotBeAskedIsAskedAgain(t *testing.T) {
	ring := refusals(3)
	s := &sink{full: make(chan struct{}), want: 3}
	refused := 0
	stop := running(t, watching(t, s, func(done func()) bool {
		select {
		case <-s.full:
			refused++
		default:
		}
		if refused <= 3 {
			return false
		}
		done()
		return true
	}), ring)
	defer stop()
	late := time.After(time.Minute)
	for at := uint64(0); at < 3; {
		select {
		case at = <-ring.kept:
		case <-late:
			t.Fatalf("%d is kept, want 3", at)
		}
	}
}

// What ends in order leaves nothing that is read again: all that came is kept before the ring is closed.
func TestOrderlyEndHasAllKept(t *testing.T) {
	ring := refusals(3)
	s := &sink{full: make(chan struct{}), want: 3}
	ctx, end := context.WithCancel(t.Context())
	w := watching(t, s, func(done func()) bool {
		if ctx.Err() != nil {
			go done()
		}
		return ctx.Err() != nil
	})
	go func() {
		<-s.full
		end()
	}()
	if err := w.Run(ctx, ring, newRing()); err != nil {
		t.Error(err)
	}
	select {
	case at := <-ring.kept:
		if at != 3 {
			t.Errorf("%d is kept, want 3", at)
		}
	default:
		t.Error("nothing is kept")
	}
}

// actedFirst is a sink that looks how far its ring says that was acted when an event comes.
type actedFirst struct {
	sink
	ring *keptRing
	late []uint64
}

func (s *actedFirst) Append(e *event.Event) {
	if s.ring.acted < e.At {
		s.late = append(s.late, e.At)
	}
	s.sink.Append(e)
}

// What an earlier daemon acted on is said to be so, what it had only read is not; what this one acts on, the ring knows before.
func TestNothingIsActedOnTwice(t *testing.T) {
	ring := refusals(3)
	s := &actedFirst{sink: sink{full: make(chan struct{}), want: 3}, ring: ring}
	stop := running(t, watching(t, s, nil), ring)
	<-s.full
	stop()
	for _, e := range s.events {
		if e.Again != (e.At <= 2) {
			t.Errorf("%d: again %t", e.At, e.Again)
		}
	}
	if len(s.late) > 0 {
		t.Errorf("%v came before the ring knew", s.late)
	}
}

// Where nobody reads on, what is handed on has no gaps: all before a place that is kept came.
func TestMergerThatStopsLeavesNoGap(t *testing.T) {
	stopped := make(chan struct{})
	close(stopped)
	for range 100 {
		out := make(chan event.Record, 4)
		m := &merger{out: out, done: stopped}
		if err := m.hand([]event.Record{{At: 1}, {At: 2}, {At: 3}, {At: 4}}, nil); err != nil && !errors.Is(err, errStopped) {
			t.Fatal(err)
		}
		close(out)
		var before uint64
		for r := range out {
			if r.At != before+1 {
				t.Fatalf("%d came after %d", r.At, before)
			}
			before = r.At
		}
	}
}

// watching is a Watch whose sink's side is asked by settle.
func watching(t *testing.T, s Sink, settle func(func()) bool) *Watch {
	t.Helper()
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return NewWatch(WatchOptions{Catalogue: c, Names: names{}, Sink: s, Settle: settle, Limits: session.DefaultLimits, Boot: "3f2a"})
}

// running runs it on a ring of verdicts, until the function that it returns is called.
func running(t *testing.T, w *Watch, verdicts Ring) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx, verdicts, newRing()) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
