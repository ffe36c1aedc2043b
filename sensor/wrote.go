// SPDX-License-Identifier: Apache-2.0

// This file asks the kernel which session wrote a file.

package sensor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// Wrote is the session that wrote an open regular file last, as the kernel's programs noted it; false where none did, or where it was
// so long ago that it is forgotten.
func (k *Kernel) Wrote(f *os.File) (by bpf.WrittenBy, ok bool, err error) {
	stamp, err := Stamp(f)
	if errors.Is(err, fs.ErrInvalid) {
		return by, false, nil
	}
	if err != nil {
		return by, false, err
	}
	key := bpf.WrittenKey{Inode: stamp.Inode, Device: stamp.Device}
	if key.Generation, err = generationOf(f); err != nil {
		return k.wroteAny(key)
	}
	err = k.Maps.Written.Lookup(key, &by)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return by, false, nil
	}
	if err != nil {
		return by, false, fmt.Errorf("asking who wrote %s: %w", f.Name(), err)
	}
	return by, true, nil
}

// getVersion is FS_IOC_GETVERSION, _IOR('v', 1, long): an inode's generation.
const getVersion = 0x80087601

func generationOf(f *os.File) (uint32, error) {
	return unix.IoctlGetUint32(int(f.Fd()), getVersion)
}

// wroteAny is for file systems that do not tell a file's generation, as tmpfs: the newest of those that had the inode's number.
func (k *Kernel) wroteAny(file bpf.WrittenKey) (by bpf.WrittenBy, ok bool, err error) {
	var key bpf.WrittenKey
	var value bpf.WrittenBy
	all := k.Maps.Written.Iterate()
	for all.Next(&key, &value) {
		if key.Inode == file.Inode && key.Device == file.Device && (!ok || value.Time > by.Time) {
			by, ok = value, true
		}
	}
	if err := all.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return by, false, fmt.Errorf("asking who wrote a file: %w", err)
	}
	return by, ok, nil
}
