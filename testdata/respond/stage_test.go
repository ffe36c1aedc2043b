// SPDX-License-Identifier: Apache-2.0

package respond

// The machine's part: plugins and a rule beside what the package installs, and a session that trips over the rule.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/plugins/plugintest"
	"github.com/reeve-sensor/reeve/testdata/stage"
)

const rule = `version = 1
[[rule]]
id       = "tripwire"
on       = ["file.read"]
match    = ["/etc/tripwire"]
action   = "deny"
reason   = "nobody has business here"
severity = "high"
respond  = ["contain:freeze", "syslog"]
`

// listener is a syslog server that keeps what it reads.
type listener struct {
	net.Listener
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *listener) serve() {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			raw, _ := io.ReadAll(c)
			l.mu.Lock()
			l.text.Write(raw)
			l.mu.Unlock()
			c.Close()
		}()
	}
}

func (l *listener) has(texts ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, text := range texts {
		if !strings.Contains(l.text.String(), text) {
			return false
		}
	}
	return true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const secret = "/etc/reeve/secrets/syslog" // of the plugin syslog

// forbidden is what a hostile plugin tries of what this daemon has, and open what it may.
var (
	forbidden = []string{
		"read " + secret, "list /var/lib/reeve", "list /var/lib/reeve/queues", "list /var/lib/reeve/queues/syslog", "connect /run/reeve/admin.sock",
		"list /run/reeve/plugins", "list /run/reeve/plugins/syslog", "others ", "root ", "read /etc/shadow",
	}
	open = []string{"read /etc/passwd", "list /etc/reeve"}
)

// configuration is that of the plugins: where the listener is, where the thief tells, and what it tries.
const configuration = `
[[plugin]]
name = "contain"

[[plugin]]
name = "syslog"
settings = { address = %q, tls = false }
secrets = { key = %q }

[[plugin]]
name = "thief"
path = "/usr/lib/reeve/plugins/hostile"
user = "61777"
events = "chosen"
settings = { backend = %q, targets = %s }
`

// furnish puts plugins, their configuration and the rule where the package would have them.
func furnish(t *testing.T, address, lair string) {
	t.Helper()
	must(t, os.MkdirAll("/usr/lib/reeve/plugins", 0o755))
	must(t, os.MkdirAll("/etc/reeve/policy.d", 0o755))
	must(t, os.MkdirAll(filepath.Dir(secret), 0o755))
	must(t, os.WriteFile(secret, []byte("hunter2\n"), 0o600))
	for _, name := range []string{"contain", "syslog", "hostile"} {
		raw, err := os.ReadFile(filepath.Join("plugins", name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join("/usr/lib/reeve/plugins", name), raw, 0o755))
	}
	must(t, os.WriteFile("/etc/reeve/policy.d/50-tripwire.toml", []byte(rule), 0o644))
	must(t, os.WriteFile("/etc/tripwire", []byte("x\n"), 0o644))
	targets, err := json.Marshal(slices.Concat(forbidden, open)) // which is TOML too
	must(t, err)
	shipped, err := os.ReadFile("reeve.toml")
	must(t, err)
	text := strings.Replace(string(shipped), "max_denials_per_minute = 0", "max_denials_per_minute = "+denialsMost, 1)
	must(t, os.WriteFile("reeve.toml", []byte(text+fmt.Sprintf(configuration, address, secret, lair, targets)), 0o644))
}

func wait(t *testing.T, r *stage.Reeve, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !f(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			status, err := r.Output(context.Background(), "status")
			t.Fatalf("waiting for %s: in vain\n%s%v\n%s", what, status, err, r.Said())
		}
	}
}

func size(name string) int64 {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Size()
}

type shown struct {
	ID        string   `json:"id"`
	Contained []string `json:"contained"`
}

func TestOnStage(t *testing.T) {
	if !*onStage {
		t.Skip("runs in the machine of TestRuleFreezesByPlugin")
	}
	ctx := t.Context()
	alice, err := stage.Lookup("alice")
	must(t, err)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	siem := &listener{Listener: tcp}
	defer siem.Close()
	go siem.serve()
	lair := plugintest.NewBackend(t)
	furnish(t, tcp.Addr().String(), lair.Address)
	t.Run("doctor", func(t *testing.T) { fullCoverage(ctx, t) }) // before there is a daemon
	r, err := stage.Install(ctx, "bin")
	must(t, err)
	t.Run("doctor of a person", func(t *testing.T) { unprivileged(ctx, t, alice) })
	wait(t, r, "both plugins to run", func() bool {
		out, err := r.Output(ctx, "status")
		return err == nil && strings.Contains(out, "contain dev running") && strings.Contains(out, "syslog dev running")
	})
	processesAreAlone(t)
	thiefGetsNothing(t, r, lair)

	count := filepath.Join(alice.Home, "count")
	loop := alice.Command(ctx, "reeve", "run", "--", "sh", "-c", "cat /etc/tripwire; while :; do echo x >> "+count+"; done")
	must(t, loop.Start())
	began := time.Now()
	var frozen []shown
	wait(t, r, "a frozen session", func() bool {
		all, err := stage.Objects[shown](ctx, r, "sessions", "--json")
		must(t, err)
		frozen = all
		return len(all) == 1 && strings.Contains(strings.Join(all[0].Contained, " "), "frozen")
	})
	t.Logf("frozen %s after its start", time.Since(began).Round(time.Millisecond))
	before := size(count)
	time.Sleep(time.Second)
	if after := size(count); after != before {
		t.Errorf("the loop goes on: %d, then %d", before, after)
	}
	wait(t, r, "what the listener is told", func() bool {
		return siem.has(`"uid":"tripwire"`, "session.frozen", "was frozen by reeved: plugin contain: rule tripwire: ", "<83>1 ")
	})
	_, err = r.Output(ctx, "session", "thaw", frozen[0].ID)
	must(t, err)
	wait(t, r, "the loop to go on", func() bool { return size(count) > before })
	_, err = r.Output(ctx, "session", "kill", frozen[0].ID)
	must(t, err)
	_ = loop.Wait()
	status, err := r.Output(ctx, "status")
	must(t, err)
	t.Log(status)
	if !regexp.MustCompile(`contain dev running since [^:]*: 1 responded\n`).MatchString(status) {
		t.Error("contain has one response behind it, and nothing else")
	}
	t.Run("by hand", func(t *testing.T) { contained(ctx, t, r, alice) })
	t.Run("safety", func(t *testing.T) { safety(ctx, t, r, alice) })
	t.Run("faulty policies", func(t *testing.T) { faultyPolicies(ctx, t, r, alice) })
}

