// SPDX-License-Identifier: Apache-2.0

package live

// The kernel under test: the sensor's programs loaded once, a policy a test, records on request.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
	"github.com/reeve-sensor/reeve/sensor"
)

const tableSize = 2 << 20

var (
	kernel       *sensor.Kernel
	foundAtStart sensor.Finding
	applier      *enforce.Applier
	generation   atomic.Uint64
)

func TestMain(m *testing.M) {
	sensor.CanaryMain()
	os.Exit(within(m))
}

func within(m *testing.M) int {
	var err error
	if kernel, foundAtStart, err = sensor.Start(context.Background(), sensor.Options{TableSize: tableSize}, sensor.Blank); err != nil {
		return refused(err)
	}
	defer kernel.Close()
	if kernel.Form == bpf.FormObserve || kernel.Form == bpf.FormNetwork { // no machine of ours: files and networks are left alone
		return refused(foundAtStart.Reason)
	}
	if _, err := os.Stat(actorAt); err != nil {
		fmt.Println("live: actors have no program (make live-files):", err)
		return 1
	}
	fmt.Println("live: programs are attached as", kernel.Form)
	applier = enforce.NewApplier(kernel.Maps.Tables, kernel.TableSize)
	if problems, err := kernel.SyncMounts(); err != nil {
		return refused(errors.Join(append(problems, err)...))
	}
	return allTests(m)
}

// refused ends the run: a kernel that cannot load is a failure where lsm is required, else nothing was tested here.
func refused(err error) int {
	if verifier, ok := errors.AsType[*ebpf.VerifierError](err); ok {
		fmt.Println(strings.Join(verifier.Log[max(0, len(verifier.Log)-40):], "\n"))
	}
	fmt.Println("live: no kernel to test:", err)
	if strings.Contains(os.Getenv("REQUIRE"), "lsm") {
		return 1
	}
	fmt.Println("live: skipped: these tests run in a test machine (make test-vm)")
	return 0
}

// synced tells the kernel what the host has mounted now, as the daemon does.
func synced(t *testing.T) {
	t.Helper()
	problems, err := kernel.SyncMounts()
	must(t, errors.Join(append(problems, err)...))
}

// policy applies a policy whose agents are named by globs, in order.
func policy(t *testing.T, text string, agents ...enforce.Agent) *enforce.Image {
	t.Helper()
	p, err := enforce.Parse(map[string]string{"test.toml": "version = 1\nbase = \"none\"\n" + text}, enforce.Options{})
	must(t, err)
	im, err := enforce.Compile(p, agents, generation.Add(1), enforce.Options{})
	must(t, err)
	must(t, applier.Apply(im))
	return im
}

// session adopts an actor into a session of its own, in role 0.
func session(t *testing.T) *process {
	t.Helper()
	p := start(t)
	p.do(act{Do: "noop"})
	_, err := kernel.Adopt(context.Background(), sensor.Adoption{PID: p.pid()})
	must(t, err)
	p.adopted = true
	return p
}

// record is what came over a ring, whole.
type record struct {
	bpf.EventHeader
	raw []byte
}

// settling is how long a ring must be empty until it is taken for read: other processes may still be at work.
const settling = 50 * time.Millisecond

// watch collects the records of both rings from now on. The function ends it and gives them.
func watch(t *testing.T) func() []record {
	t.Helper()
	return watchFor(t, settling)
}

func watchFor(t *testing.T, pause time.Duration) func() []record {
	t.Helper()
	var readers []*ringbuf.Reader
	for _, m := range []*ebpf.Map{kernel.Maps.Verdicts, kernel.Maps.Activity} {
		r, err := ringbuf.NewReader(m)
		must(t, err)
		readers = append(readers, r)
		drain(r, pause, nil)
	}
	return func() []record {
		var records []record
		for _, r := range readers {
			drain(r, pause, &records)
			r.Close()
		}
		return records
	}
}

func drain(r *ringbuf.Reader, pause time.Duration, into *[]record) {
	for {
		r.SetDeadline(time.Now().Add(pause))
		e, err := r.Read()
		if err != nil {
			return
		}
		if into != nil {
			*into = append(*into, record{headerOf(e.RawSample), e.RawSample})
		}
	}
}
