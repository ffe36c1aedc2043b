// SPDX-License-Identifier: Apache-2.0

// This file looks at programs: what is opened is what is judged, whatever its name is by then.

package builds

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/disk"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// open reads a candidate. Its agent is 0 where the file that it leads to is none that the catalogue names: a link of somebody's to
// any other program.
func (k *Keeper) open(c candidate) (known, error) {
	name := c.file
	if c.pid != 0 {
		name = procfs.Program(c.pid)
	}
	if name == "" {
		return known{}, fs.ErrNotExist // it has ended
	}
	f, err := opened(name, name)
	if err != nil {
		return known{}, err
	}
	defer f.Close()
	real, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	if err != nil {
		return known{}, fmt.Errorf("asking for the name of a program: %w", err)
	}
	n := known{Agent: k.o.Agent(real), Version: c.version}
	if !k.marked(n.Agent) {
		return known{}, nil
	}
	b, owner, err := build(f)
	if err != nil {
		return known{}, err
	}
	if n.Version == "" {
		n.Version = k.o.Catalogue.ByID(n.Agent).VersionOf(real)
	}
	if n.Version == "" {
		n.Version = procfs.Packaged(real)
	}
	n.Size, n.Owner, n.Head = b.Size, owner, b.Head[:]
	return n, nil
}

// opened opens a file of one name by another, if it does not lie where nobody may answer.
func opened(name, by string) (*os.File, error) {
	avoid, err := disk.Remote(nil)
	if err != nil {
		return nil, fmt.Errorf("asking which file systems may not answer: %w", err)
	}
	if err := (disk.Root{Avoid: avoid}).Near(strings.TrimPrefix(name, "/")); err != nil {
		return nil, err
	}
	return os.OpenFile(by, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// build reads what the kernel will compare.
func build(f *os.File) (inventory.Build, uint32, error) {
	info, err := f.Stat()
	if err != nil {
		return inventory.Build{}, 0, fmt.Errorf("looking at a program: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode()&fs.ModeType != 0 {
		return inventory.Build{}, 0, inventory.ErrNotNative
	}
	b, err := inventory.ReadBuild(f, info.Size())
	return b, st.Uid, err
}

// running is the build that a process runs: by the kernel's own link, which leads to what has no name, too.
func running(pid uint32) (inventory.Build, error) {
	link := "/proc/" + procfs.Number(pid) + "/exe"
	name, err := os.Readlink(link)
	if err != nil {
		return inventory.Build{}, err
	}
	f, err := opened(name, link)
	if err != nil {
		return inventory.Build{}, err
	}
	defer f.Close()
	b, _, err := build(f)
	return b, err
}
