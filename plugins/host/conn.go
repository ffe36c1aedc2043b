// SPDX-License-Identifier: Apache-2.0

// This file is the line to a running plugin: go-plugin's client in both its steps, and the first words.

package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/reeve-sensor/reeve/plugins/api"
	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
)

// conn is a plugin that answers.
type conn struct {
	rpc   pb.PluginClient
	about *pb.Description
	sum   string
	end   func() // ends the process, and waits for it

	mu      sync.Mutex
	process *process // nil until there is one
	fault   error    // for which it was ended, where it did not end by itself
}

// endFor ends the process for a fault, which is told from then on in the place of the signal that it ended by.
func (c *conn) endFor(fault error) {
	c.mu.Lock()
	c.fault = cmp.Or(c.fault, fault)
	c.mu.Unlock()
	c.kill()
}

// ending is why the process has ended.
func (c *conn) ending() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.fault, fmt.Errorf("%w: %s", errEnded, c.process.state))
}

// kill ends the process, if there is one.
func (c *conn) kill() (ended <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil || c.process.cmd.Process == nil {
		return nil
	}
	_ = c.process.Kill(context.Background())
	return c.process.ended
}

// answerMax bounds what a plugin may answer in one message.
const answerMax = 1 << 20

// dispensed fits the contract to go-plugin.
type dispensed struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (dispensed) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("a host is not a plugin")
}

func (dispensed) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return pb.NewPluginClient(c), nil
}

// launch starts a plugin and brings it to where it can be asked. Whatever the plugin does, it returns in bounded time.
func (w *worker) launch(ctx context.Context) (*conn, error) {
	a, err := accountOf(&w.spec)
	if err == nil {
		err = a.alone(&w.spec, w.o.Plugins)
	}
	if err != nil && privileged() {
		return nil, err
	}
	name, err := find(w.o.Folders, &w.spec)
	if err != nil {
		return nil, err
	}
	program, sum, err := image(name, w.pin)
	if err != nil {
		return nil, err
	}
	w.pin = sum
	folder := filepath.Join(w.o.Run, w.spec.Name)
	if err := openFolder(folder); err != nil {
		return nil, errors.Join(err, program.Close())
	}
	c := &conn{sum: sum}
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: api.Handshake, VersionedPlugins: map[int]goplugin.PluginSet{api.Version: {api.Service: dispensed{}}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, AutoMTLS: true, SkipHostEnv: true, StartTimeout: w.o.Patience,
		Logger: hclog.NewNullLogger(), SyncStdout: w.words, SyncStderr: w.words, Stderr: w.words,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: folder},
		GRPCDialOptions:  []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(answerMax))},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
			p, err := newProcess(w.spec.Name, cmd.Env, dir, program, a, w.spec.Memory, w.words)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.process = p
			return p, err
		},
	})
	c.end = func() { c.close(client, folder) }
	if err := c.open(ctx, client, w.o.Patience); err != nil {
		err = c.early(err)
		c.end()
		return nil, err
	}
	return c, nil
}

// early is why a plugin never answered: that its process has ended says more than go-plugin does.
func (c *conn) early(err error) error {
	c.mu.Lock()
	p := c.process
	c.mu.Unlock()
	if p != nil && p.cmd.Process != nil {
		select {
		case <-p.ended:
			return fmt.Errorf("%w before it answered: %s", errEnded, p.state)
		default:
		}
	}
	return plain(err)
}

// openFolder makes an empty folder that a plugin can reach its own folder through, and see nothing in.
func openFolder(folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("emptying a plugin's folder: %w", err)
	}
	if err := os.MkdirAll(folder, 0o711); err != nil {
		return fmt.Errorf("making a plugin's folder: %w", err)
	}
	// The daemon's umask leaves others nothing.
	if err := errors.Join(os.Chmod(folder, 0o711), os.Chmod(filepath.Dir(folder), 0o711)); err != nil {
		return fmt.Errorf("opening a plugin's folder: %w", err)
	}
	return nil
}

// open takes both of go-plugin's steps and asks the plugin what it is, and ends the process where that takes too long.
func (c *conn) open(ctx context.Context, client *goplugin.Client, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience) // the first half is for go-plugin
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.dispense(ctx, client) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		c.kill()
		return errors.Join(fmt.Errorf("it did not answer in time: %w", ctx.Err()), <-done)
	}
}

func (c *conn) dispense(ctx context.Context, client *goplugin.Client) error {
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(api.Service)
	if err != nil {
		return err
	}
	c.rpc = raw.(pb.PluginClient)
	c.about, err = c.rpc.Describe(ctx, &pb.DescribeRequest{})
	return err
}

// close ends the process first: a plugin is not asked whether it would like to end.
func (c *conn) close(client *goplugin.Client, folder string) {
	if ended := c.kill(); ended != nil {
		<-ended
	}
	client.Kill()
	_ = os.RemoveAll(folder)
}

// plain takes the words of gRPC and go-plugin off an error, as far as people need it.
func plain(err error) error {
	if s, ok := status.FromError(err); ok && s.Message() != "" {
		return errors.New(oneLine(s.Message()))
	}
	text := oneLine(err.Error())
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// lineMax bounds what is told of a plugin's own words.
const lineMax = 300

func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if len(text) > lineMax {
		text = text[:lineMax] + "…"
	}
	return text
}
