// SPDX-License-Identifier: Apache-2.0

// This file tells which processes are connected to addresses that somebody asks about, in the host's own network.

package procfs

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor/sockdiag"
)

// Connected are the addresses among those that are wanted to which processes are connected by TCP, by process. Processes that come first
// in among are looked at first: where all connections are theirs, nobody else is.
func Connected(among []uint32, wanted func(netip.Addr) bool) (map[uint32][]netip.Addr, error) {
	open := map[uint64]netip.Addr{}
	var errs []error
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		errs = append(errs, connections(family, wanted, open))
	}
	out := map[uint32][]netip.Addr{}
	for _, pid := range among {
		if len(open) == 0 {
			break
		}
		for _, fd := range descriptors(pid) {
			e, ok := endOf(pid, fd)
			if !ok || e.socket == 0 {
				continue
			}
			if a, ok := open[e.socket]; ok {
				if !slices.Contains(out[pid], a) {
					out[pid] = append(out[pid], a)
				}
				delete(open, e.socket) // who has it too, has it from there
			}
		}
	}
	return out, errors.Join(errs...)
}

// linux/inet_diag.h, net/tcp_states.h.
const (
	inetDiagRemote = 24 // where struct inet_diag_msg has the other end's address
	inetDiagNumber = 68 // and the socket's number
	inetDiagSize   = 72
	tcpEstablished = 1
)

// connections adds those of one family, by the socket's number.
func connections(family byte, wanted func(netip.Addr) bool, open map[uint64]netip.Addr) error {
	s, err := sockdiag.Open()
	if err != nil {
		return err
	}
	defer s.Close()
	question := binary.NativeEndian.AppendUint32([]byte{family, unix.IPPROTO_TCP, 0, 0}, 1<<tcpEstablished)
	question = append(question, make([]byte, 48)...) // whatever its ends
	return s.Ask(sockdiag.List(question), func(row []byte) {
		if len(row) < inetDiagSize {
			return
		}
		address := netip.AddrFrom16([16]byte(row[inetDiagRemote : inetDiagRemote+16])).Unmap()
		if family == unix.AF_INET {
			address = netip.AddrFrom4([4]byte(row[inetDiagRemote : inetDiagRemote+4]))
		}
		if wanted(address) {
			open[uint64(binary.NativeEndian.Uint32(row[inetDiagNumber:]))] = address
		}
	})
}
