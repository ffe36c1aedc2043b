// SPDX-License-Identifier: Apache-2.0

// Killing a session: every process that the kernel says belongs to it, until there is none.

package sensor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Members tells which session a process belongs to, from the kernel's own state. *Kernel does.
type Members interface {
	TaskSession(pidfd int) (Slot, bool, error)
}

// killPasses bounds the passes over all processes. What forks between two of them is found by the next one.
const killPasses = 50

// ErrStillAlive says that a session's processes came as fast as they were killed.
var ErrStillAlive = errors.New("the session has processes left")

// KillSessions sends SIGKILL to every process of the sessions, and returns how many it reached. A process is held by a
// pidfd while it is looked at, so no other one can be hit.
func KillSessions(ctx context.Context, m Members, ids map[uint64]bool) (int, error) {
	killed := 0
	for range killPasses {
		n, err := killPass(m, ids)
		killed += n
		if err != nil || n == 0 {
			return killed, err
		}
		if ctx.Err() != nil {
			return killed, ctx.Err()
		}
	}
	return killed, ErrStillAlive
}

// killWait is how long one pass waits for a process to end.
const killWait = 500 // ms

func killPass(m Members, ids map[uint64]bool) (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, fmt.Errorf("listing processes: %w", err)
	}
	var killed []unix.PollFd
	defer func() {
		for _, k := range killed {
			_, _ = unix.Poll([]unix.PollFd{k}, killWait)
			unix.Close(int(k.Fd))
		}
	}()
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		fd, err := killMember(m, pid, ids)
		if err != nil {
			return len(killed), err
		}
		if fd >= 0 {
			killed = append(killed, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
	}
	return len(killed), nil
}

// killMember kills a process of the sessions and returns its pidfd, or -1 where there was nothing to kill.
func killMember(m Members, pid int, ids map[uint64]bool) (int, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, nil // gone, or a thread
	}
	slot, ok, err := m.TaskSession(fd)
	if err == nil && ok && ids[slot.Id] && !dying(pid) {
		if err = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err == nil {
			return fd, nil
		}
		err = fmt.Errorf("killing %d: %w", pid, err)
	}
	unix.Close(fd)
	return -1, ignoreGone(err)
}

// dying reports whether a process has ended and waits for its parent: it is reached no more.
func dying(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	for i := len(raw) - 1; i > 0; i-- {
		if raw[i] == ')' && i+2 < len(raw) {
			return raw[i+2] == 'Z' || raw[i+2] == 'X'
		}
	}
	return false
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}
