// SPDX-License-Identifier: Apache-2.0

package event

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/reeve-sensor/reeve/bpf"
)

// raw is a record as the kernel lays it out, with its size filled in.
func raw[T any](t testing.TB, record *T, head *bpf.EventHeader, tail string) []byte {
	t.Helper()
	size := int(unsafe.Sizeof(*record))
	head.Size = uint32(size + len(tail))
	b := append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(record)), size)...)
	return append(b, tail...)
}

func header(kind bpf.EventKind, op bpf.Op) bpf.EventHeader {
	h := bpf.EventHeader{
		Kind: uint16(kind), Op: uint16(op), Time: 1000, Session: 7, Started: 500, Pid: 42, Tid: 43, Uid: 1000, Agent: 1,
		Slot: 3, Principal: 1, Role: 2, Taints: 1, Action: uint8(bpf.ActionAllow), Policy: 9,
	}
	copy(h.Comm[:], "claude")
	return h
}

func rawAccess(t testing.TB) []byte {
	e := bpf.EventAccess{Head: header(bpf.KindAccess, bpf.OpFileRead), Inode: 11, Device: 12, InodeGeneration: 13, Wanted: 14, Text: 9}
	e.Head.Action, e.Head.Flags, e.Head.Error = uint8(bpf.ActionDeny), uint16(bpf.EventApplied), -13
	e.Label[0] = 5
	return raw(t, &e, &e.Head, "/home/u/x")
}

func rawExec(t testing.TB) []byte {
	e := bpf.EventExec{Head: header(bpf.KindExec, bpf.OpExecArgv), Length: 10, Argc: 2, Skipped: 1, Name: 3, Text: 10}
	return raw(t, &e, &e.Head, "git"+"git\x00status")
}

func rawLine(t testing.TB) []byte {
	e := bpf.EventLine{Head: header(bpf.KindLine, bpf.OpExecArgv), Offset: 4096, Text: 3, Last: 1}
	return raw(t, &e, &e.Head, "abc")
}

func rawSession(t testing.TB) []byte {
	e := bpf.EventSession{Head: header(bpf.KindSessionStart, 0), Parent: 6, Loginuid: 1001, Cause: uint32(bpf.CauseAdopt), Refused: 12, Folded: 3}
	return raw(t, &e, &e.Head, "")
}

func rawProcess(t testing.TB) []byte {
	e := bpf.EventProcess{Head: header(bpf.KindFork, 0), ParentStarted: 77, ParentPid: 41}
	return raw(t, &e, &e.Head, "")
}

func rawNet(t testing.TB) []byte {
	e := bpf.EventNet{Head: header(bpf.KindNet, bpf.OpNetDomain), Label: 5, Cookie: 77, Repeats: 3, Space: 4026531840, Reason: uint32(bpf.NetOtherName),
		Detail: 2, Port: 443, Local: 40312, Protocol: 6, Text: 12}
	copy(e.Address[10:], []byte{0xff, 0xff, 203, 0, 113, 7})
	e.Head.Action, e.Head.Flags, e.Head.Error = uint8(bpf.ActionDeny), uint16(bpf.EventApplied), -1
	return raw(t, &e, &e.Head, "evil.example")
}

func rawDerived(t testing.TB) []byte {
	e := bpf.EventDerived{Head: header(bpf.KindDerived, bpf.OpExec), By: 8, Since: 900, Server: 14, Inode: 11, Device: 12, InodeGeneration: 13, Text: 9, Repeats: 2}
	return raw(t, &e, &e.Head, "/home/u/x")
}

func TestDecodeTakesEveryField(t *testing.T) {
	head := func(kind Kind, op Op) Head {
		return Head{Kind: kind, Op: op, Time: 1000, Session: 7, Started: 500, PID: 42, TID: 43, UID: 1000, Agent: 1,
			Slot: 3, Principal: 1, Role: 2, Taints: 1, Action: Allow, Policy: 9, Comm: "claude"}
	}
	denied := head(Access, Op(bpf.OpFileRead))
	denied.Action, denied.Flags, denied.Error = Deny, uint16(bpf.EventApplied), -13
	refused := head(Network, Op(bpf.OpNetDomain))
	refused.Action, refused.Flags, refused.Error = Deny, uint16(bpf.EventApplied), -1
	flow := Flow{Address: netip.MustParseAddr("203.0.113.7"), Port: 443, Local: 40312, Protocol: 6, Domain: "evil.example",
		Reason: NetReason(bpf.NetOtherName), Detail: 2, Cookie: 77, Space: 4026531840}
	for name, tc := range map[string]struct {
		raw  []byte
		want Record
	}{
		"access":  {rawAccess(t), Record{Head: denied, Label: [4]uint64{5}, Inode: 11, Device: 12, Generation: 13, Wanted: 14, Text: []byte("/home/u/x")}},
		"exec":    {rawExec(t), Record{Head: head(Exec, OpExecArgv), Name: "git", Length: 10, Argc: 2, Skipped: 1, Text: []byte("git\x00status")}},
		"line":    {rawLine(t), Record{Head: head(kindLine, OpExecArgv), Offset: 4096, Last: true, Text: []byte("abc")}},
		"session": {rawSession(t), Record{Head: head(SessionStart, 0), Parent: 6, LoginUID: 1001, Cause: CauseAdopt, Refused: 12, Folded: 3}},
		"network": {rawNet(t), Record{Head: refused, Label: [4]uint64{5}, Repeats: 3, Flow: flow}},
		"derived": {rawDerived(t), Record{Head: head(Derived, OpExec), Inode: 11, Device: 12, Generation: 13, Repeats: 2, Text: []byte("/home/u/x"),
			Derivation: Derivation{By: 8, Since: 900, Server: 14}}},
		"process": {rawProcess(t), Record{Head: head(Fork, 0), ParentPID: 41, ParentStarted: 77}},
	} {
		got, err := Decode(tc.raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, tc.want)
		}
	}
}

