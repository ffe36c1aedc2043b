// SPDX-License-Identifier: Apache-2.0

package sensor

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

// keptRing is a ring of entries at hand whose reader's place is a number of entries.
type keptRing struct {
	*memoryRing
	read uint64
	kept chan uint64
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
func (r *keptRing) Keep(at uint64)      { r.kept <- at }
func (r *keptRing) Overwritten() uint64 { return 7 }

// Nothing is kept while something before it waits to be completed, nor before the sink's own side says so; and what has a record is
// known by that.
func TestKeptIsWhatIsComplete(t *testing.T) {
	var k keeping
	oldest := uint64(50)
	waits := func() uint64 { return oldest }
	k.came(3)
	if at, due := k.due(100, waits); due {
		t.Fatalf("%d is kept, and something from before waits", at)
	}
	k.came(9) // joins nothing that is asked for now
	oldest = 101
	if at, due := k.due(110, waits); !due || at != 3 {
		t.Errorf("%d is kept: %t, want 3", at, due)
	}
	oldest = ^uint64(0)
	if at, due := k.due(120, waits); !due || at != 9 {
		t.Errorf("%d is kept: %t, want 9", at, due)
	}
	if _, due := k.due(130, waits); due {
		t.Error("the same is kept twice")
	}
}

func TestWatchHasKeptWhatTheSinkHas(t *testing.T) {
	denied := bpf.EventAccess{Head: by(bpf.KindAccess, bpf.OpFileRead, 3_999_999_002, 40), Text: 2}
	denied.Head.Action, denied.Head.Flags = uint8(bpf.ActionDeny), uint16(bpf.EventApplied)
	raw := rawOf(&denied, &denied.Head, "/k")
	ring := &keptRing{memoryRing: newRing(raw, raw, raw), kept: make(chan uint64, 10)}
	s := &sink{full: make(chan struct{}), want: 3}
	asked := make(chan func(), 10)
	w := watching(t, s, func(done func()) { asked <- done })
	stop := running(t, w, ring)
	defer stop()
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
}

// watching is a Watch whose sink's side is asked by settle.
func watching(t *testing.T, s Sink, settle func(func())) *Watch {
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