// thiefGetsNothing reads what the hostile plugin tells of its attempts.
func thiefGetsNothing(t *testing.T, r *stage.Reeve, lair *plugintest.Backend) {
	t.Helper()
	wait(t, r, "what the thief says", func() bool { return lair.Has("\nuid 61777") })
	said := strings.Join(lair.Lines(), "\n")
	t.Log(said)
	for _, target := range forbidden {
		if !strings.Contains(said, target+": ") || strings.Contains(said, target+": <nil>") {
			t.Errorf("%q was not refused", target)
		}
	}
	for _, target := range open {
		if !strings.Contains(said, target+": <nil>") {
			t.Errorf("%q does not succeed, so the others' refusals prove nothing", target)
		}
	}
}

// beat is a session that writes to an open connection for as long as it can, asks for another one, and then writes to a file. It
// is a file, since no command line may have /dev/tcp in it.
const beat = `trap '' PIPE
exec 3<> /dev/tcp/127.0.0.1/$1
while echo tick >&3; do sleep 0.1; done 2> /dev/null
if (exec 4<> /dev/tcp/127.0.0.1/$1) 2> /dev/null; then echo connected; else echo refused; fi > $2/again
while :; do echo x >> $2/beats; sleep 0.1; done 2> /dev/null
`

// contained: what people do to a session binds all of it at once, open sockets too, and is taken back by thaw.
func contained(ctx context.Context, t *testing.T, r *stage.Reeve, alice *stage.Person) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer tcp.Close()
	var ticks atomic.Int64
	go func() {
		for c, err := tcp.Accept(); err == nil; c, err = tcp.Accept() {
			go func() {
				for b := make([]byte, 100); ; {
					n, err := c.Read(b)
					if err != nil {
						return
					}
					ticks.Add(int64(n))
				}
			}()
		}
	}()
	_, port, err := net.SplitHostPort(tcp.Addr().String())
	must(t, err)
	must(t, alice.Write(map[string]string{"beat.sh": beat}))
	must(t, alice.Own())
	run := alice.Command(ctx, "reeve", "run", "--", "bash", "beat.sh", port, alice.Home)
	var complaint bytes.Buffer
	run.Stderr = &complaint
	must(t, run.Start())
	defer func() {
		if t.Failed() {
			t.Log(complaint.String())
		}
	}()
	wait(t, r, "ticks", func() bool { return ticks.Load() > 20 })
	all, err := stage.Objects[shown](ctx, r, "sessions", "--json")
	must(t, err)
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	order := func(action string) {
		t.Helper()
		_, err := r.Output(ctx, "session", action, all[0].ID)
		must(t, err)
	}
	beats := filepath.Join(alice.Home, "beats")

	order("isolate")
	time.Sleep(300 * time.Millisecond) // the listener reads what was there
	before := ticks.Load()
	wait(t, r, "the end of the connection, and another attempt", func() bool { return size(filepath.Join(alice.Home, "again")) > 0 })
	if raw, err := os.ReadFile(filepath.Join(alice.Home, "again")); err != nil || string(raw) != "refused\n" || ticks.Load() != before {
		t.Errorf("isolated: another connection is %s, %v; %d bytes came, then %d", raw, err, before, ticks.Load())
	}
	wait(t, r, "files to be written in the isolated session", func() bool { return size(beats) > 10 })

	order("deny")
	time.Sleep(100 * time.Millisecond)
	had := size(beats)
	if time.Sleep(time.Second); size(beats) != had {
		t.Errorf("everything is denied, and %d bytes became %d", had, size(beats))
	}
	order("thaw")
	wait(t, r, "the session to go on", func() bool { return size(beats) > had })
	order("kill")
	_ = run.Wait()
}

// processesAreAlone looks at the plugins' processes: users of their own, without any right.
func processesAreAlone(t *testing.T) {
	t.Helper()
	for _, name := range []string{"contain", "syslog"} {
		out, err := exec.Command("ps", "-u", "reeve-"+name, "-o", "pid=").Output()
		must(t, err)
		pid := strings.TrimSpace(string(out))
		raw, err := os.ReadFile("/proc/" + pid + "/status")
		must(t, err)
		limits, err := os.ReadFile("/proc/" + pid + "/limits")
		must(t, err)
		for _, want := range []string{"NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "Groups:\t \n"} {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%s: no %q in\n%s", name, want, raw)
			}
		}
		if fields := strings.Fields(string(limits[bytes.Index(limits, []byte("Max processes")):])); fields[2] != "256" {
			t.Errorf("%s may have %s processes", name, fields[2])
		}
		if out, err := exec.Command("setpriv", "--reuid=reeve-"+name, "--clear-groups", "ls", "/var/lib/reeve").CombinedOutput(); err == nil {
			t.Errorf("%s lists the state: %s", name, out)
		}
	}
}
