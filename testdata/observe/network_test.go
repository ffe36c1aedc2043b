// SPDX-License-Identifier: Apache-2.0

package observe

// Coverage `network`: a session's connections, datagrams and kinds of sockets are refused by programs of control groups alone.
// Client and server have a network namespace of their own; the daemon has the machine's.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// Addresses of the room's servers.
const (
	welcome = "198.18.0.1"
	refused = "198.18.0.2"
	port    = 9000
	own     = "9001" // of the session's server
)

const networks = `
[[role]]
name = "default"
defaults = { net = "allow" }
[[rule]]
id = "stranger"
on = ["net.addr"]
match = ["198.18.0.2"]
action = "deny"
reason = "test"
[[rule]]
id = "paths"
on = ["net.family"]
match = ["AF_INET/SOCK_STREAM/262", "AF_INET/SOCK_RAW"]
action = "deny"
reason = "test"
`

func init() {
	parts["room"] = room
	parts["client"] = client
}

// room brings a network up, serves it, and has the client try it beside a session and in one. Arguments are a file that policy
// denies to read, and reeve's name.
func room(args []string) int {
	secret, reeve := args[0], args[1]
	if err := errors.Join(furnish(), try("outside", secret), try("inside", secret, reeve, "run", "--")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func furnish() error {
	for _, line := range []string{"link set lo up", "addr add 198.18.0.1/24 dev lo", "addr add 198.18.0.2/24 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %s", line, out)
		}
	}
	for _, host := range []string{welcome, refused} {
		l, err := net.Listen("tcp4", fmt.Sprintf("%s:%d", host, port))
		if err != nil {
			return err
		}
		go func() {
			for {
				if c, err := l.Accept(); err == nil {
					_, _ = io.WriteString(c, "hello")
					c.Close()
				}
			}
		}()
	}
	return nil
}

// try runs the client, and visits the server that it has. What it says is printed behind where it was.
func try(where, secret string, runner ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	argv := append(runner, self, secret)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), part+"=client")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	visited := make(chan string, 1)
	go func() { visited <- visit() }()
	said, err := io.ReadAll(out)
	for line := range strings.Lines(string(said)) {
		fmt.Printf("%s %s", where, line)
	}
	fmt.Printf("%s visitor: %s\n", where, <-visited)
	return errors.Join(err, cmd.Wait())
}

// visit connects to the client's server, which is up in a moment.
func visit() string {
	for range 200 {
		c, err := net.Dial("tcp4", welcome+":"+own)
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(hostWait))
		text, err := io.ReadAll(c)
		return fmt.Sprint(string(text), " ", err)
	}
	return "nobody is there"
}

// client says what became of each thing that it tries. Files are not held: it reads what policy denies.
func client(args []string) int {
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"own server", served},
		{"welcome", func() error { return greeted(welcome) }},
		{"refused", func() error { return greeted(refused) }},
		{"datagram", func() error { return sent(welcome) }},
		{"refused datagram", func() error { return sent(refused) }},
		{"mptcp", func() error { return made(unix.SOCK_STREAM, unix.IPPROTO_MPTCP) }},
		{"raw", func() error { return made(unix.SOCK_RAW, unix.IPPROTO_ICMP) }},
		{"secret", func() error { _, err := os.ReadFile(args[0]); return err }},
	} {
		fmt.Printf("%s: %v\n", c.name, c.do())
	}
	return 0
}

// served accepts one connection, and answers it.
func served() error {
	l, err := net.Listen("tcp4", welcome+":"+own)
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := l.Accept()
	if err != nil {
		return err
	}
	_, err = io.WriteString(c, "served")
	return errors.Join(err, c.Close())
}

func greeted(host string) error {
	c, err := net.DialTimeout("tcp4", fmt.Sprintf("%s:%d", host, port), hostWait)
	if err != nil {
		return plain(err)
	}
	defer c.Close()
	_, err = io.ReadAll(c)
	return err
}

func sent(host string) error {
	c, err := net.Dial("udp4", host+":7")
	if err != nil {
		return plain(err)
	}
	defer c.Close()
	_, err = c.Write([]byte("x"))
	return plain(err)
}

func made(kind, protocol int) error {
	fd, err := unix.Socket(unix.AF_INET, kind, protocol)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// plain is what the kernel said.
func plain(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}

// By effect, whatever else could refuse on this kernel.
func TestProgramsOfControlGroupsHoldNetworks(t *testing.T) {
	need.Programs(t)
	if !gated(t) {
		need.OtherKernel(t, "its programs of control groups may not ask for tasks")
	}
	k := loaded(t, stage(t), sensor.Options{Form: bpf.FormNetwork, Cgroup: need.Cgroup(t)})
	found, err := k.Find(t.Context())
	must(t, err)
	if found.Coverage != sensor.Network {
		t.Errorf("coverage %s: %v", found.Coverage, found.Reason)
	}
	for _, e := range found.Effects {
		if held := e.Op == bpf.OpNetDomain || e.Op == bpf.OpNetAddr; held != (e.State == sensor.Held) {
			t.Errorf("%s: %s (%s)", event.Op(e.Op), e.State, e.Reason)
		}
	}
}

func TestNetworksAloneAreHeld(t *testing.T) {
	nothingRefuses(t)
	if !gated(t) {
		need.OtherKernel(t, "its programs of control groups may not ask for tasks")
	}
	h := startHost(t, stage(t))
	out := h.room()
	for _, want := range []string{
		"outside own server: <nil>", "outside visitor: served <nil>", "outside welcome: <nil>", "outside refused: <nil>", "outside datagram: <nil>",
		"outside refused datagram: <nil>", "outside mptcp: <nil>", "outside raw: <nil>", "outside secret: <nil>",
		"inside own server: <nil>", "inside visitor: served <nil>", "inside welcome: <nil>", "inside refused: operation not permitted",
		"inside datagram: <nil>", "inside refused datagram: operation not permitted", "inside mptcp: operation not permitted",
		"inside raw: operation not permitted", "inside secret: <nil>",
	} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	h.until("stranger", "events", "--all")
	refusals := map[string]int{}
	said, _ := h.do("events", "--all", "--json", "--limit", "1000")
	for line := range strings.Lines(said) {
		var e struct {
			Unmapped struct {
				Reeve struct {
					Op, Rule, Object string
					Applied          bool
				}
			}
		}
		must(t, json.Unmarshal([]byte(line), &e))
		if r := e.Unmapped.Reeve; r.Applied {
			refusals[r.Rule]++
		}
	}
	if refusals["stranger"] == 0 || refusals["paths"] == 0 {
		t.Errorf("refusals by rule: %v", refusals)
	}
}

// room runs one below the daemon's control group, and gives what it printed.
func (h *host) room() string {
	h.t.Helper()
	return h.below("room", unix.CLONE_NEWNET, "/proc/self/exe", filepath.Join(h.dir, "secret"), h.reeve)
}

// below runs a command below the daemon's control group, with a part for the copy of this binary in it, and gives what it printed.
func (h *host) below(play string, flags uintptr, argv ...string) string {
	h.t.Helper()
	group, err := os.Open(h.group)
	must(h.t, err)
	defer group.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), part+"="+play, "REEVE_CONFIG="+h.config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, UseCgroupFD: true, CgroupFD: int(group.Fd())}
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
