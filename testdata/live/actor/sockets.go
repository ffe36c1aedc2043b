// SPDX-License-Identifier: Apache-2.0

package actor

// Unix sockets that an actor serves and speaks to.

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

var sockets = map[string]func(Act) Result{
	"newsocket":        socketOf,
	"serve":            func(a Act) Result { return served(a.Path, unix.SOCK_STREAM) },
	"servedatagrams":   func(a Act) Result { return served(a.Path, unix.SOCK_DGRAM) },
	"connect":          func(a Act) Result { return spoken(unix.SOCK_STREAM, a.Path, unix.Connect) },
	"connectdatagrams": func(a Act) Result { return spoken(unix.SOCK_DGRAM, a.Path, unix.Connect) },
	"send": func(a Act) Result {
		return spoken(unix.SOCK_DGRAM, a.Path, func(fd int, to unix.Sockaddr) error { return unix.Sendto(fd, []byte("x"), 0, to) })
	},
}

// socketOf makes a socket of a family, a type and a protocol, and closes it.
func socketOf(a Act) Result {
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(a.Argv[i])
	}
	fd, err := unix.Socket(n[0], n[1], n[2])
	if err == nil {
		unix.Close(fd)
	}
	return errno(err)
}

// served leaves a server behind that takes no connection: the kernel makes them.
func served(name string, kind int) Result {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	if !strings.HasPrefix(name, "@") {
		_ = unix.Unlink(name)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil || kind == unix.SOCK_DGRAM {
		return errno(err)
	}
	return errno(unix.Listen(fd, 64))
}

func spoken(kind int, name string, speak func(int, unix.Sockaddr) error) Result {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	return errno(speak(fd, &unix.SockaddrUnix{Name: name}))
}