func TestDecodeOwnsItsText(t *testing.T) {
	b := rawAccess(t)
	r, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = '!'
	}
	if string(r.Text) != "/home/u/x" || r.Comm != "claude" {
		t.Errorf("changed with the ring's memory: %q %q", r.Text, r.Comm)
	}
}

func TestDecodeRefusesWhatIsShort(t *testing.T) {
	for name, whole := range map[string][]byte{
		"access": rawAccess(t), "exec": rawExec(t), "line": rawLine(t), "session": rawSession(t), "process": rawProcess(t), "network": rawNet(t),
		"derived": rawDerived(t),
	} {
		for n := range whole {
			if _, err := Decode(whole[:n]); !errors.Is(err, ErrRecord) {
				t.Fatalf("%s cut to %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestDecodeRefusesWhatLies(t *testing.T) {
	e := bpf.EventExec{Head: header(bpf.KindExec, bpf.OpExecArgv), Name: 3, Text: 1 << 31}
	if _, err := Decode(raw(t, &e, &e.Head, "git")); err == nil || !strings.Contains(err.Error(), "bytes of text") {
		t.Errorf("text longer than the record: %v", err)
	}
	k := bpf.EventSession{Head: header(99, 0)}
	if _, err := Decode(raw(t, &k, &k.Head, "")); err == nil || !strings.Contains(err.Error(), "kind 99") {
		t.Errorf("unknown kind: %v", err)
	}
}

func TestNamesCoverTheABI(t *testing.T) {
	for _, family := range [][2]bpf.Op{
		{bpf.OpExec, bpf.OpPathLast}, {bpf.OpExecArgv, bpf.OpLineLast}, {bpf.OpNetDomain, bpf.OpNetFamily},
		{bpf.OpPrivSetuid, bpf.OpPrivModule}, {bpf.OpConnectorStart, bpf.OpToolCall},
	} {
		for op := family[0]; op <= family[1]; op++ {
			if Op(op).String() == "?" {
				t.Errorf("op %d has no name", op)
			}
		}
	}
	for k := bpf.KindNone + 1; k <= bpf.KindNet; k++ {
		if k != bpf.KindLine && Kind(k).String() == "?" {
			t.Errorf("kind %d has no name", k)
		}
	}
	for c := Cause(bpf.CauseExec); c <= Cause(bpf.CauseBuild); c++ {
		if c.String() == "?" {
			t.Errorf("cause %d has no name", c)
		}
	}
	for v := range View(bpf.Views) {
		if v.String() == "?" {
			t.Errorf("view %d has no name", v)
		}
	}
	for _, name := range KindNames() {
		if k, ok := ParseKind(name); !ok || k.String() != name {
			t.Errorf("kind %q does not come back", name)
		}
	}
}

// FuzzDecode: never panics, and what is decoded holds no more text than the record had.
func FuzzDecode(f *testing.F) {
	for _, b := range [][]byte{rawAccess(f), rawExec(f), rawLine(f), rawSession(f), rawProcess(f), rawNet(f)} {
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err == nil && len(r.Text)+len(r.Name)+len(r.Flow.Domain) > len(b) {
			t.Errorf("%d bytes of text from %d", len(r.Text)+len(r.Name)+len(r.Flow.Domain), len(b))
		}
		if err != nil && !errors.Is(err, ErrRecord) {
			t.Errorf("another error: %v", err)
		}
		a := NewAssembler()
		if err == nil {
			a.Add(r, 0)
			a.Tick(1 << 62)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	raw := rawAccess(b)
	for b.Loop() {
		if _, err := Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}
