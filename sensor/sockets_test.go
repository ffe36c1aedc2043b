// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/sensor/inventory"
	"github.com/reeve-sensor/reeve/sensor/procfs"
	"github.com/reeve-sensor/reeve/sensor/session"
)

// watched feeds records to a Watch of its own and returns the events that come out.
func watched(t *testing.T, want int, verdicts, activity [][]byte) []*event.Event {
	t.Helper()
	c, err := inventory.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{full: make(chan struct{}), want: want}
	w := NewWatch(WatchOptions{Catalogue: c, Names: names{}, Sink: s, Limits: session.DefaultLimits, Boot: "3f2a"})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.Run(ctx, newRing(verdicts...), newRing(activity...)) }()
	select {
	case <-s.full:
	case <-time.After(10 * time.Second):
		t.Error("events are missing")
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return s.events
}

// startedAt is when a process started, on the kernel's clock.
func startedAt(t *testing.T, pid int) uint64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	ticks, err := strconv.ParseUint(strings.Fields(rest)[19], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return ticks * uint64(10*time.Millisecond)
}

// inode is the number of a socket.
func inode(t *testing.T, s syscall.Conn) uint64 {
	t.Helper()
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if err := raw.Control(func(fd uintptr) { err = syscall.Fstat(int(fd), &st) }); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func heldSocket(protocol string, started, number uint64) []byte {
	r := bpf.EventAccess{Head: by(bpf.KindHeld, bpf.OpNetFamily, uint32(os.Getpid()), 10), Inode: number, Text: uint32(len(protocol))}
	r.Head.Started, r.Head.View = started, uint8(bpf.ViewNameless)
	return rawOf(&r, &r.Head, protocol)
}

func TestHeldSocketsGetTheirAddresses(t *testing.T) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // it has no row in /proc/net
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	path := filepath.Join(t.TempDir(), "s.sock")
	local, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	started := startedAt(t, os.Getpid())
	want := map[uint64]event.Socket{
		inode(t, listener.(*net.TCPListener)): {Family: "inet", Local: listener.Addr().String(), State: "LISTEN"},
		inode(t, conn.(*net.TCPConn)): {Family: "inet", Local: conn.LocalAddr().String(), Remote: conn.RemoteAddr().String(),
			State: "ESTABLISHED"},
		inode(t, local.(*net.UnixListener)): {Family: "unix", Local: path},
	}
	var records [][]byte
	for number := range want {
		records = append(records, heldSocket("TCP", started, number))
	}
	records = append(records, heldSocket("NETLINK", started, 1), heldSocket("TCP", started+uint64(time.Hour), 2))
	for _, e := range watched(t, len(records), nil, records) {
		w, known := want[e.Inode]
		if known && (e.Socket == nil || *e.Socket != w) {
			t.Errorf("socket %d: %+v, want %+v", e.Inode, e.Socket, w)
		}
		if !known && e.Socket != nil {
			t.Errorf("socket %d, which is none of the process: %+v", e.Inode, e.Socket)
		}
	}
}

func TestHeldFileHasTheRuleThatRefusesIt(t *testing.T) {
	r := bpf.EventAccess{Head: by(bpf.KindHeld, bpf.OpFileRead, 3_999_999_001, 10), Text: 2}
	r.Head.Action = uint8(bpf.ActionDeny)
	e := watched(t, 1, [][]byte{rawOf(&r, &r.Head, "/k")}, nil)[0]
	if e.Rule != "rule-for-/k" || !e.Notable() || e.Message() != "holds open /k, which policy refuses to it: because" {
		t.Errorf("%+v: %s", e, e.Message())
	}
}

// The exec that begins a session was not judged, so no record names its file.
func TestFirstExecHasItsPath(t *testing.T) {
	cmd := exec.Command("/bin/sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	program, own := procfs.Program(uint32(cmd.Process.Pid)), procfs.Program(uint32(os.Getpid()))
	for deadline := time.Now().Add(10 * time.Second); program == own && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		program = procfs.Program(uint32(cmd.Process.Pid)) // its exec may still be on its way
	}
	commit := func(name, argv string, argc, skipped uint32) []byte {
		r := bpf.EventExec{Head: by(bpf.KindExec, bpf.OpExecArgv, uint32(cmd.Process.Pid), 31), Length: uint64(len(argv)), Argc: argc,
			Skipped: skipped, Name: uint32(len(name)), Text: uint32(len(argv))}
		return rawOf(&r, &r.Head, name+argv)
	}
	script := filepath.Join(t.TempDir(), "agent")
	if err := os.WriteFile(script, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(script, script+".link"); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ record, path, interpreter string }{
		"program":                {string(commit(filepath.Base(program), "sleep\x0060\x00", 2, 1)), program, ""},
		"script":                 {string(commit("agent", "sleep\x00"+script+"\x00x\x00", 3, 2)), script, program},
		"script by another name": {string(commit("agent", "sleep\x00"+script+".link\x00", 2, 2)), script, program},
		"it has gone on":         {string(commit("other", "other\x00"+script+"\x00", 2, 1)), "", ""},
		"not what was resolved":  {string(commit("other", "sleep\x00"+script+"\x00", 2, 2)), "", ""},
	} {
		e := watched(t, 1, nil, [][]byte{[]byte(tc.record)})[0]
		if e.Path != tc.path || e.Interpreter != tc.interpreter {
			t.Errorf("%s: %q by %q, want %q by %q", name, e.Path, e.Interpreter, tc.path, tc.interpreter)
		}
	}
}
