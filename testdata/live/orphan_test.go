// SPDX-License-Identifier: Apache-2.0

package live

// Connections that outlive their sessions: the kernel says goodbye for them, again and again, and is not let out. Who counts what is
// dropped ends them first.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor/sockdiag"
)

// Parts of struct inet_diag_msg (linux/inet_diag.h).
const (
	diagID    = 4
	diagIDLen = 48
	diagInode = diagID + diagIDLen + 4*4
	diagRow   = diagInode + 4
)

// endOrphans ends all TCP connections that no descriptor leads to.
func endOrphans(t *testing.T) {
	t.Helper()
	s, err := sockdiag.Open()
	must(t, err)
	defer s.Close()
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		var ids [][]byte
		must(t, s.Ask(sockdiag.List(diagQuestion(family, make([]byte, diagIDLen))), func(row []byte) {
			if len(row) >= diagRow && binary.NativeEndian.Uint32(row[diagInode:]) == 0 {
				ids = append(ids, bytes.Clone(row[diagID:diagID+diagIDLen]))
			}
		}))
		for _, id := range ids {
			if err := s.Ask(destroying(diagQuestion(family, id)), func([]byte) {}); err != nil && !errors.Is(err, unix.ENOENT) {
				t.Fatal("ending what no session holds any more:", err)
			}
		}
	}
}

// diagQuestion is struct inet_diag_req_v2, for TCP in every state.
func diagQuestion(family byte, id []byte) []byte {
	return append([]byte{family, unix.IPPROTO_TCP, 0, 0, 0xff, 0xff, 0xff, 0xff}, id...)
}

// destroying is the request to end what a question names.
func destroying(question []byte) []byte {
	b := sockdiag.List(question)
	binary.NativeEndian.PutUint16(b[4:], unix.SOCK_DESTROY)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	return b
}
