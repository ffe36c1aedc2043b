// SPDX-License-Identifier: Apache-2.0

package churn

// The daemon as systemd would run it: two builds, started, stopped, killed, reloaded.

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reeve-sensor/reeve/sensor/api"
	pb "github.com/reeve-sensor/reeve/sensor/api/reeve"
)

const (
	config = "/data/reeve.toml"
	run    = "/data/run"
	pins   = "/sys/fs/bpf/reeve"
)

// daemon is one of the builds at work.
type daemon struct {
	t      *testing.T
	cmd    *exec.Cmd
	said   bytes.Buffer
	exit   chan error
	notify *net.UnixConn
	builds [2]string
	build  int
}

// hugePages turns off khugepaged, which has the lowest priority: put aside for a favoured daemon while it reads under RCU, it
// would hold up for minutes whatever waits for a grace period, as attaching does.
const hugePages = "/sys/kernel/mm/transparent_hugepage/enabled"

const (
	readyWait = 10 * time.Minute // a machine that is emulated, where attaching waits for every busy task
	ended     = "ENDED=1"        // what the test tells itself when the daemon has
)

func newDaemon(t *testing.T, builds [2]string) *daemon {
	t.Helper()
	must(t, os.WriteFile(hugePages, []byte("never"), 0))
	must(t, os.MkdirAll(run, 0o755))
	must(t, os.WriteFile(config, fmt.Appendf(nil, "policy = [\"/data/policy.d\"]\nagents = \"/data/agents.d\"\nrun = %q\nstate = \"/data/state\"\npins = %q\n", run, pins), 0o600))
	_ = os.Remove(filepath.Join(run, "notify"))
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(run, "notify"), Net: "unixgram"})
	must(t, err)
	d := &daemon{t: t, builds: builds, notify: conn}
	t.Cleanup(func() {
		if d.cmd != nil {
			d.end(unix.SIGTERM)
		}
		out, err := exec.Command(builds[0], "--config", config, "--release").CombinedOutput()
		if err != nil {
			t.Errorf("release: %v\n%s", err, out)
		}
		conn.Close()
	})
	return d
}

// start runs the build at hand until it says that it is ready.
func (d *daemon) start() {
	d.t.Helper()
	d.said.Reset()
	d.cmd = exec.Command(d.builds[d.build], "--config", config)
	d.cmd.Env = []string{"NOTIFY_SOCKET=" + filepath.Join(run, "notify"), "PATH=/bin:/usr/bin"}
	d.cmd.Stderr = &d.said
	must(d.t, atPriority(favoured, d.cmd.Start))
	cmd, exit := d.cmd, make(chan error, 1)
	d.exit = exit
	go func() {
		exit <- cmd.Wait()
		if conn, err := net.Dial("unixgram", filepath.Join(run, "notify")); err == nil {
			_, _ = conn.Write([]byte(ended))
			conn.Close()
		}
	}()
	d.await("READY=1")
}

// Nice values. Of equals the hammer, which is many, would have nearly all of an emulated processor, and each start take many times as
// long as it strikes often.
const (
	favoured = -10
	lowest   = 19
)

// atPriority does something at a nice value, which every thread and child of what is started meanwhile has too. kernel: it is a
// thread's, so a program that gives itself one leaves the threads alone that it has by then (setpriority(2), C library/kernel
// differences).
func atPriority(nice int, do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, nice); err != nil {
		return err
	}
	return errors.Join(do(), unix.Setpriority(unix.PRIO_PROCESS, 0, 0))
}

// await reads what the daemon tells systemd until it says word.
func (d *daemon) await(word string) {
	d.t.Helper()
	must(d.t, d.notify.SetReadDeadline(time.Now().Add(readyWait)))
	for buffer := make([]byte, 4096); ; {
		n, err := d.notify.Read(buffer)
		if err != nil {
			d.t.Fatalf("waiting for %s: %v\n%s", word, err, d.said.String())
		}
		switch said := string(buffer[:n]); {
		case strings.Contains(said, word):
			return
		case said == ended:
			d.cmd = nil
			d.t.Fatalf("waiting for %s: it ended, %v\n%s", word, <-d.exit, d.said.String())
		}
	}
}

