// SPDX-License-Identifier: Apache-2.0

// Who answers for names, as the kernel side looks it up with each question and each answer of a session.

package sensor

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
)

// MaxResolvers is how many the kernel side holds.
func (k *Kernel) MaxResolvers() int { return int(k.Maps.Resolvers.MaxEntries()) }

// SetResolvers makes the kernel side believe these and no others, as FillResolvers does.
func (k *Kernel) SetResolvers(list []netip.Addr) error {
	return FillResolvers(k.Maps.Resolvers, list)
}

// FillResolvers makes a map believe these and no others. Who stays is never missing meanwhile. More than the map holds are an
// error, and so is an address of zeros alone, which would end the list; then nothing is changed.
func FillResolvers(m *ebpf.Map, list []netip.Addr) error {
	now, err := readResolvers(m)
	if err != nil {
		return err
	}
	next := resolverPlaces(now, list)
	if most := int(m.MaxEntries()); len(next) > most {
		return fmt.Errorf("%d resolvers, where %d fit", len(next), most)
	}
	if slices.Contains(next, netip.IPv6Unspecified()) {
		return fmt.Errorf("the resolver %s: not the address of anybody", netip.IPv6Unspecified())
	}
	for i, a := range next {
		if i < len(now) && now[i] == a {
			continue
		}
		if err := m.Put(uint32(i), sealed(a)); err != nil {
			return fmt.Errorf("adding the resolver %s: %w", a.Unmap(), err)
		}
	}
	for i := len(now) - 1; i >= len(next); i-- {
		if err := m.Put(uint32(i), bpf.Resolver{}); err != nil {
			return fmt.Errorf("removing the resolver %s: %w", now[i].Unmap(), err)
		}
	}
	return nil
}

// readResolvers is who is in a map, place by place, each as sixteen bytes.
func readResolvers(m *ebpf.Map) ([]netip.Addr, error) {
	var now []netip.Addr
	for i := range m.MaxEntries() {
		var r bpf.Resolver
		if err := m.Lookup(i, &r); err != nil {
			return nil, fmt.Errorf("reading the resolvers: %w", err)
		}
		if r == (bpf.Resolver{}) {
			break
		}
		now = append(now, netip.AddrFrom16(r.Address))
	}
	return now, nil
}

// resolverPlaces is who is to be at which place: who stays keeps theirs, who is new takes one of those that went, and nothing is empty in
// between. Where nobody is new the last one is there twice, until the next time, when its second place is cut off: a program that looks
// through the places meanwhile may be past the first one.
func resolverPlaces(now, list []netip.Addr) []netip.Addr {
	var want []netip.Addr
	for _, a := range list {
		want = append(want, netip.AddrFrom16(a.As16()))
	}
	next := slices.Clone(now)
	var free []int
	for i, a := range next {
		if !slices.Contains(want, a) || slices.Contains(next[:i], a) {
			free = append(free, i)
		}
	}
	for _, a := range want {
		switch {
		case slices.Contains(next, a):
		case len(free) > 0:
			next[free[0]], free = a, free[1:]
		default:
			next = append(next, a)
		}
	}
	for len(free) > 0 && free[len(free)-1] == len(next)-1 {
		next, free = next[:len(next)-1], free[:len(free)-1]
	}
	for _, i := range free {
		next[i] = next[len(next)-1]
	}
	return next
}

// sealed is an address as programs compare it.
func sealed(a netip.Addr) bpf.Resolver {
	r := bpf.Resolver{Address: a.As16()}
	r.Seal = binary.NativeEndian.Uint64(r.Address[:8]) ^ binary.NativeEndian.Uint64(r.Address[8:])
	return r
}
