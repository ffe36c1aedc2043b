// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// A map of the kind that the kernel side has.
func resolverMap(t *testing.T) *Kernel {
	t.Helper()
	need.Programs(t)
	spec, err := bpf.Spec(MinTableSize, bpf.FormObserve, 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ebpf.NewMap(spec.Maps["resolvers"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return &Kernel{Maps: &bpf.Maps{Resolvers: m}}
}

func TestResolversInTheKernelAreThoseThatWereSet(t *testing.T) {
	k := resolverMap(t)
	four, six := netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("fd00::53")
	has := func(a netip.Addr) bool {
		var value uint32
		err := k.Maps.Resolvers.Lookup(a.As16(), &value)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			t.Fatal(err)
		}
		return err == nil
	}
	for _, list := range [][]netip.Addr{{four, six}, {six}, {four}, {}} {
		if err := k.SetResolvers(list); err != nil {
			t.Fatal(err)
		}
		for _, a := range []netip.Addr{four, six} {
			if want := len(list) > 0 && (a == list[0] || a == list[len(list)-1]); has(a) != want {
				t.Errorf("%v: %s is there: %v", list, a, !want)
			}
		}
	}
	key := [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 53} // as packets are read: include/packet.h
	if err := k.SetResolvers([]netip.Addr{four}); err != nil || k.Maps.Resolvers.Lookup(key, new(uint32)) != nil {
		t.Errorf("IPv4 is not mapped: %v", err)
	}
}

// One full set after the other fits.
func TestResolversMakeRoomForOthers(t *testing.T) {
	k := resolverMap(t)
	for _, third := range []byte{0, 1} {
		var list []netip.Addr
		for i := range k.MaxResolvers() {
			list = append(list, netip.AddrFrom4([4]byte{198, 18, third, byte(i)}))
		}
		if err := k.SetResolvers(list); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.SetResolvers(make([]netip.Addr, 0)); err != nil {
		t.Fatal(err)
	}
}
