// SPDX-License-Identifier: Apache-2.0

package backends

// The machine's part: the kernel refuses a session while nobody takes what is exported of it, and the daemon is killed amid that.

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/testdata/stage"
)

var (
	acts = flag.Int("acts", 0, "this is the session: so many files are asked for")
	pace = flag.Duration("pace", 0, "time from one to the next")
)

const refusedFolder = "/etc/outage"

const refusing = `version = 1
[[rule]]
id     = "outage"
on     = ["file.read"]
match  = ["` + refusedFolder + `/**"]
action = "deny"
reason = "nobody has business here"
`

func asked(n int) string { return fmt.Sprintf("%s/%d", refusedFolder, n) }

// act is what runs in the session: it asks for one file after the other, and says of each that it was refused. From the middle
// on a twentieth of them goes as fast as it can, so that a daemon that is killed then has its hands full.
func act(count int, every time.Duration) int {
	began := time.Now()
	for n := range count {
		if n < count/2 || n >= count/2+count/20 {
			time.Sleep(time.Until(began.Add(time.Duration(n) * every)))
		}
		if _, err := os.Open(asked(n)); !errors.Is(err, fs.ErrPermission) {
			fmt.Printf("%s: %v\n", asked(n), err)
			return 1
		}
		fmt.Println(n + 1)
	}
	return 0
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// furnish puts plugins, their configuration, the rule and what it is about where the package would have them.
func furnish(t *testing.T, count, syslog, otlp int) {
	t.Helper()
	for _, dir := range []string{"/usr/lib/reeve/plugins", "/etc/reeve/policy.d", refusedFolder} {
		must(t, os.MkdirAll(dir, 0o755))
	}
	for _, name := range []string{"syslog", "otlp"} {
		raw, err := os.ReadFile(filepath.Join("plugins", name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join("/usr/lib/reeve/plugins", name), raw, 0o755))
	}
	must(t, os.WriteFile("/etc/reeve/policy.d/50-outage.toml", []byte(refusing), 0o644))
	for n := range count {
		must(t, os.WriteFile(asked(n), nil, 0o644))
	}
	f, err := os.OpenFile("reeve.toml", os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprintf(f, `
[[plugin]]
name = "syslog"
settings = { address = "127.0.0.1:%d", tls = false }

[[plugin]]
name = "otlp"
settings = { endpoint = "http://127.0.0.1:%d" }
`, syslog, otlp)
	must(t, errors.Join(err, f.Close()))
}

// state is what status says that matters here.
type state struct {
	Losses  map[string]uint64 `json:"losses"`
	Plugins []struct {
		Name     string `json:"name"`
		State    string `json:"state"`
		Problem  string `json:"problem"`
		Queued   uint64 `json:"queued"`
		Exported uint64 `json:"exported"`
		Refused  uint64 `json:"refused"`
		Dropped  uint64 `json:"dropped"`
	} `json:"plugins"`
}

func stateOf(t *testing.T, r *stage.Reeve) (s state, err error) {
	all, err := stage.Objects[state](t.Context(), r, "status", "--json")
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("%d objects", len(all))
	}
	if err != nil {
		return s, err
	}
	return all[0], nil
}

// wait for both plugins to wait for their back ends.
func bothWait(t *testing.T, r *stage.Reeve) {
	t.Helper()
	wait(t, "both plugins to wait for their back ends", func() bool {
		s, err := stateOf(t, r)
		return err == nil && len(s.Plugins) == 2 && s.Plugins[0].State == string(host.Waiting) && s.Plugins[1].State == string(host.Waiting)
	})
}

// mainPID is the daemon's process, as its unit knows it.
func mainPID(t *testing.T) int {
	t.Helper()
	out, err := exec.Command("systemctl", "show", "-P", "MainPID", "reeved").Output()
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	must(t, err)
	return pid
}

// killDaemon ends the daemon as nothing else would, and waits for the next one.
func killDaemon(t *testing.T, r *stage.Reeve) {
	t.Helper()
	pid := mainPID(t)
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	wait(t, "another daemon", func() bool {
		_, err := stateOf(t, r)
		return err == nil && mainPID(t) != pid
	})
}

// session is one that is refused.
type session struct {
	cmd     *exec.Cmd
	refused atomic.Int64
	said    chan string // what else it says, when it has ended
}

func begin(t *testing.T, count int, every time.Duration) *session {
	t.Helper()
	alice, err := stage.Lookup("alice")
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	if out, err := alice.Output(t.Context(), "cat", asked(0)); err != nil || out != "" {
		t.Fatalf("outside of sessions %s is %q, %v", asked(0), out, err)
	}
	s := &session{said: make(chan string, 1)}
	s.cmd = alice.Command(t.Context(), "reeve", "run", "--", self, "-acts", strconv.Itoa(count), "-pace", every.String())
	out, err := s.cmd.StdoutPipe()
	must(t, err)
	s.cmd.Stderr = s.cmd.Stdout
	must(t, s.cmd.Start())
	go func() {
		var said strings.Builder
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
				s.refused.Store(n)
			} else {
				fmt.Fprintln(&said, lines.Text())
			}
		}
		s.said <- said.String()
	}()
	return s
}

