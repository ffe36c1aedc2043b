// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf/ringbuf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// memoryRing is a ring of entries at hand; it waits at its end until it is closed.
type memoryRing struct {
	entries chan []byte
	done    chan struct{}
	once    sync.Once

	deadline time.Time
}

func newRing(entries ...[]byte) *memoryRing {
	r := &memoryRing{entries: make(chan []byte, len(entries)), done: make(chan struct{})}
	for _, e := range entries {
		r.entries <- e
	}
	return r
}

func (r *memoryRing) ReadInto(rec *ringbuf.Record) error {
	select {
	case rec.RawSample = <-r.entries:
		return nil
	default:
	}
	select {
	case rec.RawSample = <-r.entries:
		return nil
	case <-r.done:
		return ringbuf.ErrClosed
	case <-time.After(time.Until(r.deadline)):
		return os.ErrDeadlineExceeded
	}
}

func (r *memoryRing) SetDeadline(at time.Time) { r.deadline = at }

func (r *memoryRing) Close() error {
	r.once.Do(func() { close(r.done) })
	return nil
}

type names struct{}

func (names) Role(uint64, uint16) string      { return "default" }
func (names) Principal(uint64, uint16) string { return "agent" }

func (names) Name(uint64, event.Op, uint32) string { return "name" }
func (names) Rule(e *event.Event) Rule {
	return Rule{"rule-for-" + e.Object, "p.toml:3", "because", "high"}
}

type sink struct {
	mu     sync.Mutex
	events []*event.Event
	full   chan struct{}
	want   int
}

func (s *sink) Append(e *event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events = append(s.events, e); len(s.events) == s.want {
		close(s.full)
	}
}

func rawOf[T any](record *T, head *bpf.EventHeader, tail string) []byte {
	size := int(unsafe.Sizeof(*record))
	head.Size = uint32(size + len(tail))
	return append(append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(record)), size)...), tail...)
}

func by(kind bpf.EventKind, op bpf.Op, pid uint32, at uint64) bpf.EventHeader {
	return bpf.EventHeader{Kind: uint16(kind), Op: uint16(op), Pid: pid, Tid: pid, Started: uint64(pid), Time: at, Session: 5,
		Agent: 1, Uid: 4_000_000_001, Action: uint8(bpf.ActionAllow)}
}

// The records of these tests are of the first moments of a boot that is as old as the test: a session of a machine's own first moments is
// forgotten once the machine is up for a day.
var booted = time.Now()

func wall(at uint64) time.Time { return booted.Add(time.Duration(at)) }

func TestWatchFromRingsToStore(t *testing.T) {
	const root, shell, gone = 3_999_999_001, 3_999_999_002, 3_999_999_003 // no pids of this machine
	start := bpf.EventSession{Head: by(bpf.KindSessionStart, 0, root, 10), Loginuid: ^uint32(0)}
	fork := bpf.EventProcess{Head: by(bpf.KindFork, 0, shell, 20), ParentPid: root, ParentStarted: root}
	program := "/usr/bin/bash"
	check := bpf.EventAccess{Head: by(bpf.KindAccess, bpf.OpExec, shell, 30), Text: uint32(len(program))}
	argv := "bash\x00-c\x00eval 'echo ghp_" + strings.Repeat("A1", 15) + "' < /dev/null && pwd -P >| /tmp/claude-1-cwd\x00"
	commit := bpf.EventExec{Head: by(bpf.KindExec, bpf.OpExecArgv, shell, 31), Length: uint64(len(argv)), Argc: 3, Skipped: 1, Name: 4, Text: uint32(len(argv))}
	denied := bpf.EventAccess{Head: by(bpf.KindAccess, bpf.OpFileRead, shell, 40), Text: 2}
	denied.Head.Action, denied.Head.Flags = uint8(bpf.ActionDeny), uint16(bpf.EventApplied)
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{full: make(chan struct{}), want: 4}
	w := NewWatch(WatchOptions{Catalogue: c, Names: names{}, Sink: s, Limits: session.DefaultLimits, Boot: "3f2a", SinceBoot: procfs.SinceBoot, Wall: wall})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		done <- w.Run(ctx, newRing(rawOf(&start, &start.Head, ""), []byte("garbage"), rawOf(&denied, &denied.Head, "/k")),
			newRing(rawOf(&fork, &fork.Head, ""), rawOf(&check, &check.Head, program), rawOf(&commit, &commit.Head, "bash"+argv)))
	}()
	select {
	case <-s.full:
	case <-time.After(10 * time.Second):
		t.Fatal("events are missing")
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	byKind := map[event.Kind]*event.Event{}
	for _, e := range s.events {
		byKind[e.Kind] = e
	}
	if e := byKind[event.Exec]; e.Path != program || e.Command != "echo ‹redacted:github›" || strings.Contains(e.Object, "ghp_") || e.Session != "3f2a-5" {
		t.Errorf("exec: %+v", e)
	}
	if e := byKind[event.Access]; e.Rule != "rule-for-/k" || e.Place != "p.toml:3" || e.Agent != "claude-code" {
		t.Errorf("access: %+v", e)
	}
	w.View(func(table *session.Table) {
		p := table.Session(5).Process(session.Key{PID: shell, Started: shell})
		if p.Command != "echo ‹redacted:github›" || p.Counts[event.Deny] != 1 || table.Session(5).Process(session.Key{PID: gone}) != nil {
			t.Errorf("process: %+v", p)
		}
	})
	if n := w.Losses()["records_garbled"]; n != 1 {
		t.Errorf("%d garbled", n)
	}
}

