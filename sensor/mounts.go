// SPDX-License-Identifier: Apache-2.0

// Mounts: which file systems the host has mounted, and at which path each one's names begin. The kernel continues a
// path inside a file system with this prefix, so an object has one name whatever a session did to its own view.

package sensor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// hostMounts is the mount table of the first process: the host's view.
const hostMounts = "/proc/1/mountinfo"

// mountTable is what the kernel's two maps of mounts are to hold.
type mountTable struct {
	devices map[uint32]bpf.Device
	points  map[bpf.MountKey]bpf.MountPoint
}

// readMounts reads the host's mounts. Problems are mount points that cannot be named; what lies there is foreign.
func readMounts() (mountTable, []error, error) {
	f, err := os.Open(hostMounts)
	if err != nil {
		return mountTable{}, nil, fmt.Errorf("reading the host's mounts: %w", err)
	}
	defer f.Close()
	infos, err := mountinfo.GetMountsFromReader(f, nil)
	if err != nil {
		return mountTable{}, nil, fmt.Errorf("reading the host's mounts: %w", err)
	}
	t, problems := tableOf(infos, rootInode)
	return t, problems, nil
}

// inodeOf tells the inode number of a mount's root.
type inodeOf func(*mountinfo.Info) (uint64, error)

func tableOf(infos []*mountinfo.Info, inode inodeOf) (mountTable, []error) {
	t := mountTable{devices: make(map[uint32]bpf.Device), points: make(map[bpf.MountKey]bpf.MountPoint)}
	var problems []error
	for device, mounts := range byDevice(infos) {
		for _, m := range canonical(mounts) {
			if err := t.add(device, m, inode); err != nil {
				problems = append(problems, fmt.Errorf("naming files below %s: %w", m.Mountpoint, err))
			}
		}
	}
	return t, problems
}

// byDevice sorts mounts by the device number as the kernel's superblock has it.
func byDevice(infos []*mountinfo.Info) map[uint32][]*mountinfo.Info {
	m := make(map[uint32][]*mountinfo.Info)
	for _, i := range infos {
		device := deviceNumber(i)
		m[device] = append(m[device], i)
	}
	return m
}

// deviceNumber is a file system's number within the kernel (include/linux/kdev_t.h:MKDEV).
func deviceNumber(m *mountinfo.Info) uint32 { return uint32(m.Major)<<20 | uint32(m.Minor) }

// canonical keeps the mounts whose root lies under no other mount's root, and of one root the first: then a host's own bind mount
// of a part is an alias. Mounted subvolumes are kept besides: what is in one has its name by it, whether or not the whole is
// mounted too, as tools for snapshots do.
func canonical(mounts []*mountinfo.Info) []*mountinfo.Info {
	sorted := slices.Clone(mounts)
	slices.SortStableFunc(sorted, func(a, b *mountinfo.Info) int { return cmp.Compare(len(a.Root), len(b.Root)) })
	var kept []*mountinfo.Info
	for _, m := range sorted {
		if !slices.ContainsFunc(kept, func(k *mountinfo.Info) bool { return k.Root == m.Root || !subvolume(m) && under(m.Root, k.Root) }) {
			kept = append(kept, m)
		}
	}
	return kept
}

// subvolume reports whether a mount is one of a subvolume of btrfs, and not of a folder in one.
func subvolume(m *mountinfo.Info) bool {
	return m.FSType == "btrfs" && m.Root != "/" && slices.Contains(strings.Split(m.VFSOptions, ","), "subvol="+m.Root)
}

func under(p, root string) bool {
	return root == "/" || p == root || strings.HasPrefix(p, root+"/")
}

// ErrLongMountPoint says that a mount point's path is over the kernel side's limit.
var ErrLongMountPoint = fmt.Errorf("mount point longer than %d bytes", bpf.PrefixMax-1)

