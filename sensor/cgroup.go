// SPDX-License-Identifier: Apache-2.0

// Below which control group networks are judged: the whole host, or the one that the daemon was told of.

package sensor

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// ErrNoCgroup says that a path is no control group of version 2 (cgroups(7)), which is where programs on networks can sit.
var ErrNoCgroup = errors.New("not a folder of cgroup2")

// CheckCgroup tells whether programs on networks can sit at a path.
func CheckCgroup(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	if !st.IsDir() || fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return fmt.Errorf("%s: %w", path, ErrNoCgroup)
	}
	return nil
}

// groupAt is where networks are judged: the root of version 2, so that every process is below it, where nothing else was asked for.
// Hosts that still have version 1 mount it somewhere below /sys/fs/cgroup.
func groupAt(group string) (string, error) {
	if group != "" {
		return group, nil
	}
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil {
		return "", fmt.Errorf("looking for cgroup2: %w", err)
	}
	for _, m := range mounts {
		if m.Root == "/" {
			return m.Mountpoint, nil
		}
	}
	return "", fmt.Errorf("nowhere mounted whole: %w", ErrNoCgroup)
}

// gather moves programs that were adopted to where this daemon is to judge networks, if they sit elsewhere: pinned links stay
// where the daemon before put them.
func (k *Kernel) gather(p Pins) error {
	if astray, err := k.astray(); err != nil || !astray {
		return err
	}
	return k.Reattach(p)
}

// astray reports whether a program sits in another control group than k.Cgroup. kernel: its id is the inode of its folder
// (fs/kernfs, on 64 bits).
func (k *Kernel) astray() (bool, error) {
	for name, l := range k.links {
		if t := k.programs[name].Type(); t != ebpf.CGroupSKB && t != ebpf.CGroupSockAddr && t != ebpf.CGroupSock {
			continue
		}
		at, err := cgroupOf(l)
		if err != nil {
			return false, fmt.Errorf("asking where %s sits: %w", name, err)
		}
		path, err := groupAt(k.Cgroup)
		if err != nil {
			return false, err
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return false, &os.PathError{Op: "stat", Path: path, Err: err}
		}
		if at != st.Ino {
			return true, nil
		}
	}
	return false, nil
}

// cgroupOf is the id of a link's control group; 0 where that was removed.
func cgroupOf(l link.Link) (uint64, error) {
	info, err := l.Info()
	if err != nil {
		return 0, err
	}
	if c := info.Cgroup(); c != nil {
		return c.CgroupId, nil
	}
	return 0, nil
}
