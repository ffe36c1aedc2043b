// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/testdata/need"
)

func TestAnswersAreReadByAddress(t *testing.T) {
	need.Programs(t)
	spec, err := bpf.Spec(MinTableSize, bpf.FormObserve, 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ebpf.NewMap(spec.Maps["answers"])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	four, six := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8::7")
	for i, a := range []struct {
		slot    uint32
		address netip.Addr
		name    string
		expires uint64
	}{
		{1, four, "api.anthropic.com", 200}, {2, four, "api.anthropic.com", 300}, {2, four, "example.com", 300}, {1, six, "old.example.com", 100},
		{2, six, "www.example.com", 101}, {3, six, "written.example.com", 0},
	} {
		value := bpf.Answer{Expires: a.expires, Length: uint32(len(a.name))}
		copy(value.Name[:], a.name)
		if err := m.Put(bpf.AnswerKey{Slot: a.slot, Generation: 1, Address: a.address.As16(), Index: uint32(i)}, value); err != nil {
			t.Fatal(err)
		}
	}
	got, err := (&Kernel{Maps: &bpf.Maps{Answers: m}}).Answers(100)
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range got {
		if len(names) == 2 && names[0] > names[1] {
			names[0], names[1] = names[1], names[0] // a map has no order
		}
	}
	want := map[netip.Addr][]string{four: {"api.anthropic.com", "example.com"}, six: {"www.example.com"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}
