// SPDX-License-Identifier: Apache-2.0

// This file asks /proc about the sockets of one process, in its own network.

package procfs

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	netstat "github.com/shirou/gopsutil/v4/net"
	"golang.org/x/sys/unix"
)

// Socket is one end of a connection, or what listens.
type Socket struct {
	Family string // inet, inet6, unix
	Local  string
	Remote string // "" where there is none, or where the kernel does not tell: of unix sockets
	State  string
}

// socketsMax bounds the descriptors of one process that are looked at.
const socketsMax = 4096

var families = map[uint32]string{unix.AF_INET: "inet", unix.AF_INET6: "inet6", unix.AF_UNIX: "unix"}

// Sockets are the sockets of a process that started at the given time, by number. bound: of several sockets with the same
// two addresses one is told of, and none that is not bound, nor of MPTCP: /proc/net has no row of it.
func Sockets(ctx context.Context, pid uint32, started time.Time) (map[uint64]Socket, error) {
	if _, err := open(ctx, pid, started); err != nil {
		return nil, err
	}
	all, err := netstat.ConnectionsPidMaxWithoutUidsWithContext(ctx, "all", int32(pid), socketsMax)
	if err != nil {
		return nil, fmt.Errorf("sockets of %d: %w", pid, err)
	}
	sockets := map[uint64]Socket{}
	for _, c := range all {
		number, ok := socketNumber(pid, c.Fd)
		if !ok {
			continue
		}
		sockets[number] = Socket{families[c.Family], address(c.Family, c.Laddr), address(c.Family, c.Raddr), strings.TrimPrefix(c.Status, "NONE")}
	}
	return sockets, nil
}

// socketNumber is what `socket:[N]` says behind a descriptor.
func socketNumber(pid, fd uint32) (uint64, bool) {
	link, err := os.Readlink("/proc/" + Number(pid) + "/fd/" + Number(fd))
	if err != nil {
		return 0, false
	}
	return numbered(link, "socket:[")
}

func address(family uint32, a netstat.Addr) string {
	switch {
	case family == unix.AF_UNIX:
		return a.IP
	case a.IP == "" || a.Port == 0 && net.ParseIP(a.IP).IsUnspecified():
		return ""
	}
	return net.JoinHostPort(a.IP, Number(a.Port))
}
