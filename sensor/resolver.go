// SPDX-License-Identifier: Apache-2.0

// Who answers for names, as the kernel side looks it up with each question and each answer of a session.

package sensor

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"
)

// MaxResolvers is how many the kernel side holds.
func (k *Kernel) MaxResolvers() int { return int(k.Maps.Resolvers.MaxEntries()) }

// SetResolvers makes the kernel side believe these and no others. Who stays is never missing meanwhile; who goes makes room first.
// More than MaxResolvers are an error, and some are in.
func (k *Kernel) SetResolvers(list []netip.Addr) error {
	want := map[[16]byte]bool{} // keys of struct resolver
	for _, a := range list {
		want[a.As16()] = true
	}
	if err := deleteOthers(k.Maps.Resolvers, want); err != nil {
		return err
	}
	for key := range want {
		if err := k.Maps.Resolvers.Put(key, uint32(1)); err != nil {
			return fmt.Errorf("adding the resolver %s: %w", netip.AddrFrom16(key).Unmap(), err)
		}
	}
	return nil
}

func deleteOthers(m *ebpf.Map, want map[[16]byte]bool) error {
	var key [16]byte
	var value uint32
	var others [][16]byte
	it := m.Iterate()
	for it.Next(&key, &value) {
		if !want[key] {
			others = append(others, key)
		}
	}
	if err := it.Err(); err != nil {
		return fmt.Errorf("reading the resolvers: %w", err)
	}
	for _, key := range others {
		if err := m.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("removing the resolver %s: %w", netip.AddrFrom16(key).Unmap(), err)
		}
	}
	return nil
}