// end ends the daemon. A kill cannot be refused or prepared for.
func (d *daemon) end(s os.Signal) {
	d.t.Helper()
	must(d.t, d.cmd.Process.Signal(s))
	d.await(ended)
	d.cmd = nil
	if err := <-d.exit; s == unix.SIGTERM && err != nil {
		d.t.Fatalf("stopping: %v\n%s", err, d.said.String())
	}
}

// trouble is what the daemon said since its start that is worse than a word on its state.
func (d *daemon) trouble() string {
	var lines strings.Builder
	for line := range strings.Lines(d.said.String()) {
		if strings.Contains(line, "WARN") || strings.Contains(line, "ERROR") {
			lines.WriteString("\n\t" + strings.TrimSpace(line))
		}
	}
	return lines.String()
}

func (d *daemon) restart() { d.end(unix.SIGTERM); d.start() }

func (d *daemon) kill() { d.end(unix.SIGKILL); d.start() }

// exhausted has the kernel end the daemon as it does where memory runs out. Its unit has it spared as long as anybody else is
// there (OOMScoreAdjust); here it is the first to go.
func (d *daemon) exhausted() {
	d.t.Helper()
	before := oomKills(d.t)
	must(d.t, os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", d.cmd.Process.Pid), []byte("1000"), 0))
	must(d.t, os.WriteFile("/proc/sysrq-trigger", []byte("f"), 0)) // the OOM killer: Documentation/admin-guide/sysrq.rst
	cmd := d.cmd
	d.await(ended)
	d.cmd = nil
	<-d.exit
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if after := oomKills(d.t); !status.Signaled() || status.Signal() != unix.SIGKILL || after != before+1 {
		d.t.Fatalf("it ended with %v, and the kernel went from %d to %d processes killed for memory", cmd.ProcessState, before, after)
	}
}

func oomKills(t *testing.T) int {
	t.Helper()
	return kilobytes(t, "/proc/vmstat", "oom_kill ")
}

// upgrade goes on with the other build.
func (d *daemon) upgrade() {
	d.end(unix.SIGTERM)
	d.build = 1 - d.build
	d.start()
}

// reload applies the policy of the folder again.
func (d *daemon) reload() {
	d.t.Helper()
	must(d.t, d.cmd.Process.Signal(unix.SIGHUP))
	d.await("READY=1")
}

// ask asks the daemon, once more where its machine is so busy that it hangs up on who is slow to speak.
func (d *daemon) ask(question func(*api.Client) error) {
	d.t.Helper()
	var err error
	if !eventually(func() bool {
		var c *api.Client
		if c, err = api.Dial(d.t.Context(), run, api.Admin); err == nil {
			err = errors.Join(question(c), c.Close())
		}
		return status.Code(err) != codes.Unavailable
	}) || err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) status() (s *pb.StatusReply) {
	d.t.Helper()
	d.ask(func(c *api.Client) (err error) {
		s, err = c.Status(d.t.Context(), &pb.StatusRequest{})
		return err
	})
	return s
}

func (d *daemon) sessions() []*pb.SessionInfo {
	d.t.Helper()
	var s *pb.SessionsReply
	d.ask(func(c *api.Client) (err error) {
		s, err = c.Sessions(d.t.Context(), &pb.SessionsRequest{})
		return err
	})
	return s.Sessions
}

// eventually waits for what comes a moment after the daemon has said that it is ready, for a minute.
func eventually(come func() bool) bool { return within(time.Minute, come) }

func within(limit time.Duration, come func() bool) bool {
	for deadline := time.Now().Add(limit); !come(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
