// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"errors"
	"maps"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// Before everything is known, what is in the kernel may only become stricter; then it is what was decided, and nothing else.
func TestDecisionsInTheKernel(t *testing.T) {
	need.Programs(t)
	spec, err := bpf.Spec(MinTableSize, bpf.FormObserve, 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ebpf.NewMap(spec.Maps["decided"])
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	k := &Kernel{Maps: &bpf.Maps{Decided: m}}
	one, two := bpf.DecidedKey{Uid: 1000, Agent: 1}, bpf.DecidedKey{Uid: 1000, Agent: 2}
	for i, step := range []struct {
		set  Decisions
		all  bool
		want Decisions
	}{
		{Decisions{one: bpf.StartApproved}, false, Decisions{one: bpf.StartApproved}},
		{Decisions{two: bpf.StartApproved}, false, Decisions{one: bpf.StartApproved, two: bpf.StartApproved}},
		{Decisions{one: bpf.StartRevoked, two: 0}, false, Decisions{one: bpf.StartRevoked, two: 0}},
		{Decisions{one: bpf.StartApproved, two: bpf.StartApproved}, false, Decisions{one: bpf.StartRevoked, two: 0}},
		{Decisions{one: bpf.StartApproved}, true, Decisions{one: bpf.StartApproved}},
		{nil, true, Decisions{}},
	} {
		if err := k.SetDecided(step.set, step.all); err != nil {
			t.Fatal(err)
		}
		have, err := k.decided()
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(have, step.want) {
			t.Errorf("step %d: %v, want %v", i, have, step.want)
		}
	}
}

func TestTooManyDecisionsAreTold(t *testing.T) {
	need.Programs(t)
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 8, ValueSize: 4, MaxEntries: uint32(bpf.DecidedMax)})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	k, want := &Kernel{Maps: &bpf.Maps{Decided: m}}, Decisions{}
	for i := range bpf.DecidedMax + 1 {
		want[bpf.DecidedKey{Uid: uint32(i), Agent: 1}] = bpf.StartRevoked
	}
	if err := k.SetDecided(want, true); !errors.Is(err, errManyDecisions) {
		t.Errorf("%v", err)
	}
}
