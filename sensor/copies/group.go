// SPDX-License-Identifier: Apache-2.0

// This file is the edge to fanotify: marks on files, and when these are closed after writing.

package copies

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// group is a set of marks with a queue of its own. To close it takes all of its marks away.
type group struct {
	fanotify *os.File
	marks    map[string]bool // names by which files were marked
}

func openGroup() (*group, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK|unix.FAN_UNLIMITED_MARKS,
		unix.O_RDONLY|unix.O_LARGEFILE|unix.O_CLOEXEC|unix.O_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("asking for fanotify: %w", err)
	}
	return &group{os.NewFile(uintptr(fd), "fanotify"), map[string]bool{}}, nil
}

// mark asks to be told each time that an open file is closed by who could write to it.
func (g *group) mark(f *os.File, name string) error {
	raw, err := g.fanotify.SyscallConn()
	if err != nil {
		return err
	}
	refused := raw.Control(func(own uintptr) {
		err = unix.FanotifyMark(int(own), unix.FAN_MARK_ADD, unix.FAN_CLOSE_WRITE, unix.AT_FDCWD, link(f))
	})
	if err := errors.Join(refused, err); err != nil {
		return fmt.Errorf("marking %s: %w", name, err)
	}
	g.marks[name] = true
	return nil
}

// link leads to an open file, whatever has its name by now.
func link(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

// metadataSize is that of struct fanotify_event_metadata.
const metadataSize = 24

// read hands on each file that was closed, until the group is closed itself. lost is called where the queue ran over.
func (g *group) read(closed func(*os.File), lost func()) error {
	buf := make([]byte, 64*metadataSize)
	for {
		n, err := g.fanotify.Read(buf)
		if errors.Is(err, os.ErrClosed) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading fanotify: %w", err)
		}
		for raw := buf[:n]; len(raw) >= metadataSize; {
			size := int(binary.NativeEndian.Uint32(raw))
			if size < metadataSize || size > len(raw) {
				break
			}
			if fd := int32(binary.NativeEndian.Uint32(raw[16:])); fd >= 0 {
				closed(os.NewFile(uintptr(fd), "a file that was written"))
			} else {
				lost()
			}
			raw = raw[size:]
		}
	}
}
