// SPDX-License-Identifier: Apache-2.0

// Killing one process, for what the kernel side refuses where it cannot kill: programs that see packets.

package sensor

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// KillProcess sends SIGKILL to the process that has the pid and started (since boot, ns) as an event says. It reports false where
// that process is gone, whatever has its pid now. The pidfd comes first: what it names had the pid when its start was read, or
// nobody gets the signal.
func KillProcess(pid uint32, started uint64) (bool, error) {
	fd, err := unix.PidfdOpen(int(pid), 0)
	if err != nil {
		return false, wrapGoneOrNil("opening process %d: %w", int(pid), err)
	}
	defer unix.Close(fd)
	same, err := began(pid, started)
	if err != nil || !same {
		return false, err
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		return false, wrapGoneOrNil("killing %d: %w", int(pid), err)
	}
	return true, nil
}

func wrapGoneOrNil(format string, pid int, err error) error {
	return ignoreGone(wrapGone(format, pid, err))
}

// began reports whether the process with that pid is the one that started then.
func began(pid uint32, started uint64) (bool, error) {
	fields, err := taskStat(fmt.Sprintf("/proc/%d", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the start time of %d: %w", pid, err)
	}
	return len(fields) > startField && string(fields[startField]) == procfs.Ticks(started), nil
}
