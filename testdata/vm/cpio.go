// SPDX-License-Identifier: Apache-2.0

package vm

// The initial file system is a "newc" cpio archive. It is written here because the archive of a run
// is small and made for every boot: no temporary tree, no external tool, owners always root.

import (
	"fmt"
	"io"
	"os"
	"path"
	"sort"
)

const (
	cpioDir  = 0o040000
	cpioFile = 0o100000
)

// entry is one member of an archive. A nil data with a source is read from the host when packed.
type entry struct {
	mode   uint32 // type and permission bits
	data   []byte
	source string // host path of the contents, where data is nil
}

// tree maps a path without leading slash to its entry.
type tree map[string]entry

func (t tree) dir(name string) {
	if name == "." || name == "/" || name == "" {
		return
	}
	t.dir(path.Dir(name))
	if _, ok := t[name]; !ok {
		t[name] = entry{mode: cpioDir | 0o755}
	}
}

func (t tree) file(name string, perm uint32, data []byte) {
	t.dir(path.Dir(name))
	if data == nil {
		data = []byte{}
	}
	t[name] = entry{mode: cpioFile | perm&0o7777, data: data}
}

func (t tree) copy(name, source string, perm uint32) {
	t.dir(path.Dir(name))
	t[name] = entry{mode: cpioFile | perm&0o7777, source: source}
}

// pack writes the archive. Names are sorted, so a folder precedes what it holds and equal trees give
// equal archives.
func (t tree) pack(w io.Writer) error {
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	sort.Strings(names)
	for i, name := range names {
		if err := t[name].write(w, name, i+1); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
	}
	return cpioMember(w, header{name: "TRAILER!!!", links: 1}, nil)
}

func (e entry) write(w io.Writer, name string, inode int) error {
	data := e.data
	if e.source != "" {
		var err error
		if data, err = os.ReadFile(e.source); err != nil {
			return err
		}
	}
	links := 1
	if e.mode&cpioDir != 0 {
		links = 2
	}
	return cpioMember(w, header{name: name, inode: inode, mode: e.mode, links: links}, data)
}

type header struct {
	name  string
	inode int
	mode  uint32
	links int
}

// cpioMember writes one member: a header of thirteen eight-digit numbers, the name and the contents,
// each padded to four bytes (Documentation/driver-api/early-userspace/buffer-format.rst).
func cpioMember(w io.Writer, h header, data []byte) error {
	head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		h.inode, h.mode, 0, 0, h.links, 0, len(data), 0, 0, 0, 0, len(h.name)+1, 0, h.name)
	for _, part := range [][]byte{[]byte(head), data} {
		if _, err := w.Write(part); err != nil {
			return err
		}
		if pad := (4 - len(part)%4) % 4; pad > 0 {
			if _, err := w.Write(make([]byte, pad)); err != nil {
				return err
			}
		}
	}
	return nil
}
