// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/moby/sys/mountinfo"

	"github.com/reeve-sensor/reeve/testdata/need"
)

// ownCgroup makes a control group of version 2 for the test.
func ownCgroup(t *testing.T) string {
	t.Helper()
	need.Root(t)
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil || len(mounts) == 0 {
		need.Missing(t, need.BPF, "no cgroup2 is mounted:", err)
	}
	dir, err := os.MkdirTemp(mounts[0].Mountpoint, "reeve-test-")
	if err != nil {
		need.Missing(t, need.BPF, err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestCgroupIsAFolderOfVersion2(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{filepath.Dir(file): ErrNoCgroup, file: ErrNoCgroup, file + "x": fs.ErrNotExist} {
		if err := CheckCgroup(path); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	own := ownCgroup(t)
	if err := CheckCgroup(own); err != nil {
		t.Error(err)
	}
	if err := CheckCgroup(own + "/cgroup.procs"); !errors.Is(err, ErrNoCgroup) {
		t.Errorf("a file in it: %v", err)
	}
}

// What an earlier daemon pinned in another control group is noticed.
func TestProgramsInAnotherCgroupAreAstray(t *testing.T) {
	need.Programs(t)
	here, there := ownCgroup(t), ownCgroup(t)
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.CGroupSKB, AttachType: ebpf.AttachCGroupInetEgress, License: "GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 1), asm.Return()}})
	if err != nil {
		need.Missing(t, need.BPF, err)
	}
	defer p.Close()
	l, err := link.AttachCgroup(link.CgroupOptions{Path: here, Attach: ebpf.AttachCGroupInetEgress, Program: p})
	if err != nil {
		need.Missing(t, need.BPF, err)
	}
	defer l.Close()
	k := &Kernel{programs: map[string]*ebpf.Program{"x": p}, links: map[string]link.Link{"x": l}}
	for path, want := range map[string]bool{here: false, there: true} {
		k.Cgroup = path
		if astray, err := k.astray(); err != nil || astray != want {
			t.Errorf("%v, %v", astray, err)
		}
	}
	k.Cgroup = there + "x"
	if _, err := k.astray(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
}
