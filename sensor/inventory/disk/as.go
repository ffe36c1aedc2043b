// SPDX-License-Identifier: Apache-2.0

// This file lends a thread a person's rights on files, and the lowest priority where nobody waits for it.

package disk

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Person is whose rights count. Where the process is not root's, its own do.
type Person struct {
	UID, GID uint32
	Groups   []int
}

// ioprio is the idle class: read only when nobody else does (kernel: include/uapi/linux/ioprio.h).
const (
	ioprioWhoProcess = 1
	ioprioIdle       = 3 << 13
)

// As runs work on a thread of its own with the person's rights on files, niced where that is wanted. The thread ends with it,
// so no right and no priority comes back into the process. Who is nil keeps the process's rights.
func As(who *Person, niced bool, work func()) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the runtime ends the thread
		if niced {
			lower()
		}
		if err := take(who); err != nil {
			done <- err
			return
		}
		work()
		done <- nil
	}()
	return <-done
}

// lower makes way for everybody else. What does not let it be lowered is as fast as it can be.
func lower() {
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 19) // kernel: 0 is the calling thread
	_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, ioprioWhoProcess, 0, ioprioIdle)
}

func take(who *Person) error {
	if who == nil || os.Geteuid() != 0 {
		return nil
	}
	// kernel: with the file system's uid go CAP_DAC_OVERRIDE and its like, for this thread (cap_task_fix_setuid).
	err := errors.Join(unix.Setgroups(who.Groups), unix.Setfsgid(int(who.GID)), unix.Setfsuid(int(who.UID)))
	if err != nil {
		return fmt.Errorf("taking the rights of user %d: %w", who.UID, err)
	}
	if uid, _ := unix.SetfsuidRetUid(-1); uint32(uid) != who.UID { // setfsuid tells no failure
		return fmt.Errorf("taking the rights of user %d: refused", who.UID)
	}
	return nil
}
