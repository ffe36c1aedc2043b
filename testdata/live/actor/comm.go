// SPDX-License-Identifier: Apache-2.0

package actor

// What an actor calls itself: the kernel lets every process say that, and shows it to whoever asks for processes.

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

var called = map[string]func(Act) Result{"comm": callItself}

// callItself gives the name to this thread, and to the process by way of /proc.
func callItself(a Act) Result {
	name, err := unix.BytePtrFromString(a.Path)
	if err != nil {
		return errno(err)
	}
	if err := unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0); err != nil {
		return errno(err)
	}
	return errno(os.WriteFile("/proc/self/comm", []byte(a.Path), 0))
}
