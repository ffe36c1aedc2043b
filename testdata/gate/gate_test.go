// SPDX-License-Identifier: Apache-2.0

// Package gate tests the programs on networks by themselves, on every kernel that loads programs of control groups: in a control
// group and a network namespace of the test's own. Sockets are marked from here, as the marking programs would.
package gate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// inside names the control group of a test that was started in it, in a network namespace of its own.
const inside = "REEVE_GATE"

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	code, err := within(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "gate:", err)
	}
	os.Exit(code)
}

// within starts this program once more where nothing of the machine's is reached. Who may not has its tests say so.
func within(args []string) (int, error) {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	group, err := ownGroup()
	if err != nil {
		cmd.Env = append(os.Environ(), inside+"=none")
		return status(cmd.Run())
	}
	defer os.Remove(group.Name())
	defer group.Close()
	cmd.Env = append(os.Environ(), inside+"="+group.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, UseCgroupFD: true, CgroupFD: int(group.Fd())}
	return status(cmd.Run())
}

func status(err error) (int, error) {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

func ownGroup() (*os.File, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil || len(mounts) == 0 {
		return nil, errors.Join(err, errors.New("no cgroup2 is mounted"))
	}
	name, err := os.MkdirTemp(mounts[0].Mountpoint, "reeve-gate-")
	if err != nil {
		return nil, err
	}
	return os.Open(name)
}

// Addresses of the servers, on the loopback interface of the namespace. They are none of loopback: the machine is its own network.
const (
	names = "198.18.0.53"
	good  = "198.18.0.1"
	other = "198.18.0.2"
	six   = "2001:2::1"
)

const generation = 3

// loaded is what every test has attached.
type loaded struct {
	programs map[string]*ebpf.Program
	maps     map[string]*ebpf.Map
	applier  *enforce.Applier
	policy   uint64 // the last one
	slot     uint32 // of the last session
}

// gate is what is attached for a test, and who is gated: a session of its own, to which nothing of an earlier one leads.
type gate struct {
	*loaded
	group  string
	links  []link.Link
	reader *ringbuf.Reader
}

var places = map[string]ebpf.AttachType{
	"judge_egress": ebpf.AttachCGroupInetEgress, "learn_ingress": ebpf.AttachCGroupInetIngress,
	"judge_connect4": ebpf.AttachCGroupInet4Connect, "judge_connect6": ebpf.AttachCGroupInet6Connect,
}

const tableSize = 8 << 20

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// load loads the programs once: they take seconds to verify where processors are emulated.
var load = sync.OnceValues(func() (*loaded, error) {
	spec, err := bpf.Spec(tableSize, bpf.FormLSM, 1)
	if err != nil {
		return nil, err
	}
	for name := range spec.Programs {
		if _, ours := places[name]; !ours {
			delete(spec.Programs, name)
		}
	}
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, err
	}
	return &loaded{programs: c.Programs, maps: c.Maps, applier: enforce.NewApplier(c.Maps["tables"], tableSize)}, nil
})

// open attaches the programs, and brings the network up.
func open(t testing.TB, policy string) *gate {
	t.Helper()
	need.Programs(t)
	group := os.Getenv(inside)
	if group == "none" {
		need.Missing(t, need.BPF, "no control group of the test's own")
	}
	for _, line := range []string{"link set lo up", "addr replace 198.18.0.1/24 dev lo", "addr replace 198.18.0.2/24 dev lo", "addr replace 198.18.0.53/24 dev lo", "addr replace 2001:2::1/64 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %s", line, out)
		}
	}
	// Clients and servers of fast open, without a cookie: the data is in the first packet (ip-sysctl.rst).
	must(t, os.WriteFile("/proc/sys/net/ipv4/tcp_fastopen", []byte("1543"), 0))
	programs, err := load()
	must(t, err)
	g := &gate{loaded: programs, group: group}
	g.slot++
	for name, p := range g.programs {
		l, err := link.AttachCgroup(link.CgroupOptions{Path: group, Attach: places[name], Program: p})
		must(t, err)
		t.Cleanup(func() { l.Close() })
		g.links = append(g.links, l)
	}
	g.reader, err = ringbuf.NewReader(g.maps["verdicts"])
	must(t, err)
	t.Cleanup(func() { g.reader.Close() })
	g.told(t) // of an earlier test
	g.apply(t, policy)
	g.session(t, bpf.Session{})
	must(t, sensor.FillResolvers(g.maps["resolvers"], []netip.Addr{netip.MustParseAddr(names)}))
	return g
}

func (g *gate) apply(t testing.TB, policy string) {
	t.Helper()
	p, err := enforce.Parse(map[string]string{"test.toml": "version = 1\nbase = \"none\"\n" + policy}, enforce.Options{})
	must(t, err)
	g.policy++
	im, err := enforce.Compile(p, nil, g.policy, enforce.Options{})
	must(t, err)
	must(t, g.applier.Apply(im))
}

// session changes the one that is gated.
func (g *gate) session(t testing.TB, s bpf.Session) {
	t.Helper()
	s.Id, s.Generation, s.Tasks = uint64(g.slot), generation, 1
	must(t, g.maps["sessions"].Put(g.slot, s))
}

// mark makes a socket the session's: struct socket_tag begins with slot, generation, principal and flags.
func (g *gate) mark(fd int) error {
	const host, ordinary = 1, 2
	tag := make([]byte, g.maps["sockets"].ValueSize())
	binary.NativeEndian.PutUint32(tag, g.slot)
	binary.NativeEndian.PutUint32(tag[4:], generation)
	binary.NativeEndian.PutUint16(tag[8:], uint16(bpf.PrincipalAgent))
	binary.NativeEndian.PutUint16(tag[10:], host|ordinary)
	return g.maps["sockets"].Put(uint32(fd), tag)
}

// dialer is one whose sockets are the session's, or a bystander's where g is nil.
func (g *gate) dialer() *net.Dialer {
	d := &net.Dialer{Timeout: 3 * time.Second}
	if g != nil {
		d.Control = func(_, _ string, c syscall.RawConn) error {
			var err error
			return errors.Join(c.Control(func(fd uintptr) { err = g.mark(int(fd)) }), err)
		}
	}
	return d
}

// refusal is one record of the ring.
type refusal struct {
	op     bpf.Op
	reason bpf.NetReason
	addr   netip.AddrPort
	name   string
	errno  unix.Errno
}

// told are the records since the last time.
func (g *gate) told(t testing.TB) (out []refusal) {
	t.Helper()
	g.reader.SetDeadline(time.Unix(1, 0))
	for {
		r, err := g.reader.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return out
		}
		must(t, err)
		var e bpf.EventNet
		n, err := binary.Decode(r.RawSample, binary.NativeEndian, &e)
		must(t, err)
		out = append(out, refusal{bpf.Op(e.Head.Op), bpf.NetReason(e.Reason),
			netip.AddrPortFrom(netip.AddrFrom16(e.Address).Unmap(), e.Port), string(r.RawSample[n:]), unix.Errno(-e.Head.Error)})
	}
}
