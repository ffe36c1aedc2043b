// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"errors"
	"testing"

	"github.com/moby/sys/mountinfo"

	"github.com/reeve-sensor/reeve/bpf"
)

func prefix(p bpf.MountPoint) string { return string(p.Prefix[:p.Length]) }

func TestMountsGiveNames(t *testing.T) {
	infos := []*mountinfo.Info{
		{ID: 1, Major: 8, Minor: 1, Root: "/", Mountpoint: "/", FSType: "ext4"},
		{ID: 2, Major: 8, Minor: 1, Root: "/home/alice", Mountpoint: "/mnt/alias", FSType: "ext4"}, // a bind of the host's own
		{ID: 3, Major: 0, Minor: 5, Root: "/", Mountpoint: "/proc", FSType: "proc"},
		{ID: 4, Major: 8, Minor: 2, Root: "/homes", Mountpoint: "/data/homes", FSType: "ext4"},
		{ID: 5, Major: 0, Minor: 30, Root: "/@home", Mountpoint: "/bh", FSType: "btrfs", VFSOptions: "rw,subvolid=256,subvol=/@home"},
		{ID: 6, Major: 0, Minor: 30, Root: "/@home/x", Mountpoint: "/bx", FSType: "btrfs", VFSOptions: "rw,subvolid=256,subvol=/@home"},
		{ID: 7, Major: 8, Minor: 3, Root: "/part", Mountpoint: "/hidden", FSType: "ext4"},
	}
	gone := errors.New("covered")
	table, problems := tableOf(infos, func(m *mountinfo.Info) (uint64, error) {
		if m.ID == 7 {
			return 0, gone
		}
		return uint64(100 + m.ID), nil
	})
	if len(problems) != 1 || !errors.Is(problems[0], gone) {
		t.Errorf("problems: %v", problems)
	}
	root, proc := table.devices[8<<20|1], table.devices[5]
	if root.Flags != 0 || prefix(root.Root) != "" || prefix(proc.Root) != "/proc" {
		t.Errorf("whole file systems: %+v %q", root.Flags, prefix(proc.Root))
	}
	if d := table.devices[8<<20|2]; d.Flags != uint32(bpf.DevicePartial) {
		t.Errorf("flags of a part: %d", d.Flags)
	}
	if p := table.points[bpf.MountKey{Inode: 104, Device: 8<<20 | 2}]; prefix(p) != "/data/homes" {
		t.Errorf("a part is at %q", prefix(p))
	}
	key := bpf.MountKey{Inode: 105, Device: 30}
	copy(key.Subvolume[:], "@home")
	if p := table.points[key]; prefix(p) != "/bh" || len(table.points) != 2 {
		t.Errorf("a subvolume is at %q; %d points", prefix(p), len(table.points))
	}
}

// What a mounted subvolume holds has its name by that mount, also while the whole is mounted elsewhere.
func TestSubvolumesKeepTheirNames(t *testing.T) {
	home := &mountinfo.Info{ID: 5, Minor: 30, Root: "/@home", Mountpoint: "/home", FSType: "btrfs", VFSOptions: "rw,subvolid=256,subvol=/@home"}
	logs := &mountinfo.Info{ID: 6, Minor: 30, Root: "/@/var/log", Mountpoint: "/var/log", FSType: "btrfs", VFSOptions: "rw,subvolid=258,subvol=/@/var/log"}
	root := &mountinfo.Info{ID: 1, Minor: 30, Root: "/@", Mountpoint: "/", FSType: "btrfs", VFSOptions: "rw,subvolid=257,subvol=/@"}
	whole := &mountinfo.Info{ID: 7, Minor: 30, Root: "/", Mountpoint: "/run/timeshift", FSType: "btrfs", VFSOptions: "rw,subvolid=5,subvol=/"}
	again := &mountinfo.Info{ID: 8, Minor: 30, Root: "/@home", Mountpoint: "/srv/home", FSType: "btrfs", VFSOptions: home.VFSOptions}
	table, problems := tableOf([]*mountinfo.Info{root, home, logs, whole, again}, func(*mountinfo.Info) (uint64, error) { return 256, nil })
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, want := range map[string]struct {
		at    string
		depth uint32
	}{"@": {"", 1}, "@home": {"/home", 1}, "log": {"/var/log", 3}, "/": {"/run/timeshift", 0}} {
		key := bpf.MountKey{Inode: 256, Device: 30}
		copy(key.Subvolume[:], name)
		if p := table.points[key]; prefix(p) != want.at || p.Depth != want.depth {
			t.Errorf("%s is at %q, depth %d, want %+v", name, prefix(p), p.Depth, want)
		}
	}
	if len(table.points) != 4 {
		t.Errorf("%d points", len(table.points))
	}
}

func TestLongMountPointHasNoName(t *testing.T) {
	long := make([]byte, bpf.PrefixMax)
	for i := range long {
		long[i] = 'x'
	}
	_, problems := tableOf([]*mountinfo.Info{{ID: 1, Major: 1, Root: "/", Mountpoint: "/" + string(long)}}, rootInode)
	if len(problems) != 1 || !errors.Is(problems[0], ErrLongMountPoint) {
		t.Errorf("problems: %v", problems)
	}
}
