// SPDX-License-Identifier: Apache-2.0

// This file finds out who is at the other end of a socket. It is the transport credentials of every server here.

package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Caller is the process at the other end, at the moment in which it connected.
type Caller struct {
	UID, GID, PID uint32
	Session       uint64 // 0 outside of sessions
	credentials.CommonAuthInfo

	conn   syscall.RawConn
	member Member
}

// AuthType names the credentials for grpc.
func (*Caller) AuthType() string { return "peercred" }

// Member tells which session the process of a pidfd belongs to; 0 is none.
type Member func(pidfd int) (uint64, error)

// peerCredentials reads SO_PEERCRED. There is no encryption: the sockets are local.
type peerCredentials struct{ member Member }

var errClient = errors.New("credentials of a server")

func (c peerCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errClient
}

func (c peerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, nil, fmt.Errorf("caller: %T is no unix socket", conn)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nil, nil, fmt.Errorf("caller: %w", err)
	}
	caller := &Caller{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, conn: raw, member: c.member}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = caller.read(int(fd)) })
	if err = errors.Join(err, inner); err != nil {
		return nil, nil, fmt.Errorf("caller: %w", err)
	}
	return conn, caller, nil
}

func (c *Caller) read(fd int) error {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return fmt.Errorf("reading credentials: %w", err)
	}
	c.UID, c.GID, c.PID = cred.Uid, cred.Gid, uint32(cred.Pid)
	c.Session, err = c.session(fd)
	return err
}

// now is the session that the process belongs to at this moment: run and adopt make one of what has connected before.
func (c *Caller) now() (id uint64, err error) {
	if c.conn == nil {
		return 0, errClient
	}
	var inner error
	err = c.conn.Control(func(fd uintptr) { id, inner = c.session(int(fd)) })
	return id, errors.Join(err, inner)
}

// session asks the kernel about the process that connected.
func (c *Caller) session(fd int) (uint64, error) {
	pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err != nil {
		// kernel: SO_PEERPIDFD is there from 6.5. race: before, the pid may be another process's by now; then that
		// one's session counts, and only a process that has ended gains by it.
		pidfd, err = unix.PidfdOpen(int(c.PID), 0)
	}
	if err != nil {
		return 0, fmt.Errorf("finding process %d: %w", c.PID, err)
	}
	defer unix.Close(pidfd)
	return c.member(pidfd)
}

func (c peerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "peercred"}
}
func (c peerCredentials) Clone() credentials.TransportCredentials { return c }
func (c peerCredentials) OverrideServerName(string) error         { return nil }

func callerOf(ctx context.Context) *Caller {
	if p, ok := peer.FromContext(ctx); ok {
		if c, ok := p.AuthInfo.(*Caller); ok {
			return c
		}
	}
	return &Caller{UID: noUser}
}

const noUser = ^uint32(0)
