// SPDX-License-Identifier: Apache-2.0

// What is said to the kernel about connections (linux/inet_diag.h), and what it answers. The kernel finds a connection by both
// of its ends (net/ipv4/inet_diag.c:inet_diag_find_one_icsk), and a refusal's record has one of the addresses alone: so they are
// listed first, by their ports.

package cut

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor/sockdiag"
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

// diag is where the kernel is asked.
type diag struct{ sockdiag.Socket }

func openDiag() (diag, error) {
	s, err := sockdiag.Open()
	return diag{s}, err
}

// find is the whole name of a connection, or false where there is none any more.
func (d diag) find(family byte, c Connection) (id socketID, found bool, err error) {
	var ports socketID
	ports.setPorts(c.Local, c.Port)
	err = d.Ask(request(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP, family, &ports), func(row []byte) {
		if x, ok := idOf(row); ok && x.cookie() == c.Cookie {
			id, found = x, true
		}
	})
	return id, found, err
}

// destroy ends a connection.
func (d diag) destroy(family byte, id *socketID) error {
	return d.Ask(request(unix.SOCK_DESTROY, unix.NLM_F_ACK, family, id), func([]byte) {})
}
