// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/reeve-sensor/reeve/plugins/api"
	"github.com/reeve-sensor/reeve/plugins/host"
	"github.com/reeve-sensor/reeve/plugins/plugintest"
	"github.com/reeve-sensor/reeve/plugins/queue"
)

// What will never arrive is counted, whoever finds that out, and the rest goes on: what the back end rejects for good, what nobody
// can read, what cannot be written down.
func TestWhatWillNeverArriveIsCounted(t *testing.T) {
	t.Parallel()
	b := plugintest.NewBackend(t)
	o := options(t, spec(t, "good", b))
	q, err := queue.Open(filepath.Join(o.State, "good"), o.QueueBytes)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := q.Append([]byte("\xff of another build"), true); !ok || err != nil {
		t.Fatalf("%t, %v", ok, err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	r := start(t, o)
	export(r, 0, 100)
	r.Export(event("unwanted-1"))
	export(r, 100, 200)
	r.Export(event("unwanted-2"))
	r.Export(host.Event{Notable: true, Make: func() (*api.Event, error) { return nil, errors.New("it cannot be told") }})
	export(r, 200, 300)
	complete(t, b, 300)
	plugintest.Wait(t, "the counts", func() bool {
		s := status(r)
		return s.Exported == 300 && s.Refused == 3 && s.Dropped == 1 && s.Queued == 0
	})
	if s := status(r); s.Restarts != 0 {
		t.Errorf("%+v", s)
	}
}
