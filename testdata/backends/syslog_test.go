// SPDX-License-Identifier: Apache-2.0

package backends

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/plugins/plugintest"
)

// rsyslog is one that writes what it gets to a file, a line for each message: its header's fields, then its text.
type rsyslog struct {
	server
	out string
}

func newRsyslog(t *testing.T, cert, key string) *rsyslog {
	t.Helper()
	dir := folder(t)
	s := &rsyslog{server: server{t: t, port: port(t)}, out: filepath.Join(dir, "out")}
	driver, mode := "", ""
	if cert != "" {
		driver = fmt.Sprintf("DefaultNetstreamDriver=\"gtls\" DefaultNetstreamDriverCAFile=%q DefaultNetstreamDriverCertFile=%q DefaultNetstreamDriverKeyFile=%q", cert, cert, key)
		mode = `StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"`
	}
	conf := fmt.Sprintf(`global(workDirectory=%q maxMessageSize="256k" parser.escapeControlCharactersOnReceive="off" %s)
module(load="imtcp" %s)
input(type="imtcp" address="127.0.0.1" port="%d")
template(name="all" type="string" string="%%syslogfacility-text%%.%%syslogseverity-text%% %%hostname%% %%app-name%% %%msgid%% %%structured-data%%|%%msg%%\n")
action(type="omfile" file=%q template="all")
`, dir, driver, mode, s.port, s.out)
	name := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(name, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	s.args = []string{program(t, "/usr/sbin/rsyslogd"), "-n", "-f", name, "-i", filepath.Join(dir, "pid")}
	return s
}

// lines are what it wrote.
func (s *rsyslog) lines() []string {
	raw, _ := os.ReadFile(s.out)
	return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
}

// ids are those of the events in it: metadata.uid of their OCSF.
func (s *rsyslog) ids() (ids []string) {
	for _, line := range s.lines() {
		_, text, _ := strings.Cut(line, "|")
		var o struct {
			Metadata struct {
				UID string `json:"uid"`
			} `json:"metadata"`
		}
		if json.Unmarshal([]byte(text), &o) == nil {
			ids = append(ids, o.Metadata.UID)
		}
	}
	return ids
}

func TestDenialsOfAnOutageArriveInRsyslog(t *testing.T) {
	for name, secure := range map[string]bool{"TCP": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			cert, key := "", ""
			settings := map[string]any{"tls": secure}
			if secure {
				cert, key = certificate(t, folder(t), "server", time.Now().Add(24*time.Hour))
				settings["ca"] = cert
			}
			s := newRsyslog(t, cert, key)
			settings["address"] = fmt.Sprintf("127.0.0.1:%d", s.port)
			x := newExporter(t, "syslog", settings)
			outage(t, x)
			s.up()
			began := time.Now()
			plugintest.Wait(t, "some to arrive", func() bool { return len(s.lines()) > 1000 })
			s.down() // and once more, in the middle
			s.up()
			twice := complete(t, s.ids, denials)
			t.Logf("%d arrived within %s, %d twice", denials, time.Since(began).Round(time.Millisecond), twice)
			want := "authpriv.warning ws1 reeve access [origin software=\"Reeve\" swVersion=\"1.2\"]|{"
			if line := s.lines()[0]; !strings.HasPrefix(line, want) || !strings.Contains(line, `id_0 ö \ufffd`) {
				t.Errorf("got  %s\nwant %s", line, want)
			}
			plugintest.Wait(t, "an empty queue", func() bool { return x.status().Queued == 0 })
			if got := x.status(); got.Exported < denials/2 || got.Dropped+got.Refused+got.Restarts > 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestCertificateThatHasExpiredKeepsEventsHere(t *testing.T) {
	dir := folder(t)
	cert, key := certificate(t, dir, "old", time.Now().Add(-time.Hour))
	s := newRsyslog(t, cert, key)
	s.up()
	expires(t, "syslog", dir, cert, key, &s.server, s.ids, map[string]any{"address": fmt.Sprintf("127.0.0.1:%d", s.port), "ca": cert})
}
