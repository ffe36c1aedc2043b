// SPDX-License-Identifier: Apache-2.0

package stage

// A network of servers behind the machine's own, so that what they are asked for is sent: a namespace, and a wire to it.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Network is the name of the servers' namespace.
type Network string

// Connect makes the namespace, with addresses of the machine's end of the wire and of the servers'. IPv4 is by /24, IPv6 by /64.
func (n Network) Connect(ctx context.Context, machine, servers []string) error {
	name := string(n)
	lines := [][]string{
		{"netns", "add", name}, {"link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", name}, {"link", "set", "wire", "up"},
		{"-n", name, "link", "set", "lo", "up"}, {"-n", name, "link", "set", "wire", "up"},
	}
	for _, a := range machine {
		lines = append(lines, append([]string{"addr", "add"}, onWire(a)...))
	}
	for _, a := range servers {
		lines = append(lines, append([]string{"-n", name, "addr", "add"}, onWire(a)...))
	}
	for _, line := range lines {
		if out, err := exec.CommandContext(ctx, "ip", line...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.Join(line, " "), err, out)
		}
	}
	return nil
}

// onWire are the words of ip(8) for an address.
func onWire(address string) []string {
	if strings.Contains(address, ":") {
		return []string{address + "/64", "dev", "wire", "nodad"}
	}
	return []string{address + "/24", "dev", "wire"}
}

// Listen has the network answer at an address.
func (n Network) Listen(address, port string) (net.Listener, error) {
	var l net.Listener
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with its network
		if err = n.enter(); err == nil {
			l, err = net.Listen("tcp", net.JoinHostPort(address, port))
		}
	}()
	<-done
	return l, err
}

func (n Network) enter() error {
	f, err := os.Open("/run/netns/" + string(n))
	if err != nil {
		return err
	}
	return errors.Join(unix.Setns(int(f.Fd()), unix.CLONE_NEWNET), f.Close())
}

// Command is a command among the servers.
func (n Network) Command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", string(n)}, args...)...)
}