func (t *mountTable) add(device uint32, m *mountinfo.Info, inode inodeOf) error {
	prefix := strings.TrimSuffix(m.Mountpoint, "/")
	if len(prefix) > bpf.PrefixMax-1 {
		return ErrLongMountPoint
	}
	point := bpf.MountPoint{Length: uint32(len(prefix))}
	copy(point.Prefix[:], prefix)
	if m.Root == "/" && m.FSType != "btrfs" {
		t.devices[device] = bpf.Device{Root: point}
		return nil
	}
	number, err := inode(m)
	if err != nil {
		return err
	}
	flags := t.devices[device].Flags | uint32(bpf.DevicePartial)
	key := bpf.MountKey{Inode: number, Device: device}
	if m.FSType == "btrfs" {
		flags |= uint32(bpf.DeviceSubvolume)
		point.Depth = uint32(len(strings.FieldsFunc(m.Root, func(r rune) bool { return r == '/' })))
		copy(key.Subvolume[:bpf.SubvolMax-1], path.Base(m.Root))
	}
	t.devices[device] = bpf.Device{Flags: flags}
	t.points[key] = point
	return nil
}

// errCovered says that another mount hides this one's root.
var errCovered = errors.New("covered by another mount")

// rootInode stats a mount point in the host's view, and makes sure that it saw this mount and not one over it.
func rootInode(m *mountinfo.Info) (uint64, error) {
	var st unix.Statx_t
	const flags = unix.AT_NO_AUTOMOUNT | unix.AT_SYMLINK_NOFOLLOW | unix.AT_STATX_DONT_SYNC
	if err := unix.Statx(unix.AT_FDCWD, "/proc/1/root"+m.Mountpoint, flags, unix.STATX_INO|unix.STATX_MNT_ID, &st); err != nil {
		return 0, err
	}
	if st.Mask&unix.STATX_MNT_ID != 0 && st.Mnt_id != uint64(m.ID) {
		return 0, errCovered
	}
	return st.Ino, nil
}

// SyncMounts brings the kernel's maps to the host's mounts as they are now. The problems are mount points whose files
// have no host name.
func (k *Kernel) SyncMounts() ([]error, error) {
	want, problems, err := readMounts()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		syncMap(k.Maps.Mounts, want.points),
		syncMap(k.Maps.Devices, want.devices),
		k.countPlaces(),
	)
	return problems, err
}

// countPlaces makes every label old that was found before the mounts changed. One that is found amid the change has read the
// count before, and is as old.
func (k *Kernel) countPlaces() error {
	var n uint32
	if err := k.Maps.Places.Lookup(uint32(0), &n); err != nil {
		return fmt.Errorf("reading the count of mounts: %w", err)
	}
	if err := k.Maps.Places.Put(uint32(0), n+1); err != nil {
		return fmt.Errorf("writing the count of mounts: %w", err)
	}
	return nil
}

// syncMap puts what is wanted and then deletes what is not, so that nothing wanted is missing meanwhile.
func syncMap[K comparable, V any](m *ebpf.Map, want map[K]V) error {
	for key, value := range want {
		if err := m.Put(key, value); err != nil {
			return fmt.Errorf("writing %s: %w", m, err)
		}
	}
	var key K
	var value V
	var stale []K
	for it := m.Iterate(); it.Next(&key, &value); {
		if _, ok := want[key]; !ok {
			stale = append(stale, key)
		}
	}
	for _, key := range stale {
		if err := m.Delete(key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("deleting from %s: %w", m, err)
		}
	}
	return nil
}

// WatchMounts syncs now, and whenever the host's mount table changes, until ctx ends. Each outcome goes to report.
func (k *Kernel) WatchMounts(ctx context.Context, report func([]error, error)) error {
	fd, err := unix.Open(hostMounts, unix.O_RDONLY|unix.O_CLOEXEC, 0) // os.Open has Go's own poller take changes between two polls
	if err != nil {
		return fmt.Errorf("watching the host's mounts: %w", err)
	}
	defer unix.Close(fd)
	report(k.SyncMounts()) // what changed before the file was open
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
	const wait = 500 // ms, after which ctx is looked at
	for ctx.Err() == nil {
		n, err := unix.Poll(fds, wait)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watching the host's mounts: %w", err)
		}
		if n > 0 {
			report(k.SyncMounts())
		}
	}
	return nil
}
