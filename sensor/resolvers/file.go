// SPDX-License-Identifier: Apache-2.0

// Reading a file in the host's view: its links, absolute ones too, lead where they lead the host.

package resolvers

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	sizeMax = 1 << 20 // bytes that are read of a file
	tries   = 16      // kernel: openat2(2) gives up with EAGAIN where something is renamed meanwhile
)

// readBelow reads a regular file by its absolute name below a root, from which no link leads out.
func readBelow(root, name string) ([]byte, error) {
	f, err := openBelow(root, name)
	if err != nil {
		return nil, &os.PathError{Op: "reading", Path: name, Err: err}
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("reading %s: %w", name, errNotRegular)
	}
	return io.ReadAll(io.LimitReader(f, sizeMax))
}

var errNotRegular = errors.New("not a regular file")

func openBelow(root, name string) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	for range tries {
		var fd int
		if fd, err = unix.Openat2(dir, strings.TrimLeft(name, "/"), &how); err == nil {
			return os.NewFile(uintptr(fd), name), nil
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	return nil, err
}
