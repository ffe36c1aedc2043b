// SPDX-License-Identifier: Apache-2.0

// The other process of the tests: it lives in a network namespace of its own, connects to itself, says so, and waits.

package cut

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

const clientKey = "CUT_TEST_CLIENT"

func TestMain(m *testing.M) {
	if how := os.Getenv(clientKey); how != "" {
		runtime.LockOSThread()
		if err := client(how); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// client plays one row of clients. It prints its connection, then how its wait ended.
func client(how string) error {
	c := clients[how]
	if c.thread {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlocked
			done <- errors.Join(unix.Unshare(unix.CLONE_NEWNET), play(c))
		}()
		return <-done
	}
	return play(c)
}

func play(c clientCase) error {
	if err := loopbackUp(); err != nil {
		return err
	}
	server, to, err := serve(c.to)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(c.family, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	switch {
	case c.fill:
		return fillThen(fd, to)
	default:
		if err := unix.Connect(fd, to(c.family)); err != nil {
			return err
		}
	}
	if _, _, err := unix.Accept(server); err != nil {
		return err
	}
	if c.shut {
		if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
			return err
		}
	}
	if err := tell(fd, portOf(fd)); err != nil {
		return err
	}
	_, err = unix.Read(fd, make([]byte, 1))
	fmt.Println(errorName(err))
	return nil
}

// fillThen connects where nobody answers: the server's queue is full.
func fillThen(fd int, to func(int) unix.Sockaddr) error {
	for range 8 {
		other, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		if err := unix.Connect(other, to(unix.AF_INET)); err != nil && !errors.Is(err, unix.EINPROGRESS) {
			return err
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := tell(fd, portOf(fd)); err != nil {
		return err
	}
	fmt.Println(errorName(unix.Connect(fd, to(unix.AF_INET))))
	return nil
}

// serve listens on a loopback address and returns how clients of each family name it.
func serve(address [16]byte) (int, func(int) unix.Sockaddr, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, nil, err
	}
	err = errors.Join(unix.Bind(fd, &unix.SockaddrInet6{}), unix.Listen(fd, 0))
	port := portOf(fd)
	return fd, func(family int) unix.Sockaddr {
		if family == unix.AF_INET {
			return &unix.SockaddrInet4{Port: port, Addr: [4]byte(address[12:])}
		}
		return &unix.SockaddrInet6{Port: port, Addr: address}
	}, err
}

func portOf(fd int) int {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0
	}
	switch n := name.(type) {
	case *unix.SockaddrInet4:
		return n.Port
	case *unix.SockaddrInet6:
		return n.Port
	}
	return 0
}

// tell prints what an event would say, but for the other end: the test knows its address, and 0 is any port.
func tell(fd, local int) error {
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	var st unix.Stat_t
	err = errors.Join(err, unix.Stat(ownSpace, &st))
	raw, more := json.Marshal(Connection{Protocol: unix.IPPROTO_TCP, Local: uint16(local), Cookie: cookie, Space: uint32(st.Ino), PID: uint32(os.Getpid())})
	fmt.Println(string(raw))
	return errors.Join(err, more)
}

func errorName(err error) string {
	if e, ok := errors.AsType[unix.Errno](err); ok {
		return unix.ErrnoName(e)
	}
	return fmt.Sprint(err)
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}
