// SPDX-License-Identifier: Apache-2.0

package live

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

// bpfListed tells what the guest was booted with; what is held must be found out by effect.
func bpfListed(t *testing.T) bool {
	t.Helper()
	list, err := os.ReadFile("/sys/kernel/security/lsm")
	must(t, err)
	return slices.Contains(strings.Split(strings.TrimSpace(string(list)), ","), "bpf")
}

func TestCoverageIsByEffect(t *testing.T) {
	k, found, err := sensor.Start(t.Context(), sensor.Options{}, sensor.Blank)
	must(t, err)
	defer k.Close()
	want := bpf.FormLSM
	if !bpfListed(t) {
		want = bpf.FormModify
		if sensor.Preempts() {
			want = bpf.FormTwice
		}
	}
	if found.Coverage != sensor.Full || found.Form != want || found.Reason != nil {
		t.Errorf("found %+v, want full as %s", found, want)
	}
	for _, e := range found.Effects {
		if e.State != sensor.Held || e.Reason != "" {
			t.Errorf("%+v", e)
		}
	}
}

// Each program that is taken away must be missed: a table of effects that cannot say no proves nothing.
func TestLossOfAProgramIsFound(t *testing.T) {
	if kernel.Form == bpf.FormTwice {
		t.Skip("a second look stands behind some of them")
	}
	k, err := sensor.Load(sensor.Options{Form: kernel.Form})
	must(t, err)
	defer k.Close()
	must(t, sensor.Blank(k))
	must(t, k.Attach())
	for program, ops := range map[string][]bpf.Op{
		"enforce_open":     {bpf.OpFileRead, bpf.OpFileWrite, bpf.OpExecWritten}, // what nobody saw written is not known as written
		"enforce_mprotect": {bpf.OpExecMap}, "enforce_signal": {bpf.OpProcSignal}, "enforce_connect": {bpf.OpUnixConnect},
		"enforce_send": {bpf.OpUnixConnect}, "enforce_bpf": {bpf.OpPrivBpf},
		"enforce_exec": {bpf.OpExec, bpf.OpExecWritten, bpf.OpExecAnonymous}, "enforce_line": {bpf.OpExecArgv}, "enforce_receive": {bpf.OpFileRead},
		"enforce_create": {bpf.OpFileCreate}, "enforce_mknod": {bpf.OpFileCreate}, "modify_rename": {bpf.OpFileRename}, "enforce_mkdir": {bpf.OpFileCreate}, "enforce_symlink": {bpf.OpFileCreate},
		"enforce_link": {bpf.OpFileCreate}, "enforce_unlink": {bpf.OpFileDelete}, "enforce_rmdir": {bpf.OpFileDelete},
		"enforce_rename": {bpf.OpFileRename}, "enforce_setattr": {bpf.OpFileAttr, bpf.OpFileWrite},
		"enforce_setattr_old": {bpf.OpFileAttr, bpf.OpFileWrite}, "enforce_setxattr": {bpf.OpFileAttr},
		"enforce_removexattr": {bpf.OpFileAttr}, "enforce_setacl": {bpf.OpFileAttr}, "enforce_removeacl": {bpf.OpFileAttr},
		"enforce_setflags": {bpf.OpFileAttr}, "enforce_trace": {bpf.OpProcTrace},
	} {
		if k.Program(program) == nil {
			continue // the kernel has no such hook
		}
		if kernel.Form != bpf.FormLSM && !strings.HasPrefix(program, "modify_") {
			continue // the same program, tried with bpf in lsm=
		}
		must(t, k.Detach(program))
		effects, err := k.Try(t.Context())
		must(t, err)
		for _, e := range effects {
			if held := e.State == sensor.Held; held == slices.Contains(ops, e.Op) {
				t.Errorf("without %s: %+v", program, e)
			}
		}
		must(t, k.Attach())
	}
	must(t, k.Detach("enforce_open"))
	must(t, k.Reattach(""))
	found, err := k.Find(t.Context())
	must(t, err)
	if found.Coverage != sensor.Full {
		t.Errorf("with everything attached again: %+v", found)
	}
}

// A form that sits down without effect is not taken for one that holds.
func TestFormWithoutEffectIsNotFull(t *testing.T) {
	if bpfListed(t) {
		t.Skip("lsm programs take effect here")
	}
	k, err := sensor.Load(sensor.Options{Form: bpf.FormLSM})
	must(t, err)
	defer k.Close()
	must(t, sensor.Blank(k))
	must(t, k.Attach())
	effects, err := k.Try(t.Context())
	must(t, err)
	for _, e := range effects {
		if e.State == sensor.Held {
			t.Errorf("%+v is held by programs that nobody calls", e)
		}
	}
}
