// SPDX-License-Identifier: Apache-2.0

// This file tells how the kernel recognises a file that user space has looked at: as the same one, and not changed since.

package sensor

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// Stamp is how the kernel recognises an open regular file: file system, inode, size, and when it was last changed, which only root can
// set back. The error is fs.ErrInvalid for anything but a regular file.
func Stamp(f *os.File) (bpf.Start, error) {
	var st unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &st); err != nil {
		return bpf.Start{}, fmt.Errorf("looking at %s: %w", f.Name(), err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return bpf.Start{}, fmt.Errorf("looking at %s: %w: no regular file", f.Name(), fs.ErrInvalid)
	}
	device, err := deviceOf(st.Mnt_id)
	if err != nil {
		return bpf.Start{}, fmt.Errorf("looking at %s: %w", f.Name(), err)
	}
	return bpf.Start{Inode: st.Ino, Device: device, Size: st.Size, Changed: st.Ctime.Sec, ChangedNs: st.Ctime.Nsec}, nil
}

// deviceOf is the file system of a mount, as the kernel numbers it. stat(2) has another number where a file system has parts, as btrfs.
func deviceOf(mount uint64) (uint32, error) {
	infos, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		is := uint64(m.ID) == mount
		return !is, is
	})
	if err != nil {
		return 0, fmt.Errorf("reading mounts: %w", err)
	}
	if len(infos) == 0 {
		return 0, fmt.Errorf("mount %d is not there", mount)
	}
	return deviceNumber(infos[0]), nil
}
