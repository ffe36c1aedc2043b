// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/testdata/need"
)

// Every program loads on the kernel under test, in every form. The end of the verifier's log tells why one does not.
func TestLoad(t *testing.T) {
	for _, form := range []bpf.Form{bpf.FormLSM, bpf.FormModify, bpf.FormTwice, bpf.FormNetwork, bpf.FormObserve} {
		t.Run(form.String(), func(t *testing.T) {
			if form == bpf.FormTwice && !Preempts() {
				need.OtherKernel(t, "it does not preempt itself")
			}
			need.Programs(t)
			k, err := Load(Options{Form: form, Cgroup: need.Cgroup(t)})
			if errors.Is(err, bpf.ErrTaskless) {
				need.OtherKernel(t, err)
			}
			if errors.Is(err, ErrRefused) {
				need.Missing(t, need.LSM, err)
			}
			if verifier, ok := errors.AsType[*ebpf.VerifierError](err); ok {
				t.Log(strings.Join(verifier.Log[max(0, len(verifier.Log)-70):], "\n"))
			}
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			counts, err := k.Verified()
			if err != nil {
				t.Fatal(err)
			}
			t.Log(counts)
			if err := k.Attach(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestMain(m *testing.M) {
	CanaryMain()
	os.Exit(m.Run())
}

// Tracepoints alone see execs, and refuse nothing; that works on every kernel that this is run on.
func TestTracepointsSeeAndRefuseNothing(t *testing.T) {
	need.FirstPIDs(t)
	need.Programs(t)
	k, err := Load(Options{Form: bpf.FormObserve})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if err := errors.Join(Blank(k), k.Attach()); err != nil {
		t.Fatal(err)
	}
	effects, err := k.Try(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range effects {
		want := NotSeen
		if e.Op == bpf.OpExec || e.Op == bpf.OpExecArgv {
			want = Seen
		}
		if e.State != want {
			t.Errorf("%d: %s (%s), want %s", e.Op, e.State, e.Reason, want)
		}
	}
}
