// SPDX-License-Identifier: Apache-2.0

// Carrying over: programs of another ABI cannot share their maps. This build's are loaded beside them with maps of their
// own, take over sessions and tasks, and only then the others go: a task is held by the ones until it is held by the others.

package sensor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
)

// abi is this build's; tests have another one.
var abi = bpf.ABIVersion

// conversions read a session as another ABI has it. A task's state only grows at its end, and has none.
var conversions = map[int]func([]byte) (bpf.Session, error){
	3: asBefore, // knew no sockets: those that are open are marked as what a session holds is
	4: asBefore, // had no sockets of everyday in its tables
	5: asBefore, // knew no builds
	6: asBefore, // knew no skills, no copies of programs, nor what was decided about agents
}

// asBefore reads a session of an ABI that has the same.
func asBefore(raw []byte) (bpf.Session, error) {
	var s bpf.Session
	_, err := binary.Decode(raw, binary.NativeEndian, &s)
	return s, err
}

// carried are the maps that another ABI must have: what was only learned is learned anew.
var carried = []string{"sessions", "tasks", "controls", "reliefs", "grants", "counters"}

// before are the maps of another ABI, until what they hold is carried over.
type before struct {
	maps    map[string]*ebpf.Map
	convert func([]byte) (bpf.Session, error)
	held    []bpf.Change // that give back the slots
}

// foreign opens the maps of a set that this build knows to convert; nil where there is none.
func (s *starter) foreign() (*before, error) {
	for _, p := range s.pinned {
		convert := conversions[p.abi]
		if p.abi == abi || convert == nil {
			continue
		}
		opened, err := s.Pins.openMaps(p, carried)
		if err != nil {
			return nil, fmt.Errorf("carrying over from ABI %d: %w", p.abi, err)
		}
		return &before{maps: opened, convert: convert}, nil
	}
	return nil, nil
}

// hold puts the sessions into their slots, with one thread that is none, so that nobody else takes them. Call it before
// Attach.
func (k *Kernel) hold() error {
	b := k.before
	if b == nil {
		return nil
	}
	var slot uint32
	var raw []byte
	for it := b.maps["sessions"].Iterate(); it.Next(&slot, &raw); {
		session, err := b.convert(raw)
		if err != nil {
			return fmt.Errorf("carrying over the session in slot %d: %w", slot, err)
		}
		if session.Tasks == 0 {
			continue
		}
		session.Tasks = 1
		if err := k.Maps.Sessions.Put(slot, session); err != nil {
			return fmt.Errorf("carrying over the session in slot %d: %w", slot, err)
		}
		b.held = append(b.held, bpf.Change{Slot: slot, Generation: session.Generation, Role: bpf.KeepRole, Release: 1})
	}
	return errors.Join(k.number(b.maps["controls"]), copyMap(k.Maps.Reliefs, b.maps["reliefs"]),
		copyMap(k.Maps.Grants, b.maps["grants"]), copyMap(k.Maps.Counters, b.maps["counters"]))
}

// number goes on with the numbers of sessions.
func (k *Kernel) number(from *ebpf.Map) error {
	var c bpf.Control
	if err := from.Lookup(uint32(0), &c); err != nil {
		return fmt.Errorf("carrying over the controls: %w", err)
	}
	c.Abi = uint32(abi)
	if err := k.Maps.Controls.Put(uint32(0), c); err != nil {
		return fmt.Errorf("carrying over the controls: %w", err)
	}
	return nil
}

// carry takes the tasks over. Call it after Attach, when what they start is marked in both.
func (k *Kernel) carry(ctx context.Context) error {
	b := k.before
	if b == nil {
		return nil
	}
	k.before = nil
	if _, err := k.seed(ctx, bpf.Seed{Mode: bpf.SeedCarry}); err != nil {
		return errors.Join(fmt.Errorf("carrying over tasks: %w", err), closeMaps(b.maps))
	}
	for _, c := range b.held {
		if err := k.Change(c); err != nil && !errors.Is(err, ErrSessionEnded) {
			return errors.Join(err, closeMaps(b.maps))
		}
	}
	return errors.Join(k.MarkSockets(0), closeMaps(b.maps))
}

// copyMap copies what has the same shape; what has not begins anew.
func copyMap(to, from *ebpf.Map) error {
	if to.KeySize() != from.KeySize() || to.ValueSize() != from.ValueSize() || to.Type() != from.Type() {
		return nil
	}
	if to.Type() == ebpf.PerCPUArray {
		return copyEntries[[]uint64](to, from)
	}
	return copyEntries[[]byte](to, from)
}

func copyEntries[V any](to, from *ebpf.Map) error {
	var key []byte
	var value V
	it := from.Iterate()
	for it.Next(&key, &value) {
		if err := to.Put(key, value); err != nil {
			return fmt.Errorf("carrying over %s: %w", to, err)
		}
	}
	return it.Err()
}
