// SPDX-License-Identifier: Apache-2.0

// This file brings messages to the server and finds out whether they arrived. Syslog has no answer to a message, and what TCP
// took may still be lost with the server's process. So each batch has a connection of its own: when all is written this side
// is closed, and the server closes its own when it has read to the end. A server that dies before is seen by a reset, one
// that is cut off by the deadline, and one that ends in good order, as for a restart, by what it had not read (line.go); then the
// batch is sent again.

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"

	"github.com/reeve-sensor/reeve/plugins/api"
)

// sender sends batches.
type sender struct {
	format  format
	address string
	tls     *tls.Config // nil: TCP alone
}

// secure is how TLS is spoken, or nil.
func secure(v api.Values, address string) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q is not host:port", address)
	}
	if !v.Flag("tls", true) {
		return nil, nil
	}
	c := &tls.Config{ServerName: v.Text("server_name", host), MinVersion: tls.VersionTLS12}
	if name := v.Text("ca", ""); name != "" {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", name)
		}
	}
	if name := v.Text("certificate", ""); name != "" {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading certificate: %w", err)
		}
		pair, err := tls.X509KeyPair(pem, []byte(v.Text("key", "")))
		if err != nil {
			return nil, fmt.Errorf("certificate %s with its key: %w", name, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// send sends a batch and waits until the server has read it.
func (s *sender) send(ctx context.Context, events []api.Event) error {
	l, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var b bytes.Buffer
	for i := range events {
		frame(&b, s.format.message(&events[i]))
	}
	if _, err := l.Write(b.Bytes()); err != nil {
		return fmt.Errorf("sending to %s: %w", s.address, late(ctx, err))
	}
	if err := l.finish(); err != nil {
		return fmt.Errorf("%s did not take all: %w", s.address, late(ctx, err))
	}
	return nil
}

// late is the deadline, where that is why a connection was closed.
func late(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
