// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/plugins/api"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/plugins/plugintest"
	"github.com/reeve-sensor/reeve/testdata/need"
)

func endProcess(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// TestHostilePluginGetsAtNothing: it runs under a user of its own, and says what it could read.
func TestHostilePluginGetsAtNothing(t *testing.T) {
	t.Parallel()
	need.Root(t) // who alone gives plugins users of their own
	b := plugintest.NewBackend(t)
	victim, thief := spec(t, "victim", b), spec(t, "thief", b)
	dir := t.TempDir()
	secret, state, admin := filepath.Join(dir, "token"), filepath.Join(dir, "lib"), filepath.Join(dir, "admin.sock")
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", admin)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chmod(admin, 0o660); err != nil {
		t.Fatal(err)
	}
	victim.Secrets = map[string]string{"token": secret}
	o := options(t, victim)
	first := start(t, o)
	export(first, 0, 1)
	complete(t, b, 1)
	pid := strconv.Itoa(status(first).PID)
	targets := []string{
		"read " + secret, "list " + state, "connect " + admin, "list " + o.State, "list " + filepath.Join(o.State, "victim"),
		"list " + o.Run, "list " + filepath.Join(o.Run, "victim"),
		"read /proc/" + pid + "/environ", "read /proc/" + pid + "/mem", "read /proc/" + pid + "/maps", "list /proc/" + pid + "/fd",
		"trace " + pid, "signal " + pid, "others ", "root ", "read /etc/shadow", "signal " + strconv.Itoa(os.Getpid()),
	}
	sockets, err := filepath.Glob(filepath.Join(o.Run, "victim", "*", "plugin*"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("sockets of the victim: %v, %v", sockets, err)
	}
	targets = append(targets, "connect "+sockets[0])
	thief.Settings["targets"] = targets
	start(t, options(t, thief))
	plugintest.Wait(t, "what the thief says", func() bool { return b.Has("\nuid ") })
	said := strings.Join(b.Lines(), "\n")
	for _, target := range targets {
		if !strings.Contains(said, target+": ") || strings.Contains(said, target+": <nil>") {
			t.Errorf("%s was not refused", target)
		}
	}
	if !strings.Contains(said, "uid "+thief.User) {
		t.Error("it does not run as its own user")
	}
	if strings.Contains(said, "hunter2") {
		t.Errorf("it knows the other's secret:\n%s", said)
	}
	_, names, _ := strings.Cut(said, "\nenv ")
	names, _, _ = strings.Cut(names, "\n")
	for name := range strings.FieldsSeq(names) {
		if !slices.Contains(handed, name) && !strings.HasPrefix(name, "PLUGIN_") {
			t.Errorf("it has the variable %s", name)
		}
	}
	if !strings.Contains(names, "PLUGIN_") { // go-plugin's own: where it listens, and whom it believes
		t.Errorf("its variables are %q", names)
	}
}

// handed are the variables that a plugin has beside go-plugin's.
var handed = []string{"HOME", "LANG", "PATH", "TMPDIR", api.Handshake.MagicCookieKey}

// One user under two names is one: neither of its plugins runs.
func TestPluginsDoNotShareAUser(t *testing.T) {
	t.Parallel()
	need.Root(t) // who alone gives plugins users of their own
	one, two := spec(t, "one", nil), spec(t, "two", nil)
	one.User, two.User = "nobody", "65534"
	r := start(t, options(t, one, two))
	plugintest.Wait(t, "both refusals", func() bool {
		all := r.Status()
		return strings.Contains(all[0].Problem, "is also that of plugin two") && strings.Contains(all[1].Problem, "is also that of plugin one")
	})
}

// TestControlReadsWhatIsOpen is the control: the same attempt succeeds where nothing forbids it.
func TestControlReadsWhatIsOpen(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBackend(t)
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for d := filepath.Dir(open); d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := spec(t, "reader", b)
	s.Settings["targets"] = []string{"read " + open}
	start(t, options(t, s))
	plugintest.Wait(t, "what it read", func() bool { return b.Has("read " + open + ": <nil>") })
}

func TestWhatAPluginLeavesBehindIsEnded(t *testing.T) {
	t.Parallel()
	need.Root(t) // who alone gives plugins users of their own
	s := spec(t, "child-configure", nil)
	r := start(t, options(t, s))
	owned := func() (n int) {
		names, _ := filepath.Glob("/proc/[0-9]*")
		for _, name := range names {
			if info, err := os.Stat(name); err == nil && fmt.Sprint(info.Sys().(*syscall.Stat_t).Uid) == s.User {
				n++
			}
		}
		return n
	}
	plugintest.Wait(t, "its child", func() bool { return owned() >= 2 })
	r.stop()
	plugintest.Wait(t, "the end of both", func() bool { return owned() == 0 })
}

// daemonVariable makes this program a daemon that exports to the back end of its value, from a folder.
const daemonVariable = "REEVE_TEST_HOST"

// daemon exports until it is killed, and says how many events it handed over.
func daemon() {
	f := strings.Split(os.Getenv(daemonVariable), "|")
	h, err := host.New(host.Options{
		Run: filepath.Join(f[1], "run"), State: filepath.Join(f[1], "state"), QueueBytes: 64 << 20, Log: slog.New(slog.DiscardHandler),
		Tell: func(host.Notice) {},
		Plugins: []host.Spec{{Name: "good", Path: f[2], User: f[3], Events: host.Notable, Timeout: 2 * time.Second, Memory: 256 << 20,
			Settings: map[string]any{"backend": f[0]}}},
		Host: api.Host{Name: "machine"}, Clock: fast,
	})
	if err != nil {
		panic(err)
	}
	go func() { _ = h.Run(context.Background()) }()
	from, _ := strconv.Atoi(f[4])
	for n := from; n < from+3000; n++ {
		h.Export(event(fmt.Sprintf("e%d", n)))
	}
	for {
		if s := h.Status()[0]; s.Queued+s.Exported >= 3000 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	fmt.Println("handed over")
	select {}
}

func TestDaemonThatIsKilledLosesNothing(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBackend(t)
	b.Behave(200*time.Microsecond, "ok") // so that it is killed in the middle
	s := spec(t, "good", b)
	o := options(t, s)
	dir := filepath.Dir(o.Run)
	for round := range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), daemonVariable+"="+strings.Join([]string{b.Address, dir, s.Path, s.User, fmt.Sprint(round * 3000)}, "|"))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		had := len(b.Lines())
		plugintest.Wait(t, "some to arrive", func() bool { return len(b.Lines()) > had+100 })
		endProcess(t, cmd.Process.Pid)
		_ = cmd.Wait()
	}
	before := len(b.Lines())
	if before == 9000 {
		t.Error("nothing was left to send: the test proves nothing")
	}
	b.Behave(0, "ok")
	start(t, o)
	twice := complete(t, b, 9000)
	t.Logf("%d had arrived when the last daemon was killed, %d came twice", before, twice)
}
