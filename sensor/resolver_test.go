// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"math/rand/v2"
	"net/netip"
	"slices"
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

func numbered(numbers ...int) []netip.Addr {
	var list []netip.Addr
	for _, n := range numbers {
		list = append(list, netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff, 12: 198, 13: 18, 14: byte(n >> 8), 15: byte(n)}))
	}
	return list
}

func TestResolversKeepTheirPlaces(t *testing.T) {
	for name, tc := range map[string]struct{ now, list, want []int }{
		"first":             {nil, []int{1, 2}, []int{1, 2}},
		"again":             {[]int{1, 2}, []int{2, 1}, []int{1, 2}},
		"twice":             {nil, []int{1, 1}, []int{1}},
		"one-more":          {[]int{1, 2}, []int{1, 2, 3}, []int{1, 2, 3}},
		"one-for-another":   {[]int{1, 2, 3}, []int{4, 2, 3}, []int{4, 2, 3}},
		"last-goes":         {[]int{1, 2, 3}, []int{1, 2}, []int{1, 2}},
		"first-goes":        {[]int{1, 2, 3}, []int{2, 3}, []int{3, 2, 3}},
		"after-first-went":  {[]int{3, 2, 3}, []int{2, 3}, []int{3, 2}},
		"new-after-it-went": {[]int{3, 2, 3}, []int{2, 3, 4}, []int{3, 2, 4}},
		"all-go":            {[]int{1, 2, 3}, nil, nil},
		"one-is-left":       {[]int{1, 2, 3}, []int{3}, []int{3, 3, 3}},
		"after-one-is-left": {[]int{3, 3, 3}, []int{3}, []int{3}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := resolverPlaces(numbered(tc.now...), numbered(tc.list...)), numbered(tc.want...); !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

// Whoever stays has a place that is theirs before, after and in between, and nobody else is in; twice the same leaves each once.
func TestResolversInTheKernelAreThoseThatWereSet(t *testing.T) {
	k := resolverMap(t)
	var now []netip.Addr
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		list := numbered(random.Perm(2 * k.MaxResolvers())[:random.IntN(k.MaxResolvers()+1)]...)
		before := now
		if err := k.SetResolvers(list); err != nil {
			t.Fatal(err)
		}
		now = inKernel(t, k)
		for _, a := range list {
			if i := slices.Index(before, a); i >= 0 && now[i] != a {
				t.Fatalf("%s lost its place", a)
			}
		}
		if !slices.Equal(sorted(now), sorted(list)) {
			t.Fatalf("%v, want %v", now, list)
		}
		if random.IntN(2) == 0 {
			continue
		}
		for len(now) > len(list) {
			if err := k.SetResolvers(list); err != nil {
				t.Fatal(err)
			}
			now = inKernel(t, k)
		}
		if !slices.Equal(sorted(now), sorted(list)) || len(now) != len(list) {
			t.Fatalf("again: %v, want %v", now, list)
		}
	}
}

func inKernel(t *testing.T, k *Kernel) []netip.Addr {
	t.Helper()
	now, err := readResolvers(k.Maps.Resolvers)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(now); i < k.MaxResolvers(); i++ {
		var r bpf.Resolver
		if err := k.Maps.Resolvers.Lookup(uint32(i), &r); err != nil || r != (bpf.Resolver{}) {
			t.Fatalf("behind the end: %v, %v", r, err)
		}
	}
	return now
}

// sorted is each once.
func sorted(list []netip.Addr) []netip.Addr {
	return slices.Compact(slices.SortedFunc(slices.Values(list), netip.Addr.Compare))
}

// As packets are read (include/packet.h), and with both words over each other.
func TestResolverIsSealed(t *testing.T) {
	k := resolverMap(t)
	if err := k.SetResolvers([]netip.Addr{netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("fd00::53")}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bpf.Resolver{
		{Address: [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 53}, Seal: 53<<56 | 10<<32 | 0xffff<<16},
		{Address: [16]byte{0: 0xfd, 15: 0x53}, Seal: 0x53<<56 | 0xfd},
	} {
		var got bpf.Resolver
		if err := k.Maps.Resolvers.Lookup(uint32(i), &got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestResolversThatCannotBeSetChangeNothing(t *testing.T) {
	k := resolverMap(t)
	some := numbered(1, 2)
	if err := k.SetResolvers(some); err != nil {
		t.Fatal(err)
	}
	var many []int
	for i := range k.MaxResolvers() + 1 {
		many = append(many, i+2)
	}
	for name, list := range map[string][]netip.Addr{"too-many": numbered(many...), "nobody": {netip.IPv6Unspecified()}} {
		if err := k.SetResolvers(list); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := inKernel(t, k); !slices.Equal(got, some) {
			t.Errorf("%s: %v, want %v", name, got, some)
		}
	}
}
