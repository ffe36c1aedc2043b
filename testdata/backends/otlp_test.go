// SPDX-License-Identifier: Apache-2.0

package backends

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reeve-sensor/reeve/plugins/plugintest"
)

// receiver is a Collector that writes what it gets to a file.
type receiver struct {
	server
	out string
}

func newReceiver(t *testing.T, protocol, cert, key string) *receiver {
	t.Helper()
	dir, secure := folder(t), ""
	if cert != "" {
		secure = fmt.Sprintf(", tls: {cert_file: %q, key_file: %q}", cert, key)
	}
	r := &receiver{server: server{t: t, port: port(t)}, out: filepath.Join(dir, "out")}
	conf := fmt.Sprintf(`receivers: {otlp: {protocols: {%s: {endpoint: "127.0.0.1:%d"%s}}}}
exporters: {file: {path: %q, append: true, flush_interval: 100ms}}
service:
  telemetry: {metrics: {level: none}, logs: {level: warn}}
  pipelines: {logs: {receivers: [otlp], exporters: [file]}}
`, protocol, r.port, secure, r.out)
	name := filepath.Join(dir, "collector.yaml")
	if err := os.WriteFile(name, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	r.args = []string{collector(t), "--config", name}
	return r
}

// logs is what the file exporter writes on a line.
type logs struct {
	ResourceLogs []struct {
		ScopeLogs []struct {
			LogRecords []record `json:"logRecords"`
		} `json:"scopeLogs"`
	} `json:"resourceLogs"`
}

type record struct {
	SeverityText string `json:"severityText"`
	Body         struct {
		Text string `json:"stringValue"`
	} `json:"body"`
	Attributes []struct {
		Key   string `json:"key"`
		Value struct {
			Text string `json:"stringValue"`
		} `json:"value"`
	} `json:"attributes"`
}

func (r record) attribute(key string) string {
	for _, a := range r.Attributes {
		if a.Key == key {
			return a.Value.Text
		}
	}
	return ""
}

func (r *receiver) records() (all []record) {
	f, err := os.Open(r.out)
	if err != nil {
		return nil
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Buffer(nil, 64<<20); s.Scan(); {
		var l logs
		if json.Unmarshal(s.Bytes(), &l) != nil {
			continue // it is being written
		}
		for _, resource := range l.ResourceLogs {
			for _, scope := range resource.ScopeLogs {
				all = append(all, scope.LogRecords...)
			}
		}
	}
	return all
}

func (r *receiver) ids() (ids []string) {
	for _, x := range r.records() {
		ids = append(ids, x.attribute("log.record.uid"))
	}
	return ids
}

func TestDenialsOfAnOutageArriveInTheCollector(t *testing.T) {
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			r := newReceiver(t, protocol, "", "")
			x := newExporter(t, "otlp", map[string]any{"endpoint": fmt.Sprintf("http://127.0.0.1:%d", r.port), "protocol": protocol})
			outage(t, x)
			r.up()
			began := time.Now()
			plugintest.Wait(t, "some to arrive", func() bool { return len(r.ids()) > 1000 })
			r.down() // and once more, in the middle
			r.up()
			twice := complete(t, r.ids, denials)
			t.Logf("%d arrived within %s, %d twice", denials, time.Since(began).Round(time.Millisecond), twice)
			first := r.records()[0]
			var body map[string]any
			if err := json.Unmarshal([]byte(first.Body.Text), &body); err != nil || body["class_uid"] != float64(1001) ||
				first.SeverityText != "medium" || first.attribute("reeve.rule") != "ssh-keys" {
				t.Errorf("%+v, %v", first, err)
			}
			plugintest.Wait(t, "an empty queue", func() bool { return x.status().Queued == 0 })
			if got := x.status(); got.Dropped+got.Refused+got.Restarts > 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestCertificateOfTheCollectorThatHasExpiredKeepsEventsHere(t *testing.T) {
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			dir := folder(t)
			cert, key := certificate(t, dir, "old", time.Now().Add(-time.Hour))
			r := newReceiver(t, protocol, cert, key)
			r.up()
			expires(t, "otlp", dir, cert, key, &r.server, r.ids, map[string]any{
				"endpoint": fmt.Sprintf("https://127.0.0.1:%d", r.port), "protocol": protocol, "ca": cert,
			})
		})
	}
}
