// SPDX-License-Identifier: Apache-2.0

// This file is the edge to fanotify: marks on files, and who opens them.

package sourced

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// opened is one open of a marked file, as the kernel tells it. close must be called.
type opened struct {
	fd    int // the same file, open for reading; -1 where it could not be opened
	file  *os.File
	pid   uint32
	pidfd int  // -1 where the process has ended
	exec  bool // for executing it
	lost  bool // the queue ran over: what came then is not known
}

func (o *opened) close() {
	if o.file != nil {
		o.file.Close()
	}
	if o.pidfd >= 0 {
		_ = unix.Close(o.pidfd)
	}
}

// id is which file it is, whatever it is called.
type id struct{ device, inode uint64 }

func idOf(f *os.File) (id, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return id{}, fmt.Errorf("looking at %s: %w", f.Name(), err)
	}
	return id{st.Dev, st.Ino}, nil
}

// group is a set of marks with a queue of its own. To close it takes all of its marks away.
type group struct {
	fanotify *os.File
	marks    map[id]File // of its pen
}

func openGroup() (*group, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK|unix.FAN_UNLIMITED_MARKS|unix.FAN_REPORT_PIDFD,
		unix.O_RDONLY|unix.O_LARGEFILE|unix.O_CLOEXEC|unix.O_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("asking for fanotify: %w", err)
	}
	return &group{os.NewFile(uintptr(fd), "fanotify"), map[id]File{}}, nil
}

// mark asks for the opens of a file. A symbolic link is none, nor is anything but a regular file.
func (g *group) mark(name string) (id, error) {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return id{}, fmt.Errorf("opening %s: %w", name, errNothing) // a name of a moment, as editors give
	}
	if err != nil {
		return id{}, fmt.Errorf("opening %s: %w", name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return id{}, fmt.Errorf("looking at %s: %w", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return id{}, fmt.Errorf("looking at %s: %w", name, errNothing)
	}
	raw, err := g.fanotify.SyscallConn()
	if err != nil {
		return id{}, err
	}
	same := "/proc/self/fd/" + strconv.Itoa(fd) // what was looked at, whatever has the name by now
	refused := raw.Control(func(own uintptr) {
		err = unix.FanotifyMark(int(own), unix.FAN_MARK_ADD, unix.FAN_OPEN|unix.FAN_OPEN_EXEC, unix.AT_FDCWD, same)
	})
	if err := errors.Join(refused, err); err != nil {
		return id{}, fmt.Errorf("marking %s: %w", name, err)
	}
	return id{st.Dev, st.Ino}, nil
}

// errNothing says that there is nothing to mark: no file, or none that has content.
var errNothing = errors.New("no regular file")

// Sizes of what a queue holds: struct fanotify_event_metadata, and struct fanotify_event_info_pidfd behind it.
const (
	metadataSize = 24
	infoHeader   = 4
	pidfdInfo    = 8
)

// read waits for opens and hands each on, until the group is closed.
func (g *group) read(use func(*opened)) error {
	buf := make([]byte, 64*(metadataSize+pidfdInfo))
	for {
		n, err := g.fanotify.Read(buf)
		if errors.Is(err, os.ErrClosed) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading fanotify: %w", err)
		}
		for _, o := range openedIn(buf[:n]) {
			if o.fd >= 0 {
				o.file = os.NewFile(uintptr(o.fd), "/proc/self/fd/"+strconv.Itoa(o.fd))
			}
			use(o)
			o.close()
		}
	}
}

// openedIn takes what was read apart.
func openedIn(raw []byte) []*opened {
	var out []*opened
	for len(raw) >= metadataSize {
		size, head := int(binary.NativeEndian.Uint32(raw)), int(binary.NativeEndian.Uint16(raw[6:]))
		if size < metadataSize || size > len(raw) || head < metadataSize || head > size {
			return out
		}
		mask := binary.NativeEndian.Uint64(raw[8:])
		fd, pid := int32(binary.NativeEndian.Uint32(raw[16:])), binary.NativeEndian.Uint32(raw[20:])
		o := &opened{fd: int(fd), pid: pid, pidfd: pidfdIn(raw[head:size]), exec: mask&unix.FAN_OPEN_EXEC != 0, lost: mask&unix.FAN_Q_OVERFLOW != 0}
		out = append(out, o)
		raw = raw[size:]
	}
	return out
}

// pidfdIn finds the descriptor of the process in the information behind an event.
func pidfdIn(info []byte) int {
	for len(info) >= infoHeader {
		size := int(binary.NativeEndian.Uint16(info[2:]))
		if size < infoHeader || size > len(info) {
			break
		}
		if info[0] == unix.FAN_EVENT_INFO_TYPE_PIDFD && size >= pidfdInfo {
			if fd := int32(binary.NativeEndian.Uint32(info[infoHeader:])); fd >= 0 {
				return int(fd)
			}
		}
		info = info[size:]
	}
	return -1
}
