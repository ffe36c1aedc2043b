// SPDX-License-Identifier: Apache-2.0

// This file is a connection whose end says whether everything was read. A server that closes has read to the end only if it closed
// behind this side's end. One that closed before, as it does when it is restarted amid a batch, closes in good order too as far
// as can be read; but what it had not read is answered by a reset, or was never acknowledged.

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// line is a connection to a server.
type line struct {
	io.Writer
	tcp *counted
	tls *tls.Conn // nil: TCP alone
}

// counted knows how much was written.
type counted struct {
	*net.TCPConn
	written uint64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	c.written += uint64(n)
	return n, err
}

func (s *sender) dial(ctx context.Context) (*line, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	l := &line{tcp: &counted{TCPConn: c.(*net.TCPConn)}}
	if l.Writer = l.tcp; s.tls == nil {
		return l, nil
	}
	l.tls = tls.Client(l.tcp, s.tls)
	if err := l.tls.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	l.Writer = l.tls
	return l, nil
}

// Close ends it without another word.
func (l *line) Close() error { return l.tcp.Close() }

var (
	errAnswers = errors.New("it answers, which no syslog server does")
	errEarly   = errors.New("it closed before it had read all")
)

// finish says that there is no more, and waits until the server has read to the end.
func (l *line) finish() error {
	if l.tls != nil {
		if err := l.tls.CloseWrite(); err != nil {
			return err
		}
		if err := ends(l.tls); err != nil {
			return err
		}
	}
	if l.tls == nil && l.closedFirst() {
		return errEarly
	}
	if err := l.tcp.CloseWrite(); err != nil {
		return err
	}
	if err := ends(l.tcp); err != nil {
		return err
	}
	return l.acknowledged()
}

// ends reads to an end in good order.
func ends(r io.Reader) error {
	switch _, err := r.Read(make([]byte, 1)); {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return errAnswers
	default:
		return err
	}
}

// closeWait is the state of a connection that the other side has closed and this one has not (include/net/tcp_states.h).
const closeWait = 8

// closedFirst reports whether the server has closed already.
func (l *line) closedFirst() bool {
	info, err := l.info()
	return err == nil && info.State == closeWait
}

// acknowledged fails where the server's machine has not got all that was written. Its end comes with the acknowledgement of
// all before this side's end, and of that, if it was sent behind them. kernel: the count has the two ends of a connection in it.
func (l *line) acknowledged() error {
	info, err := l.info()
	if err != nil {
		return fmt.Errorf("asking what was acknowledged: %w", err)
	}
	if info.Bytes_acked <= l.tcp.written {
		return errEarly
	}
	return nil
}

func (l *line) info() (info *unix.TCPInfo, err error) {
	raw, err := l.tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	if ctl := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); ctl != nil {
		return nil, ctl
	}
	return info, err
}
