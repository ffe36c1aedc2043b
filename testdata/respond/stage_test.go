// SPDX-License-Identifier: Apache-2.0

package respond

// The machine's part: plugins and a rule beside what the package installs, and a session that trips over the rule.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

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

// furnish puts plugins, their configuration and the rule where the package would have them.
func furnish(t *testing.T, address string) {
	t.Helper()
	must(t, os.MkdirAll("/usr/lib/reeve/plugins", 0o755))
	must(t, os.MkdirAll("/etc/reeve/policy.d", 0o755))
	for _, name := range []string{"contain", "syslog"} {
		raw, err := os.ReadFile(filepath.Join("plugins", name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join("/usr/lib/reeve/plugins", name), raw, 0o755))
	}
	must(t, os.WriteFile("/etc/reeve/policy.d/50-tripwire.toml", []byte(rule), 0o644))
	must(t, os.WriteFile("/etc/tripwire", []byte("x\n"), 0o644))
	f, err := os.OpenFile("reeve.toml", os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprintf(f, "\n[[plugin]]\nname = \"contain\"\n\n[[plugin]]\nname = \"syslog\"\nsettings = { address = %q, tls = false }\n", address)
	must(t, err)
	must(t, f.Close())
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
	furnish(t, tcp.Addr().String())
	r, err := stage.Install(ctx, "bin")
	must(t, err)
	wait(t, r, "both plugins to run", func() bool {
		out, err := r.Output(ctx, "status")
		return err == nil && strings.Contains(out, "contain dev running") && strings.Contains(out, "syslog dev running")
	})
	processesAreAlone(t)

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
