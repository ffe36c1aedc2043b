// SPDX-License-Identifier: Apache-2.0

// This file is the client's way to a door.

package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

// answerMost is far beyond a policy of as many rules as the table holds.
const answerMost = 64 << 20

// Client is a connection to the daemon.
type Client struct {
	pb.ReeveClient
	Door Door
	conn *grpc.ClientConn
}

// Dial opens the first of the doors under dir that lets the caller in. The error is that of the last one.
func Dial(ctx context.Context, dir string, doors ...Door) (*Client, error) {
	var err error
	for _, d := range doors {
		name := filepath.Join(dir, Sockets[d])
		var conn net.Conn
		conn, err = new(net.Dialer).DialContext(ctx, "unix", name)
		if err != nil {
			continue
		}
		first := make(chan net.Conn, 1)
		first <- conn
		cc, err := grpc.NewClient("passthrough:///"+name, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(answerMost)),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				select {
				case c := <-first:
					return c, nil
				default:
					return new(net.Dialer).DialContext(ctx, "unix", name)
				}
			}))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connecting to %s: %w", name, err), conn.Close())
		}
		return &Client{pb.NewReeveClient(cc), d, cc}, nil
	}
	return nil, fmt.Errorf("connecting to the daemon: %w", err)
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }
