// SPDX-License-Identifier: Apache-2.0

// The network that is measured: the machine itself, by an address that is not loopback's. Who is connected to accepts between
// rounds, so that what a connection costs has no other process in it.

package bench

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// server listens, until this process ends. None is nil.
type server struct{ fd int }

// network gives the machine its address, a socket that nobody reads, and a server.
func network() (*server, error) {
	for _, line := range []string{"link set lo up", "address add 198.18.0.1/32 dev lo"} {
		if out, err := exec.Command("/bin/busybox", append([]string{"ip"}, strings.Fields(line)...)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	if _, err := bound(unix.SOCK_DGRAM, 7); err != nil {
		return nil, err
	}
	fd, err := bound(unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 9)
	if err != nil {
		return nil, err
	}
	return &server{fd}, unix.Listen(fd, unix.SOMAXCONN)
}

func bound(kind, port int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	return fd, unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{198, 18, 0, 1}})
}

// accept takes all that connected, and closes it.
func (s *server) accept() error {
	for s != nil {
		fd, _, err := unix.Accept(s.fd)
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		unix.Close(fd)
	}
	return nil
}
