// SPDX-License-Identifier: Apache-2.0

// What a canary tries of networks: it never leaves the machine. The sensor's own servers answer on loopback, where they are
// nobody's in a session.

package sensor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// portFile tells a canary the port of the servers, before it is a session's.
const portFile = "port"

// portOfNames is asked at an address of loopback at which nobody answers: that the question leaves is all that is tried.
const portOfNames = 53

// question asks for a name that nobody has (RFC 2606 2).
var question = func() []byte {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 0x5265, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("canary.reeve.invalid."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	packed, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packed
}()

// serveNetwork listens on loopback, on one port for all.
func serveNetwork(folder string) ([]io.Closer, error) {
	stream, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	servers := []io.Closer{stream}
	port := stream.Addr().(*net.TCPAddr).Port
	if six, err := net.ListenTCP("tcp6", &net.TCPAddr{IP: net.IPv6loopback, Port: port}); err == nil { // where the machine has it
		servers = append(servers, six)
	}
	datagrams, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err == nil { // a port that is taken takes what is sent as well
		servers = append(servers, datagrams)
	}
	return servers, os.WriteFile(filepath.Join(folder, portFile), []byte(strconv.Itoa(port)), 0o600)
}

func portOf(folder string) (int, error) {
	text, err := os.ReadFile(filepath.Join(folder, portFile))
	if err != nil {
		return 0, fmt.Errorf("reading the servers' port: %w", err)
	}
	return strconv.Atoi(string(text))
}

func fourth(port int) unix.Sockaddr {
	if port == portOfNames {
		return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 82, 69, 86}}
	}
	return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}

func sixth(port int) unix.Sockaddr {
	return &unix.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}}
}

func socketFor(kind int, to unix.Sockaddr) (int, error) {
	family := unix.AF_INET
	if _, six := to.(*unix.SockaddrInet6); six {
		family = unix.AF_INET6
	}
	return unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
}

// reach bounds how long connecting on this machine may take: where only the packet is refused, nobody answers.
const reach = 2 * time.Second

// met connects. Where the machine has no such address there is nothing to try.
func met(kind int, to unix.Sockaddr) error {
	fd, err := socketFor(kind|unix.SOCK_NONBLOCK, to)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, to)
	if errors.Is(err, unix.EINPROGRESS) {
		err = settled(fd)
	}
	if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ECONNREFUSED) {
		return unix.EAFNOSUPPORT
	}
	return err
}

// settled waits for what becomes of connecting. race: Go's own signals interrupt connect(2) that waits, for good (signal(7)).
func settled(fd int) error {
	deadline := time.Now().Add(reach)
	for {
		rest := max(0, time.Until(deadline))
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(rest.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case ready == 0:
			return unix.ETIMEDOUT
		}
		errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil || errno == 0 {
			return err
		}
		return unix.Errno(errno)
	}
}

func told(to unix.Sockaddr, what []byte) error {
	fd, err := socketFor(unix.SOCK_DGRAM, to)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, what, 0, to)
}

func listened() error {
	fd, err := socketFor(unix.SOCK_STREAM, fourth(0))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, fourth(0)); err != nil {
		return err
	}
	return unix.Listen(fd, 1)
}

// bound takes a port of its own choice, which is one that the kernel has just found free.
func bound() error {
	fd, err := socketFor(unix.SOCK_DGRAM, fourth(0))
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, fourth(0)); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	name, err := unix.Getsockname(fd)
	if err := errors.Join(err, unix.Close(fd)); err != nil {
		return err
	}
	if fd, err = socketFor(unix.SOCK_DGRAM, name); err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, name)
}
