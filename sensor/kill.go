// SPDX-License-Identifier: Apache-2.0

// Killing a session: every process that the kernel says belongs to it, until there is none.

package sensor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Members tells which session a process belongs to, from the kernel's own state. *Kernel does.
type Members interface {
	TaskSession(pidfd int) (Slot, bool, error)
}

// killPasses bounds the passes over all processes. What forks during one of them is found by the next one, so that one pass never is
// enough; who forks and ends faster than that is held by bpf.SwitchKill.
const killPasses = 50

// ErrStillAlive says that a session's processes came as fast as they were killed.
var ErrStillAlive = errors.New("the session has processes left")

// KillSessions sends SIGKILL to every process of the sessions, and returns how many it reached. A process is held by a
// pidfd while it is looked at, so no other one can be hit.
func KillSessions(ctx context.Context, m Members, ids map[uint64]bool) (int, error) {
	killed := 0
	for pass := range killPasses {
		n, err := killPass(m, ids)
		killed += n
		if err != nil || n == 0 && pass > 0 {
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
	var killed []unix.PollFd
	defer func() {
		for _, k := range killed {
			_, _ = unix.Poll([]unix.PollFd{k}, killWait)
			unix.Close(int(k.Fd))
		}
	}()
	err := eachMember(m, ids, func(pid, fd int) error {
		err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		if err != nil {
			unix.Close(fd)
			return wrapGone("killing %d: %w", pid, err)
		}
		killed = append(killed, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		return nil
	})
	return len(killed), err
}

// eachMember visits every process of the sessions that has not ended. A pidfd holds it while it is looked at, which is the
// visitor's to close.
func eachMember(m Members, ids map[uint64]bool, visit func(pid, fd int) error) error {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return fmt.Errorf("listing processes: %w", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // gone, or a thread
		}
		slot, ok, err := m.TaskSession(fd)
		if err != nil || !ok || !ids[slot.Id] || dying(pid) {
			unix.Close(fd)
		} else {
			err = visit(pid, fd)
		}
		if ignoreGone(err) != nil {
			return err
		}
	}
	return nil
}

// Fields of taskStat, which proc_pid_stat(5) counts with two more in front.
const (
	stateField   = 0
	threadsField = 20 - 3
	startField   = 22 - 3
)

// taskStat are the fields of a task's stat, by its folder in /proc, behind the name, which may hold anything.
func taskStat(folder string) ([][]byte, error) {
	raw, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return nil, err
	}
	return bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:]), nil
}

// dying reports whether a process has ended and waits for its parent: it is reached no more. One of which the first thread alone
// has ended goes on.
func dying(pid int) bool {
	over, threads := taskState(fmt.Sprintf("/proc/%d", pid))
	return over && threads <= 1
}

// taskState reports of a task, by its folder in /proc, whether it has ended, and how many threads its process has.
func taskState(folder string) (over bool, threads int) {
	fields, err := taskStat(folder)
	if err != nil {
		return true, 0
	}
	if len(fields) <= threadsField {
		return false, 0
	}
	threads, _ = strconv.Atoi(string(fields[threadsField]))
	return bytes.ContainsAny(fields[stateField], "ZX"), threads
}

// wrapGone says what failed, and keeps the error of a process that is gone as it is.
func wrapGone(format string, pid int, err error) error {
	if ignoreGone(err) == nil {
		return err
	}
	return fmt.Errorf(format, pid, err)
}

func ignoreGone(err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}