// Rules are named by what was really asked for; what is kept has no secrets, also in names.
func TestNetworksGoTheWayOfEvents(t *testing.T) {
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{full: make(chan struct{}), want: 1}
	w := NewWatch(WatchOptions{Catalogue: c, Names: names{}, Sink: s, Limits: session.DefaultLimits, Boot: "3f2a", SinceBoot: procfs.SinceBoot, Wall: wall})
	domain := "ghp_" + strings.Repeat("A1", 15) + ".evil.example"
	denied := bpf.EventNet{Head: by(bpf.KindNet, bpf.OpNetDomain, 3_999_999_001, 40), Port: 443, Protocol: 6, Text: uint32(len(domain))}
	denied.Head.Action, denied.Head.Flags = uint8(bpf.ActionDeny), uint16(bpf.EventApplied)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx, newRing(rawOf(&denied, &denied.Head, domain)), newRing()) }()
	select {
	case <-s.full:
	case <-time.After(10 * time.Second):
		t.Fatal("the event is missing")
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	e := s.events[0]
	if e.Kind != event.Network || e.Rule != "rule-for-"+domain+":443" || e.Object != "‹redacted:github›.evil.example:443" || e.Flow.Domain != "‹redacted:github›.evil.example" {
		t.Errorf("%+v, %+v", e, e.Flow)
	}
	w.View(func(table *session.Table) {
		if table.Session(5).Counts[event.Deny] != 1 {
			t.Errorf("counts %v", table.Session(5).Counts)
		}
	})
}

func TestNoticesGoTheWayOfEvents(t *testing.T) {
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{}
	w := NewWatch(WatchOptions{Catalogue: c, Names: names{}, Sink: s, Limits: session.DefaultLimits, Boot: "3f2a",
		SinceBoot: func() uint64 { return 7 }, Wall: func(n uint64) time.Time { return time.Unix(int64(n), 0) }})
	w.take([]*event.Event{{Kind: event.SessionStart, Head: event.Head{Kind: event.SessionStart, Session: 5, Agent: 1}}})
	token := "ghp_" + strings.Repeat("A1", 15)
	w.Notice(event.Said{Name: event.SafetyAudit, Message: "m " + token, Session: 5})
	w.Notice(event.Said{Name: event.CoverageDegraded, Message: "m"})
	of, host := s.events[1], s.events[2]
	if of.Session != "3f2a-5" || of.Agent != "claude-code" || of.Time != time.Unix(7, 0) || strings.Contains(of.Message(), token) {
		t.Errorf("%+v", of)
	}
	if host.Session != "" || host.ID() != 0 || host.Severity != "critical" {
		t.Errorf("%+v", host)
	}
	w.View(func(table *session.Table) {
		if len(table.Sessions()) != 1 {
			t.Error("a notice began a session")
		}
	})
}
