// SPDX-License-Identifier: Apache-2.0

package backends

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/plugins/api"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/plugins/plugintest"
	"github.com/reeve-sensor/reeve/sensor/event"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// program is the path of one that provision.sh installs.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		need.Missing(t, need.Backends, err, "(packaging/provision.sh backends)")
	}
	return path
}

// collector is the Collector that provision.sh built of the source as it is; a machine was given it.
func collector(t *testing.T) string {
	t.Helper()
	if *onStage {
		return program(t, "./collector")
	}
	cache := os.Getenv("REEVE_VM_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "reeve-vm")
	}
	h := sha256.New()
	for _, name := range []string{"go.sum", "main.go"} {
		raw, err := os.ReadFile(filepath.Join("collector", name))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(raw)
	}
	return program(t, filepath.Join(cache, "backends", "collector-"+hex.EncodeToString(h.Sum(nil))[:16]))
}

// folder is one that plugins can read in.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "reeve-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// server is a back end that comes and goes at one port.
type server struct {
	t     *testing.T
	args  []string
	port  int
	cmd   *exec.Cmd
	said  strings.Builder
	saidM sync.Mutex
}

func port(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *server) Write(b []byte) (int, error) {
	s.saidM.Lock()
	defer s.saidM.Unlock()
	return s.said.Write(b)
}

// up starts it, and waits until it listens.
func (s *server) up() {
	s.t.Helper()
	s.cmd = exec.Command(s.args[0], s.args[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.down)
	wait(s.t, s.args[0]+" to listen", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

// wait waits long enough for a machine that is emulated.
func wait(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Minute); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: in vain", what)
		}
	}
}

// down ends it as its service manager would.
func (s *server) down() {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
	s.cmd = nil
	if s.t.Failed() {
		s.saidM.Lock()
		s.t.Log(s.said.String())
		s.saidM.Unlock()
	}
}

var builtIn string // "" until plugins are built

var built = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "reeve-plugins-")
	builtIn = dir
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	for _, name := range []string{"syslog", "otlp"} {
		if err != nil {
			break
		}
		var out []byte
		if out, err = exec.Command("go", "build", "-o", dir, "github.com/reeve-sensor/reeve/plugins/"+name).CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	if err != nil {
		panic(err)
	}
	return dir
})

func TestMain(m *testing.M) {
	flag.Parse()
	if *acts > 0 {
		os.Exit(act(*acts, *pace))
	}
	code := m.Run()
	os.RemoveAll(builtIn)
	os.Exit(code)
}

// fast is how much faster than the machine's the host's clock runs: five minutes are three seconds.
const fast = plugintest.Clock(100)

var users atomic.Uint32

// exporter is a host with one plugin, and what it told.
type exporter struct {
	*host.Host
	stop    func()
	options host.Options
	notices chan host.Notice
}

func newExporter(t *testing.T, plugin string, settings map[string]any) *exporter {
	t.Helper()
	dir := folder(t)
	x := &exporter{notices: make(chan host.Notice, 1000)}
	x.options = host.Options{
		Folders: []string{built()}, Run: filepath.Join(dir, "run"), State: filepath.Join(dir, "state"), QueueBytes: 256 << 20,
		Plugins: []host.Spec{{
			Name: plugin, User: fmt.Sprint(61400 + users.Add(1)), Events: host.Notable, Timeout: 10 * time.Second, Memory: 256 << 20, Settings: settings,
		}},
		Host: api.Host{Name: "ws1", Version: "1.2"}, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Clock: fast,
		Tell: func(n host.Notice) { x.notices <- n },
	}
	x.start(t)
	return x
}

func (x *exporter) start(t *testing.T) {
	t.Helper()
	var err error
	if x.Host, err = host.New(x.options); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	x.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(x.stop)
}

func (x *exporter) status() host.Status { return x.Status()[0] }

var from = event.Host{Name: "ws1", Version: "1.2", Life: "life"}

