// SPDX-License-Identifier: Apache-2.0

package actor

// Terminals that an actor makes, runs programs in, and types into.

import (
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var terminals = map[string]func(Act) Result{
	"terminal": terminal,
	"hangup":   hangUp,
	"runin":    runIn,
	"type":     typeInto,
	"paste":    paste,
}

// master is the other end of the last terminal that was made.
var master = -1

// terminal makes one, and answers with its number.
func terminal(Act) Result {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	number, err := unlocked(fd)
	if err != nil {
		unix.Close(fd)
		return errno(err)
	}
	master = fd
	return Result{Status: number}
}

// unlocked gives the number of the terminal at the other end, which may be opened from now on.
func unlocked(fd int) (int, error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return 0, err
	}
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	return int(number), err
}

func hangUp(Act) Result {
	fd := master
	master = -1
	return errno(unix.Close(fd))
}

// runIn runs a program of busybox's that a terminal controls.
func runIn(a Act) Result {
	fd, err := unix.Dup(a.At)
	if err != nil {
		return errno(err)
	}
	input := os.NewFile(uintptr(fd), "terminal")
	defer input.Close()
	cmd := exec.Cmd{Path: "/bin/busybox", Args: a.Argv, Stdin: input, SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true}}
	if err := cmd.Run(); err != nil {
		if cmd.ProcessState != nil {
			return Result{Errno: unix.EIO}
		}
		return errno(err)
	}
	return Result{}
}

// typeInto types into a new terminal.
func typeInto(a Act) Result {
	if r := terminal(a); r.Errno != 0 {
		return r
	}
	defer hangUp(a)
	key := byte('x')
	return errno(control(master, unix.TIOCSTI, &key))
}

// paste asks a virtual console for which keys are held down, as one asks it to paste.
func paste(a Act) Result {
	return using(a.Path, unix.O_RDWR|unix.O_NOCTTY, func(fd int) error {
		question := byte(6) // TIOCL_GETSHIFTSTATE
		return control(fd, unix.TIOCLINUX, &question)
	})
}

func control(fd int, request uint, argument *byte) error {
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(unsafe.Pointer(argument)))
	return zeroIsNil(e)
}
