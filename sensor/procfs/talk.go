// SPDX-License-Identifier: Apache-2.0

// This file tells which process is at the other end of what another one reads its input from and writes its output to: a pipe, or a pair of
// sockets. What goes through is not looked at.

package procfs

import (
	"encoding/binary"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor/sockdiag"
)

// Talk is one look at who talks with whom. It remembers what it has seen of a process.
type Talk struct {
	peers map[uint64]uint64 // of unix sockets, by their numbers
	ends  map[uint32]map[end]bool
}

// end is one end of a pipe, or a socket.
type end struct {
	pipe   uint64 // its number; 0 for a socket
	writes bool
	socket uint64
}

// NewTalk begins a look. Where the kernel does not tell which sockets are pairs (CONFIG_UNIX_DIAG), pipes alone are seen.
func NewTalk() *Talk {
	peers, _ := unixPeers() // without them, pipes alone
	return &Talk{peers, map[uint32]map[end]bool{}}
}

// Partner is the first of some processes that holds the other ends of both the input and the output of another one; 0 where none does.
func (t *Talk) Partner(pid uint32, among []uint32) uint32 {
	input, ok := t.other(pid, 0)
	if !ok {
		return 0
	}
	output, ok := t.other(pid, 1)
	if !ok {
		return 0
	}
	for _, p := range among {
		if has := t.of(p); has[input] && has[output] {
			return p
		}
	}
	return 0
}

// other is the other end of a descriptor.
func (t *Talk) other(pid, fd uint32) (end, bool) {
	e, ok := endOf(pid, Number(fd))
	if !ok {
		return end{}, false
	}
	if e.pipe != 0 {
		return end{pipe: e.pipe, writes: fd == 0}, e.writes != (fd == 0)
	}
	peer := t.peers[e.socket]
	return end{socket: peer}, peer != 0
}

// of are the ends that a process holds. bound: socketsMax descriptors.
func (t *Talk) of(pid uint32) map[end]bool {
	if seen, ok := t.ends[pid]; ok {
		return seen
	}
	found := map[end]bool{}
	for _, fd := range descriptors(pid) {
		if e, ok := endOf(pid, fd); ok {
			found[e] = true
		}
	}
	t.ends[pid] = found
	return found
}

// descriptors are the names of what a process has open, as far as that is looked at.
func descriptors(pid uint32) []string {
	dir, err := os.Open("/proc/" + Number(pid) + "/fd")
	if err != nil {
		return nil // it has ended, or may not be looked at
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(socketsMax) // what was read counts
	return names
}

// endOf is what is behind a descriptor, where that is an end. kernel: the link's own mode says how it is open (fs/proc/fd.c:tid_fd_update_inode).
func endOf(pid uint32, fd string) (end, bool) {
	link := "/proc/" + Number(pid) + "/fd/" + fd
	target, err := os.Readlink(link)
	if err != nil {
		return end{}, false
	}
	if n, ok := numbered(target, "socket:["); ok {
		return end{socket: n}, true
	}
	n, ok := numbered(target, "pipe:[")
	if !ok {
		return end{}, false
	}
	info, err := os.Lstat(link)
	return end{pipe: n, writes: err == nil && info.Mode()&0o200 != 0}, err == nil
}

// numbered reads a name as `pipe:[N]`.
func numbered(name, before string) (uint64, bool) {
	text, ok := strings.CutPrefix(strings.TrimSuffix(name, "]"), before)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

// linux/unix_diag.h.
const (
	udiagShowPeer  = 4
	unixDiagPeer   = 2
	unixDiagNumber = 4 // where struct unix_diag_msg has the socket's number
	unixDiagSize   = 16
)

// unixPeers are the unix sockets of the host that are connected, each with the number of the other.
func unixPeers() (map[uint64]uint64, error) {
	s, err := sockdiag.Open()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	request := []byte{unix.AF_UNIX, 0, 0, 0}
	for _, field := range []uint32{^uint32(0), 0, udiagShowPeer, 0, 0} { // states, number, what is told, cookie
		request = binary.NativeEndian.AppendUint32(request, field)
	}
	peers := map[uint64]uint64{}
	err = s.Ask(sockdiag.List(request), func(row []byte) {
		if len(row) < unixDiagSize {
			return
		}
		number := binary.NativeEndian.Uint32(row[unixDiagNumber:])
		if peer := sockdiag.Attribute(row[unixDiagSize:], unixDiagPeer); len(peer) == 4 {
			peers[uint64(number)] = uint64(binary.NativeEndian.Uint32(peer))
		}
	})
	return peers, err
}
