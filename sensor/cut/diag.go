// SPDX-License-Identifier: Apache-2.0

// What is said to the kernel about connections (linux/inet_diag.h), and what it answers. The kernel finds a connection by both
// of its ends (net/ipv4/inet_diag.c:inet_diag_find_one_icsk), and a refusal's record has one of the addresses alone: so they are
// listed first, by their ports.

package cut

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketID is struct inet_diag_sockid, kept as the kernel gave it.
type socketID [48]byte

const (
	atLocal  = 0  // port, in network order
	atRemote = 2  // port
	atCookie = 40 // two words, the lower one first
)

func (id *socketID) setPorts(local, remote uint16) {
	binary.BigEndian.PutUint16(id[atLocal:], local)
	binary.BigEndian.PutUint16(id[atRemote:], remote)
}

func (id *socketID) cookie() uint64 {
	return uint64(binary.NativeEndian.Uint32(id[atCookie:])) | uint64(binary.NativeEndian.Uint32(id[atCookie+4:]))<<32
}

func (id *socketID) setCookie(cookie uint64) {
	binary.NativeEndian.PutUint32(id[atCookie:], uint32(cookie))
	binary.NativeEndian.PutUint32(id[atCookie+4:], uint32(cookie>>32))
}

// waited are the states of a connection in which somebody may wait (net/tcp_states.h).
const waited = 1<<tcpEstablished | 1<<tcpSynSent | 1<<tcpFinWait1 | 1<<tcpFinWait2 | 1<<tcpCloseWait

// net/tcp_states.h.
const (
	tcpEstablished = 1
	tcpSynSent     = 2
	tcpFinWait1    = 4
	tcpFinWait2    = 5
	tcpCloseWait   = 8
)

// request is a message of struct inet_diag_req_v2.
func request(kind, flags uint16, family byte, id *socketID) []byte {
	const size = unix.SizeofNlMsghdr + 8 + len(id)
	b := make([]byte, 0, size)
	b = binary.NativeEndian.AppendUint32(b, uint32(size))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|flags)
	b = append(b, make([]byte, 8)...) // number and sender: one question at a time
	b = append(b, family, unix.IPPROTO_TCP, 0, 0)
	b = binary.NativeEndian.AppendUint32(b, waited)
	return append(b, id[:]...)
}

// idOf takes the name of a connection out of struct inet_diag_msg.
func idOf(row []byte) (id socketID, ok bool) {
	const at = 4 // behind family, state, timer and retransmissions
	if len(row) < at+len(id) {
		return id, false
	}
	copy(id[:], row[at:])
	return id, true
}

// diag is a socket of NETLINK_SOCK_DIAG: it sees the network namespace in which it was opened.
type diag int

// patience is how long the kernel may take to answer: it does so while it is asked.
var patience = unix.Timeval{Sec: 2}

func openDiag() (diag, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return -1, fmt.Errorf("opening a diagnostic socket: %w", err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return -1, errors.Join(fmt.Errorf("bounding a diagnostic socket: %w", err), unix.Close(fd))
	}
	return diag(fd), nil
}

func (d diag) Close() error { return unix.Close(int(d)) }

// ask sends a request and hands each row of the answer on, to its end.
func (d diag) ask(request []byte, row func([]byte)) error {
	if err := unix.Sendto(int(d), request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buffer := make([]byte, 1<<15) // the kernel's own pieces of a list are smaller (net/netlink/af_netlink.c:netlink_dump)
	for {
		n, _, err := unix.Recvfrom(int(d), buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				return outcome(m.Data)
			default:
				row(m.Data)
			}
		}
	}
}

// outcome is the error, or none, that a message of the end begins with.
func outcome(data []byte) error {
	if len(data) < 4 {
		return nil
	}
	if n := int32(binary.NativeEndian.Uint32(data)); n < 0 {
		return unix.Errno(-n)
	}
	return nil
}

// find is the whole name of a connection, or false where there is none any more.
func (d diag) find(family byte, c Connection) (id socketID, found bool, err error) {
	var ports socketID
	ports.setPorts(c.Local, c.Port)
	err = d.ask(request(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP, family, &ports), func(row []byte) {
		if x, ok := idOf(row); ok && x.cookie() == c.Cookie {
			id, found = x, true
		}
	})
	return id, found, err
}

// destroy ends a connection.
func (d diag) destroy(family byte, id *socketID) error {
	return d.ask(request(unix.SOCK_DESTROY, unix.NLM_F_ACK, family, id), func([]byte) {})
}
