// SPDX-License-Identifier: Apache-2.0

// Package sockdiag asks the kernel about sockets (linux/sock_diag.h). It knows how a question is asked and answered, and nothing of what is
// in either: that is up to who asks.
package sockdiag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// Socket is one of NETLINK_SOCK_DIAG: it sees the network namespace in which it was opened.
type Socket int

// patience is how long the kernel may take to answer: it does so while it is asked.
var patience = unix.Timeval{Sec: 2}

// Open opens one.
func Open() (Socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return -1, fmt.Errorf("opening a diagnostic socket: %w", err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return -1, errors.Join(fmt.Errorf("bounding a diagnostic socket: %w", err), unix.Close(fd))
	}
	return Socket(fd), nil
}

// Close closes it.
func (s Socket) Close() error { return unix.Close(int(s)) }

// Ask sends a request and hands each row of the answer on, to its end.
func (s Socket) Ask(request []byte, row func([]byte)) error {
	if err := unix.Sendto(int(s), request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buffer := make([]byte, 1<<15) // the kernel's own pieces of a list are smaller (net/netlink/af_netlink.c:netlink_dump)
	for {
		n, _, err := unix.Recvfrom(int(s), buffer, 0)
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

// List is a request for all sockets that a question of a family asks for.
func List(question []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(question)))
	b = binary.NativeEndian.AppendUint16(b, unix.SOCK_DIAG_BY_FAMILY)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b = append(b, make([]byte, 8)...) // number and sender: one question at a time
	return append(b, question...)
}

// Attribute is the value of one of a row's attributes, or nothing.
func Attribute(attributes []byte, kind uint16) []byte {
	const head = unix.SizeofRtAttr
	for len(attributes) >= head {
		size := int(binary.NativeEndian.Uint16(attributes))
		if size < head || size > len(attributes) {
			return nil
		}
		if binary.NativeEndian.Uint16(attributes[2:]) == kind {
			return attributes[head:size]
		}
		attributes = attributes[min((size+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(attributes)):]
	}
	return nil
}
