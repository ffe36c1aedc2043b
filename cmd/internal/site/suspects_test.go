// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/inventory/shadow"
	"github.com/reeve-sensor/reeve/sensor/procfs"
)

// serverAt is a program that is called like an MCP server, and waits for its input's end.
func serverAt(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("/bin/cat")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "files-mcp-server")
	if err := os.WriteFile(file, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// run starts a command, which has ended when the test has.
func run(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
}

// below are this process and those that it started, with those that these did: who started this one may be an agent of the catalogue.
func below(t *testing.T) []shadow.Process {
	t.Helper()
	c := &inventory.Catalogue{}
	list, err := procfs.All(context.Background(), Names(c))
	if err != nil {
		t.Fatal(err)
	}
	in := map[uint32]bool{uint32(os.Getpid()): true}
	for range 3 { // generations
		for i := range list {
			in[list[i].PID] = in[list[i].PID] || in[list[i].Parent]
		}
	}
	list = slices.DeleteFunc(list, func(r procfs.Running) bool { return !in[r.PID] })
	return Processes(c, list, func(uint32) string { return "" })
}

// evidence is what there is against this process.
func evidence(t *testing.T, processes []shadow.Process) string {
	t.Helper()
	for _, it := range Suspects(processes, nil) {
		if it.Running[0] == uint32(os.Getpid()) {
			return strings.Join(it.Evidence, "; ")
		}
	}
	return ""
}

// This process is the agent that nobody knows.
func TestWhoTalksWithAServerIsSuspected(t *testing.T) {
	server := serverAt(t)
	for name, tc := range map[string]struct {
		start func(t *testing.T)
		want  bool
	}{
		"by pipes": {func(t *testing.T) { piped(t, exec.Command(server)) }, true},
		"by sockets": {func(t *testing.T) {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
			t.Cleanup(func() { ours.Close() })
			c := exec.Command(server)
			c.Stdin, c.Stdout = theirs, theirs
			run(t, c)
			theirs.Close()
		}, true},
		"by a shell between": {func(t *testing.T) { piped(t, exec.Command("/bin/sh", "-c", server+"; true")) }, true},
		"it has a file for its input": {func(t *testing.T) {
			c := exec.Command(server)
			f, err := os.Open("/dev/zero")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			c.Stdin = f
			if _, err := c.StdoutPipe(); err != nil {
				t.Fatal(err)
			}
			run(t, c)
		}, false},
		"it is called otherwise": {func(t *testing.T) { piped(t, exec.Command("/bin/cat")) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			tc.start(t)
			processes := below(t)
			Talks(processes, nil)
			got := evidence(t, processes)
			if strings.Contains(got, "it talks over pipes or sockets with process ") != tc.want || tc.want && !strings.Contains(got, "files-mcp-server, called like an MCP server") {
				t.Errorf("%q", got)
			}
		})
	}
}

// piped starts a command with both ends of its pipes here, and has it answer once, so that it is what it will be.
func piped(t *testing.T, c *exec.Cmd) {
	t.Helper()
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	run(t, c)
	if _, err := in.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

func TestWhoIsConnectedToAModelIsSuspected(t *testing.T) {
	for _, on := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(on, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		at := netip.MustParseAddr(on)
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for name, tc := range map[string]struct {
			endpoints shadow.Endpoints
			want      string
		}{
			"where a model answered": {shadow.Endpoints{at: "api.anthropic.com"}, "it is connected to " + on + ", where api.anthropic.com answered a session"},
			"elsewhere":              {shadow.Endpoints{netip.MustParseAddr("192.0.2.1"): "api.anthropic.com"}, ""},
			"nothing is known":       {nil, ""},
		} {
			processes := below(t)
			if err := Hosts(processes, tc.endpoints); err != nil {
				t.Fatal(err)
			}
			if got := evidence(t, processes); got != tc.want {
				t.Errorf("%s, %s: %q", on, name, got)
			}
		}
		c.Close()
	}
}
