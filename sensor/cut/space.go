// SPDX-License-Identifier: Apache-2.0

// Into the network namespace of a connection, for as long as it takes to open a socket there.

package cut

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// ownSpace is the namespace of the thread that asks.
const ownSpace = "/proc/thread-self/ns/net"

// ErrNoSpace says that nobody lives in a network namespace any more, so nobody waits there.
var ErrNoSpace = errors.New("no process is in that network namespace")

// dial opens a diagnostic socket in a network namespace.
func dial(space, pid uint32) (diag, error) {
	if is(ownSpace, space) {
		return openDiag()
	}
	f, err := openSpace("/proc", space, pid)
	if err != nil {
		return diag{}, err
	}
	defer f.Close()
	var d diag
	err = within(f, func() error {
		d, err = openDiag()
		return err
	})
	return d, err
}

// is reports whether a file of /proc is the namespace with an inode.
func is(file string, space uint32) bool {
	name, err := os.Readlink(file)
	return err == nil && name == "net:["+strconv.FormatUint(uint64(space), 10)+"]"
}

// openSpace finds a namespace: at the process that a connection is told of, at its other threads, and, as that may have ended and
// left its socket to others, at everybody.
func openSpace(proc string, space, pid uint32) (*os.File, error) {
	who := strconv.FormatUint(uint64(pid), 10)
	for _, pattern := range []string{who + "/ns/net", who + "/task/*/ns/net", "[0-9]*/ns/net"} {
		files, err := filepath.Glob(filepath.Join(proc, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if f := openIf(file, space); f != nil {
				return f, nil
			}
		}
	}
	return nil, fmt.Errorf("network namespace %d: %w", space, ErrNoSpace)
}

// openIf opens a namespace if it is the one. race: its process may have ended since the look, and another one have its number: what
// was opened is looked at.
func openIf(file string, space uint32) *os.File {
	if !is(file, space) {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Ino != uint64(space) {
		f.Close()
		return nil
	}
	return f
}

// within runs f in a namespace, on a thread that nobody else uses meanwhile. One that does not come back ends with its goroutine.
func within(space *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		came, err := visit(int(space.Fd()), f)
		if came {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// visit has the thread enter a namespace, and says whether it came back.
func visit(space int, f func() error) (came bool, err error) {
	own, err := os.Open(ownSpace)
	if err != nil {
		return true, fmt.Errorf("opening the own network namespace: %w", err)
	}
	defer own.Close()
	if err := unix.Setns(space, unix.CLONE_NEWNET); err != nil {
		return true, fmt.Errorf("entering a network namespace: %w", err)
	}
	err = f()
	return unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil, err
}
