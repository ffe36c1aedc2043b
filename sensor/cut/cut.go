// SPDX-License-Identifier: Apache-2.0

// Package cut ends TCP connections that were refused. The kernel side drops what a session may not send; whoever waits for an
// answer would wait until its own patience ends. Ended from outside (SOCK_DESTROY, linux/sock_diag.h), its next or waiting call
// returns ECONNABORTED at once.
//
// Nothing is held by it: a connection that cannot be ended still sends nothing. It needs CAP_NET_ADMIN, a kernel with
// CONFIG_INET_DIAG_DESTROY, and CAP_SYS_ADMIN for connections of other network namespaces.
package cut

import (
	"context"
	"log/slog"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Connection names one end of a connection, as the kernel's record of a refusal does.
type Connection struct {
	Protocol uint32   // IPPROTO_...
	Local    uint16   // port of this end; 0 where there is none yet, so nobody waits
	Port     uint16   // of the other end
	Address  [16]byte // of the other end; IPv4 mapped
	Cookie   uint64   // of the socket, never given out twice (net/core/sock_diag.c)
	Space    uint32   // inode of its network namespace
	PID      uint32   // of a process that lives there, in the daemon's own pid namespace
}

// waiting is how many connections may wait to be ended.
const waiting = 1024

// Cutter ends connections, one after the other, beside whoever finds them.
type Cutter struct {
	queue chan Connection
	end   func(Connection) (bool, error)
	log   *slog.Logger

	cut, dropped, failed atomic.Uint64
	said                 string // the last problem: the same one is counted, not told again
}

// New makes a Cutter for the namespaces of this machine.
func New(log *slog.Logger) *Cutter {
	return &Cutter{queue: make(chan Connection, waiting), end: end, log: log}
}

// Add has a connection ended soon. It never waits: what does not fit is counted, and its client waits for its own timeout.
// What has no connection to end is none of its business.
func (c *Cutter) Add(conn Connection) {
	if conn.Protocol != unix.IPPROTO_TCP || conn.Local == 0 {
		return
	}
	select {
	case c.queue <- conn:
	default:
		c.dropped.Add(1)
	}
}

// Run ends connections until ctx does.
func (c *Cutter) Run(ctx context.Context) {
	if err := probe(); err != nil {
		c.log.Warn("clients of refused connections wait for their own timeouts", "problem", err)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case conn := <-c.queue:
			c.one(conn)
		}
	}
}

func (c *Cutter) one(conn Connection) {
	ended, err := c.end(conn)
	switch {
	case err != nil:
		c.failed.Add(1)
		if c.said != err.Error() {
			c.said = err.Error()
			c.log.Warn("a refused connection could not be ended", "problem", err)
		}
	case ended:
		c.cut.Add(1)
	}
}

// Counts are what became of connections since the start. Those that had ended by themselves are in none.
type Counts struct {
	Cut     uint64
	Dropped uint64 // for want of room
	Failed  uint64 // to be ended, or to be found
}

// Counts may be called at any time.
func (c *Cutter) Counts() Counts {
	return Counts{Cut: c.cut.Load(), Dropped: c.dropped.Load(), Failed: c.failed.Load()}
}
