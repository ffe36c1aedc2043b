// SPDX-License-Identifier: Apache-2.0

// This file is a plugin's process: how it is started with nothing, and how it ends with all that it started. It is a runner of
// go-plugin's.

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is one life of a plugin.
type process struct {
	name    string
	cmd     *exec.Cmd
	image   *os.File
	account account
	folder  string // its own: sockets, and what it calls HOME and TMPDIR
	memory  int64
	words   io.Writer // what it says goes there

	stdout *os.File
	ended  chan struct{}
	end    sync.Once
	state  string // how it ended
}

// newProcess takes over what go-plugin prepared: variables that say where and how to answer.
func newProcess(name string, env []string, folder string, image *os.File, a account, memory int64, words io.Writer) (*process, error) {
	cmd := exec.Command("/proc/self/fd/3") // of the child: the first of ExtraFiles
	cmd.Args = []string{name}
	cmd.ExtraFiles = []*os.File{image}
	cmd.Dir = "/"
	cmd.Env = append(env, "PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME="+folder, "TMPDIR="+folder)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if privileged() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: []uint32{}}
		if err := os.Chown(folder, int(a.uid), int(a.gid)); err != nil {
			return nil, fmt.Errorf("giving a plugin its folder: %w", err)
		}
	}
	return &process{name: name, cmd: cmd, image: image, account: a, folder: folder, memory: memory, words: words, ended: make(chan struct{})}, nil
}

// Start starts it.
func (p *process) Start(context.Context) error {
	out, theirOut, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	complaint, theirs, err := os.Pipe()
	if err != nil {
		return errors.Join(fmt.Errorf("making a pipe: %w", err), out.Close(), theirOut.Close())
	}
	p.stdout, p.cmd.Stdout, p.cmd.Stderr = out, theirOut, theirs
	started := make(chan error)
	go p.live(started, complaint)
	err = <-started
	theirOut.Close()
	theirs.Close()
	p.image.Close()
	if err != nil {
		out.Close()
		complaint.Close()
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() { _, _ = io.Copy(p.words, complaint) }()
	return nil
}

// live starts the process and waits for its end on a thread of its own: the kernel ends the child when the thread ends that
// started it (PR_SET_PDEATHSIG), which is then when the daemon does.
func (p *process) live(started chan<- error, complaint io.Closer) {
	runtime.LockOSThread() // never unlocked, so that what is set here ends with it
	err := errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), unix.Setpriority(unix.PRIO_PROCESS, 0, niceness))
	if err == nil {
		err = p.cmd.Start()
	}
	if err == nil {
		err = p.limit()
	}
	started <- err
	if p.cmd.Process == nil {
		return
	}
	if err != nil {
		_ = p.cmd.Process.Kill()
	}
	_ = p.cmd.Wait()
	p.state = p.cmd.ProcessState.String()
	_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL)
	p.account.endAll()
	close(p.ended)
	p.stdout.Close()
	complaint.Close()
}

// niceness keeps plugins behind the daemon, and behind people.
const niceness = 10

// limits are what a plugin may use. Threads count as processes.
var limits = map[int]uint64{unix.RLIMIT_NPROC: 256, unix.RLIMIT_NOFILE: 1024, unix.RLIMIT_CORE: 0, unix.RLIMIT_MEMLOCK: 0}

// dataSlack is what a runtime maps and does not use, beside what it may use.
const dataSlack = 512 << 20

// limit bounds a process that has just been started, and lets the kernel take it before the daemon where memory runs out. It
// is a second line: where CAP_SYS_RESOURCE is missing, as in some containers, the watch over memory is what there is.
func (p *process) limit() error {
	pid := p.cmd.Process.Pid
	errs := []error{os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("500"), 0)}
	for what, most := range limits {
		errs = append(errs, unix.Prlimit(pid, what, &unix.Rlimit{Cur: most, Max: most}, nil))
	}
	most := uint64(p.memory + dataSlack)
	errs = append(errs, unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: most}, nil))
	for _, err := range errs {
		switch {
		case err == nil, errors.Is(err, unix.EPERM):
		case errors.Is(err, unix.ESRCH), errors.Is(err, os.ErrNotExist): // it has ended already
		default:
			return fmt.Errorf("bounding it: %w", err)
		}
	}
	return nil
}

// resident is how much memory it uses.
func (p *process) resident() int64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	fields := bytes.Fields(raw)
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize())
}

// zombie reports whether a process of /proc has ended and waits for its parent.
func zombie(name string) bool {
	raw, err := os.ReadFile(filepath.Join(name, "stat"))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return strings.HasPrefix(rest, "Z")
}

// Kill ends it, and all that it started.
func (p *process) Kill(context.Context) error {
	p.end.Do(func() { _ = p.cmd.Process.Kill() })
	return nil
}

// Wait waits for its end.
func (p *process) Wait(ctx context.Context) error {
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// handshakeMax bounds what is read of a plugin's standard output: its first line says where it answers.
const handshakeMax = 16 << 10

// Stdout is the handshake. Beyond it nobody reads, and who writes there waits.
func (p *process) Stdout() io.ReadCloser { return &greeting{p: p, left: handshakeMax} }

type greeting struct {
	p    *process
	left int
	last bool
}

func (g *greeting) Read(b []byte) (int, error) {
	if g.last || g.left == 0 {
		<-g.p.ended
		return 0, io.EOF
	}
	n, err := g.p.stdout.Read(b[:min(len(b), g.left)])
	g.left -= n
	g.last = bytes.IndexByte(b[:n], '\n') >= 0
	if err != nil {
		return n, io.EOF
	}
	return n, nil
}

func (g *greeting) Close() error { return nil }

// Stderr is nothing: what it says there is read by Start.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is the plugin's.
func (p *process) Name() string { return p.name }

// ID is the process's.
func (p *process) ID() string {
	if p.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(p.cmd.Process.Pid)
}

// Diagnose has nothing to add.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost lets a plugin name a socket in its own folder, and nothing else that the daemon could be made to connect to.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" || filepath.Dir(filepath.Clean(address)) != p.folder {
		return "", "", fmt.Errorf("it answers at %s %q, which is no socket in its folder", network, address)
	}
	info, err := os.Lstat(address)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return "", "", fmt.Errorf("it answers at %q, which is no socket", address)
	}
	return network, address, nil
}

// HostToPlugin lets the plugin connect to nothing.
func (p *process) HostToPlugin(string, string) (string, string, error) {
	return "", "", errors.New("the host listens nowhere")
}
