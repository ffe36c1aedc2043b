// SPDX-License-Identifier: Apache-2.0

// This file tells the kernel which files have the bytes of programs that policy refuses.

package sensor

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
)

// SetCopy makes the kernel judge an open file by a program's name too, for as long as it has the size that it has now.
func (k *Kernel) SetCopy(f *os.File, program string) error {
	if len(program) >= bpf.CopyPath {
		return fmt.Errorf("telling of a copy of %s: the kernel holds %d bytes of a name", program, bpf.CopyPath-1)
	}
	stamp, err := Stamp(f)
	if err != nil {
		return err
	}
	value := bpf.Copy{Size: stamp.Size, Length: uint32(len(program))}
	copy(value.Path[:], program)
	keys, err := k.filesOf(k.Maps.Written, f, stamp)
	if err == nil && len(keys) == 0 {
		err = fmt.Errorf("telling of the copy %s: nobody is known to have written it", f.Name())
	}
	for _, key := range keys {
		if e := k.Maps.Copies.Put(key, value); e != nil {
			err = errors.Join(err, fmt.Errorf("telling of the copy %s: %w", f.Name(), e))
		}
	}
	return err
}

// ForgetCopy takes back what SetCopy said.
func (k *Kernel) ForgetCopy(f *os.File) error {
	stamp, err := Stamp(f)
	if err != nil {
		return err
	}
	keys, err := k.filesOf(k.Maps.Copies, f, stamp)
	for _, key := range keys {
		if e := k.Maps.Copies.Delete(key); e != nil && !errors.Is(e, ebpf.ErrKeyNotExist) {
			err = errors.Join(err, fmt.Errorf("forgetting the copy %s: %w", f.Name(), e))
		}
	}
	return err
}

// IsWritten reports whether a session wrote an open file, as far as that is remembered.
func (k *Kernel) IsWritten(f *os.File) (bool, error) { return k.knows(k.Maps.Written, f) }

// IsCopy reports whether an open file was said to be a copy.
func (k *Kernel) IsCopy(f *os.File) (bool, error) { return k.knows(k.Maps.Copies, f) }

func (k *Kernel) knows(m *ebpf.Map, f *os.File) (bool, error) {
	stamp, err := Stamp(f)
	if err != nil {
		return false, err
	}
	keys, err := k.filesOf(m, f, stamp)
	if err != nil {
		return false, err
	}
	value := make([]byte, m.ValueSize())
	for _, key := range keys {
		err := m.Lookup(key, &value)
		if !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

// Copies are the inodes of the files that the kernel knows as copies.
func (k *Kernel) Copies() (map[uint64]bool, error) {
	found := map[uint64]bool{}
	return found, eachKey(k.Maps.Copies, func(key bpf.WrittenKey) { found[key.Inode] = true })
}

// filesOf are the keys by which the kernel may know an open file. Where a file system does not tell a file's generation, as tmpfs, they are
// those in the map that have the inode's number.
func (k *Kernel) filesOf(m *ebpf.Map, f *os.File, stamp bpf.Start) (keys []bpf.WrittenKey, err error) {
	generation, err := generationOf(f)
	if err == nil {
		return []bpf.WrittenKey{{Inode: stamp.Inode, Device: stamp.Device, Generation: generation}}, nil
	}
	err = eachKey(m, func(key bpf.WrittenKey) {
		if key.Inode == stamp.Inode && key.Device == stamp.Device {
			keys = append(keys, key)
		}
	})
	return keys, err
}

// eachKey goes over a map that may change meanwhile.
func eachKey(m *ebpf.Map, use func(bpf.WrittenKey)) error {
	var key bpf.WrittenKey
	value := make([]byte, m.ValueSize())
	each := m.Iterate()
	for each.Next(&key, &value) {
		use(key)
	}
	if err := each.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return fmt.Errorf("reading %s: %w", m, err)
	}
	return nil
}
