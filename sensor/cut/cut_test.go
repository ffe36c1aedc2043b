// SPDX-License-Identifier: Apache-2.0

package cut

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/testdata/need"
)

// clientCase is one way to wait for an answer.
type clientCase struct {
	family int
	to     [16]byte
	shut   bool // it has said all that it had to say
	fill   bool // nobody answers its first packet
	thread bool // its thread alone is in the namespace
}

var (
	loopback4 = [16]byte{10: 0xff, 11: 0xff, 12: 127, 15: 1}
	loopback6 = [16]byte{15: 1}
)

var clients = map[string]clientCase{
	"IPv4":                        {family: unix.AF_INET, to: loopback4},
	"IPv6":                        {family: unix.AF_INET6, to: loopback6},
	"IPv4 of a socket of IPv6":    {family: unix.AF_INET6, to: loopback4},
	"its end is said":             {family: unix.AF_INET, to: loopback4, shut: true},
	"nobody answers":              {family: unix.AF_INET, to: loopback4, fill: true},
	"one thread in its namespace": {family: unix.AF_INET, to: loopback4, thread: true},
}

// canEnd skips where the kernel, or this user, cannot end connections.
func canEnd(t *testing.T) {
	t.Helper()
	need.Root(t)
	if err := probe(); err != nil {
		need.Missing(t, need.BPF, err)
	}
}

// other starts a client and returns its connection, and where the rest of what it says comes from.
func other(t *testing.T, how string) (Connection, *bufio.Scanner) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), clientKey+"="+how)
	command.Stderr = os.Stderr
	if !clients[how].thread {
		command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	}
	out, err := command.StdoutPipe()
	if err := errors.Join(err, command.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	lines := bufio.NewScanner(out)
	var c Connection
	if !lines.Scan() {
		t.Fatal("the client says nothing")
	}
	if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
		t.Fatalf("%s: %v", lines.Text(), err)
	}
	c.Address = clients[how].to
	return c, lines
}

// ended has a connection ended, once it is there.
func ended(t *testing.T, c Connection) {
	t.Helper()
	for range 500 {
		ok, err := end(c)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the connection is not found")
}

func TestWaitingClientsGetAnError(t *testing.T) {
	canEnd(t)
	for how := range clients {
		t.Run(how, func(t *testing.T) {
			c, lines := other(t, how)
			wrong := c
			wrong.Cookie++
			if ok, err := end(wrong); ok || err != nil {
				t.Fatalf("a connection by another cookie: %v, %v", ok, err)
			}
			ended(t, c)
			if !lines.Scan() || lines.Text() != "ECONNABORTED" {
				t.Errorf("the client got %q", lines.Text())
			}
			if ok, err := end(c); ok || err != nil {
				t.Errorf("a second time: %v, %v", ok, err)
			}
		})
	}
}

// A process may have ended and left its socket to somebody else.
func TestNamespaceIsFoundWithoutItsProcess(t *testing.T) {
	canEnd(t)
	c, lines := other(t, "IPv4")
	c.PID = 1 << 30
	ended(t, c)
	if !lines.Scan() || lines.Text() != "ECONNABORTED" {
		t.Errorf("the client got %q", lines.Text())
	}
	c.Space = 1
	if ok, err := end(c); ok || err != nil {
		t.Errorf("where nobody is: %v, %v", ok, err)
	}
}

// The daemon's own namespace, by the way that the daemon takes; the same in a connection to nobody's port shows that no
// thread stayed elsewhere.
func TestCutterEndsConnectionsOfItsOwnNamespace(t *testing.T) {
	canEnd(t)
	server, to, err := serve(loopback4)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(server)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, to(unix.AF_INET)); err != nil {
		t.Fatal(err)
	}
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	var st unix.Stat_t
	if err := errors.Join(err, unix.Stat(ownSpace, &st)); err != nil {
		t.Fatal(err)
	}
	cutter, stop := running(t)
	defer stop()
	cutter.Add(Connection{Protocol: unix.IPPROTO_TCP, Local: uint16(portOf(fd)), Address: loopback4, Cookie: cookie, Space: uint32(st.Ino), PID: uint32(os.Getpid())})
	if _, err := unix.Read(fd, make([]byte, 1)); !errors.Is(err, unix.ECONNABORTED) {
		t.Errorf("the client got %v", err)
	}
	for cutter.Counts() != (Counts{Cut: 1}) {
		time.Sleep(time.Millisecond)
	}
}

func running(t *testing.T) (*Cutter, func()) {
	c := New(slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { c.Run(ctx); close(done) }()
	return c, func() { stop(); <-done }
}

func TestAddNeverWaits(t *testing.T) {
	c := New(slog.New(slog.DiscardHandler)) // that nobody runs
	for range waiting + 3 {
		c.Add(Connection{Protocol: unix.IPPROTO_TCP, Local: 1})
	}
	c.Add(Connection{Protocol: unix.IPPROTO_UDP, Local: 1})
	c.Add(Connection{Protocol: unix.IPPROTO_TCP})
	if got := c.Counts(); got != (Counts{Dropped: 3}) {
		t.Errorf("%+v", got)
	}
}

func TestProblemsAreCountedAndTheSameOneToldOnce(t *testing.T) {
	var said bytes.Buffer
	c := New(slog.New(slog.NewTextHandler(&said, nil)))
	outcomes := []struct {
		ended bool
		err   error
	}{{true, nil}, {false, nil}, {false, ErrUnsupported}, {false, ErrUnsupported}}
	for _, o := range outcomes {
		c.end = func(Connection) (bool, error) { return o.ended, o.err }
		c.one(Connection{})
	}
	if got := c.Counts(); got != (Counts{Cut: 1, Failed: 2}) {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(said.String(), "CONFIG_INET_DIAG_DESTROY"); n != 1 {
		t.Errorf("told %d times: %s", n, said.String())
	}
}

// A process number may have been given to another one, of another namespace, since the look.
func TestNamespaceIsLookedAtAgainOnceItIsOpen(t *testing.T) {
	proc := t.TempDir()
	dir := filepath.Join(proc, "7", "ns")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Symlink("net:[5]", filepath.Join(dir, "net")), os.WriteFile(filepath.Join(dir, "net:[5]"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if f, err := openSpace(proc, 5, 7); !errors.Is(err, ErrNoSpace) {
		t.Errorf("%v, %v", f, err)
	}
}

func TestMessages(t *testing.T) {
	var id socketID
	id.setPorts(0x1234, 443)
	id.setCookie(0x1122334455667788)
	if id.cookie() != 0x1122334455667788 || id[0] != 0x12 || id[1] != 0x34 || id[2] != 1 || id[3] != 0xbb {
		t.Errorf("%x", id)
	}
	if r := request(unix.SOCK_DESTROY, unix.NLM_F_ACK, unix.AF_INET, &id); len(r) != 72 || r[0] != 72 || !bytes.HasSuffix(r, id[:]) {
		t.Errorf("%x", r)
	}
	if _, ok := idOf(make([]byte, 51)); ok {
		t.Error("half a row is one")
	}
	if got, ok := idOf(append([]byte{2, 1, 0, 0}, id[:]...)); !ok || got != id {
		t.Errorf("%x", got)
	}
}
