// SPDX-License-Identifier: Apache-2.0

package sensor

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/reeve-sensor/reeve/bpf"
)

// Every program loads on the kernel under test, in every form. The end of the verifier's log tells why one does not.
func TestLoad(t *testing.T) {
	for _, form := range []bpf.Form{bpf.FormLSM, bpf.FormModify, bpf.FormTwice, bpf.FormObserve} {
		t.Run(form.String(), func(t *testing.T) {
			if form == bpf.FormTwice && !Preempts() {
				t.Skip("this kernel does not preempt itself")
			}
			k, err := Load(Options{Form: form})
			if errors.Is(err, ErrRefused) && !strings.Contains(os.Getenv("REQUIRE"), "lsm") {
				t.Skip(err)
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

// firstNamespace skips where pids are not the kernel's own: processes are named by those.
func firstNamespace(t *testing.T) {
	t.Helper()
	const first = "pid:[4026531836]" // include/linux/proc_ns.h:PROC_PID_INIT_INO
	if ns, err := os.Readlink("/proc/self/ns/pid"); err != nil || ns != first {
		t.Skip("in a pid namespace of its own:", ns, err)
	}
}

func TestMain(m *testing.M) {
	CanaryMain()
	os.Exit(m.Run())
}

// Tracepoints alone see execs, and refuse nothing; that works on every kernel that this is run on.
func TestTracepointsSeeAndRefuseNothing(t *testing.T) {
	firstNamespace(t)
	k, err := Load(Options{Form: bpf.FormObserve})
	if err != nil {
		t.Skip(err)
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