// end waits for the session's own end.
func (s *session) end(t *testing.T, count int) {
	t.Helper()
	said := <-s.said
	if err := s.cmd.Wait(); err != nil || s.refused.Load() != int64(count) {
		t.Fatalf("%d of %d were refused: %v\n%s", s.refused.Load(), count, err, said)
	}
}

// told are the ids under which a back end has each file that was refused, and how often it has them.
type told map[string]map[string]int

func (m told) add(body string) {
	var o struct {
		Metadata struct {
			UID string `json:"uid"`
		} `json:"metadata"`
		File struct {
			Path string `json:"path"`
		} `json:"file"`
		Rule struct {
			UID string `json:"uid"`
		} `json:"firewall_rule"`
	}
	if json.Unmarshal([]byte(body), &o) != nil || o.Rule.UID != "outage" {
		return
	}
	if m[o.File.Path] == nil {
		m[o.File.Path] = map[string]int{}
	}
	m[o.File.Path][o.Metadata.UID]++
}

func (s *rsyslog) told() told {
	m := told{}
	for _, line := range s.lines() {
		_, body, _ := strings.Cut(line, "|")
		m.add(body)
	}
	return m
}

func (r *receiver) told() told {
	m := told{}
	for _, x := range r.records() {
		m.add(x.Body.Text)
	}
	return m
}

// whole holds what arrived against what was refused: every act, under one id, however often.
func whole(t *testing.T, where string, m told, count int) {
	t.Helper()
	lacking, twice := 0, 0
	for n := range count {
		ids := m[asked(n)]
		if len(ids) == 0 {
			if lacking++; lacking < 20 {
				t.Errorf("%s: %s did not arrive", where, asked(n))
			}
		}
		if len(ids) > 1 {
			t.Errorf("%s: %s has ids %v", where, asked(n), ids)
		}
		for _, times := range ids {
			twice += times - 1
		}
	}
	if len(m) != count || lacking > 0 {
		t.Errorf("%s: %d files, %d lack", where, len(m), lacking)
	}
	t.Logf("%s has all %d, %d came once more", where, count, twice)
}

func TestOnStage(t *testing.T) {
	if !*onStage {
		t.Skip("runs in the machine of TestOutageInMachine")
	}
	lasts, err := time.ParseDuration(os.Getenv("OUTAGE"))
	must(t, err)
	count, err := strconv.Atoi(os.Getenv("DENIALS"))
	must(t, err)
	siem, collected := newRsyslog(t, "", ""), newReceiver(t, "grpc", "", "")
	furnish(t, count, siem.port, collected.port)
	r, err := stage.Install(t.Context(), "bin")
	must(t, err)
	defer func() {
		if t.Failed() {
			status, err := r.Output(t.Context(), "status")
			t.Log(status, err, r.Said())
		}
	}()

	began := time.Now()
	bothWait(t, r) // with what the daemon says of its start
	s := begin(t, count, lasts*9/10/time.Duration(count))
	wait(t, "half of the refusals", func() bool { return s.refused.Load() > int64(count/2) })
	before := s.refused.Load()
	killDaemon(t, r)
	t.Logf("%d were refused before the daemon was killed, %d before the next one answered", before, s.refused.Load())
	if s.refused.Load() == before {
		t.Error("nobody was refused while there was no daemon")
	}
	s.end(t, count) // with nobody there to take it, so it waited for none
	bothWait(t, r)
	time.Sleep(time.Until(began.Add(lasts)))
	t.Logf("down for %s", time.Since(began).Round(time.Second))
	up := time.Now()
	collected.up()
	siem.up()
	nothingWaits(t, r)
	t.Logf("all gone %s after the back ends came", time.Since(up).Round(time.Second))
	siem.down() // what they have is in their files then
	collected.down()
	whole(t, "rsyslog", siem.told(), count)
	whole(t, "the Collector", collected.told(), count)
	nothingLost(t, r)
}

func nothingWaits(t *testing.T, r *stage.Reeve) {
	t.Helper()
	wait(t, "empty queues", func() bool {
		s, err := stateOf(t, r)
		return err == nil && len(s.Plugins) == 2 && s.Plugins[0].Queued+s.Plugins[1].Queued == 0
	})
}

// nothingLost asks the daemon for what it counted.
func nothingLost(t *testing.T, r *stage.Reeve) {
	t.Helper()
	s, err := stateOf(t, r)
	must(t, err)
	for _, name := range []string{"verdicts_lost", "verdicts_beyond_rate", "records_garbled"} {
		if n, known := s.Losses[name]; n > 0 || !known {
			t.Errorf("%s: %d, known: %t", name, n, known)
		}
	}
	for _, p := range s.Plugins {
		if p.Exported == 0 || p.Refused+p.Dropped > 0 {
			t.Errorf("%+v", p)
		}
	}
}
