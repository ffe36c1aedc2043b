// SPDX-License-Identifier: Apache-2.0

package live

// The daemon's own process, guarded: this test is the daemon here.

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

func TestGuard(t *testing.T) {
	policy(t, "[[role]]\nname = \"default\"\nmode = \"observe\"\n")
	in, out := start(t), start(t)
	defer out.end()
	defer in.end()
	in.do(act{Do: "noop"})
	_, err := kernel.Adopt(t.Context(), sensor.Adoption{PID: in.pid()})
	must(t, err)
	daemon, child := []string{itoa(os.Getpid())}, []string{itoa(int(out.pid()))}
	each := func(want unix.Errno) {
		t.Helper()
		for _, target := range [][]string{daemon, child} {
			for _, do := range []string{"kill", "pidkill", "vmread"} {
				in.want(act{Do: do, Argv: target}, want)
			}
		}
	}
	each(0) // nobody is guarded yet
	must(t, kernel.Guard())
	t.Cleanup(func() { must(t, kernel.Maps.Guarded.Delete(uint32(os.Getpid()))) })
	stop := watchFor(t, 0)
	each(unix.EPERM)
	signals := 0
	for _, r := range stop() {
		if bpf.EventKind(r.Kind) == bpf.KindAccess && bpf.Op(r.Op) == bpf.OpProcSignal && r.Flags&uint16(bpf.EventGuard) != 0 {
			signals++
		}
	}
	if signals != 4 {
		t.Errorf("%d refused signals were told, want 4", signals)
	}
	out.want(act{Do: "kill", Argv: daemon}, 0)
}