// denial is one refusal, as the daemon exports it.
func denial(n int) host.Event {
	e := &event.Event{
		Seq: uint64(n), Kind: event.Access, Time: time.Unix(1790000000, int64(n)*1000), Op: "file.read", Object: fmt.Sprintf("/home/alice/.ssh/id_%d ö \xff", n),
		Session: "3f2a-1", Agent: "claude-code", User: "alice", Rule: "ssh-keys", Reason: "keys are for people",
		Head: event.Head{Kind: event.Access, Op: event.Op(bpf.OpFileRead), Action: event.Deny, Flags: uint16(bpf.EventApplied), Error: -13, Comm: "cat", PID: 7},
	}
	return host.Event{Notable: true, Make: func() (*api.Event, error) {
		raw, err := e.OCSF(from)
		return &api.Event{ID: e.UID(from), Time: e.Time, Kind: "access", Severity: e.Grade(), Session: e.Session, Agent: e.Agent, User: e.User,
			Action: "deny", Applied: true, Op: e.Op, Object: e.Object, Rule: e.Rule, Reason: e.Reason, Message: e.Message(), OCSF: raw}, err
	}}
}

func uid(n int) string { return fmt.Sprintf("3f2a-1/life-%d", n) }

// denials are what is refused during an outage.
const denials = 10000

func (x *exporter) export(from, to int) {
	for n := from; n < to; n++ {
		x.Export(denial(n))
	}
}

// complete waits until all have arrived, and tells how many came twice.
func complete(t *testing.T, ids func() []string, to int) (twice int) {
	t.Helper()
	seen := map[string]int{}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		clear(seen)
		for _, id := range ids() {
			seen[id]++
		}
		if len(seen) >= to || time.Now().After(deadline) {
			break
		}
	}
	for n := range to {
		if seen[uid(n)] == 0 {
			t.Fatalf("%s did not arrive, %d of %d did", uid(n), len(seen), to)
		}
		twice += seen[uid(n)] - 1
	}
	return twice
}

// certificate writes one for 127.0.0.1 that is its own authority, with its key.
func certificate(t *testing.T, dir, name string, until time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(until.Unix()), Subject: pkix.Name{CommonName: name}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// expires: what goes to a server whose certificate is over stays here and is told, and leaves when the server has another.
func expires(t *testing.T, plugin, dir, cert, key string, s *server, ids func() []string, settings map[string]any) {
	t.Helper()
	x := newExporter(t, plugin, settings)
	x.export(0, 500)
	plugintest.Wait(t, "the problem", func() bool { return strings.Contains(x.status().Problem, "certificate has expired") })
	plugintest.Wait(t, "a notice", func() bool { return len(x.notices) > 0 })
	if n := <-x.notices; n.Name != host.NoticeDown || !strings.Contains(n.Message, "exports of plugin "+plugin+" wait: ") || len(ids()) > 0 {
		t.Errorf("%+v, %d arrived", n, len(ids()))
	}
	s.down()
	next, nextKey := certificate(t, dir, "new", time.Now().Add(24*time.Hour))
	for from, to := range map[string]string{next: cert, nextKey: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	s.up()
	x.stop() // the new authority is a new setting
	x.start(t)
	complete(t, ids, 500)
}

// outage keeps a back end down for five minutes of the host's clock, under load all the while, and restarts the daemon after them.
func outage(t *testing.T, x *exporter) {
	t.Helper()
	const first, step = 1000, 20
	x.export(0, first)
	plugintest.Wait(t, "exports to wait", func() bool { return x.status().State == host.Waiting })
	sent := first
	for began := fast.Now(); fast.Now().Sub(began) < 5*time.Minute; time.Sleep(10 * time.Millisecond) {
		next := min(sent+step, denials-first)
		x.export(sent, next)
		sent = next
	}
	x.stop()
	x.start(t)
	began := time.Now()
	x.export(sent, denials)
	if took := time.Since(began); took > time.Second {
		t.Errorf("%d denials took %s of the daemon's time", denials-sent, took)
	}
	if s := x.status(); s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
}
