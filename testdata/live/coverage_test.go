// SPDX-License-Identifier: Apache-2.0

package live

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
	"github.com/reeve-sensor/reeve/sensor/event"
)

// bpfListed tells what the guest was booted with; what is held must be found out by effect.
func bpfListed(t *testing.T) bool {
	t.Helper()
	list, err := os.ReadFile("/sys/kernel/security/lsm")
	must(t, err)
	return slices.Contains(strings.Split(strings.TrimSpace(string(list)), ","), "bpf")
}

func TestCoverageIsByEffect(t *testing.T) {
	want := bpf.FormLSM
	if !bpfListed(t) {
		want = bpf.FormModify
		if sensor.Preempts() {
			want = bpf.FormTwice
		}
	}
	if foundAtStart.Coverage != sensor.Full || foundAtStart.Form != want || foundAtStart.Reason != nil {
		t.Errorf("found %+v, want full as %s", foundAtStart, want)
	}
	for _, e := range foundAtStart.Effects {
		if e.State != sensor.Held || e.Reason != "" {
			t.Errorf("%+v", e)
		}
	}
	if len(foundAtStart.Effects) == 0 {
		t.Error("nothing was tried")
	}
}

// losses are what is no longer held without each program, in rounds: no operation is of two programs of one round, so that each is
// known to be missed.
var losses = []map[string][]bpf.Op{
	{
		"enforce_open":     {bpf.OpFileRead, bpf.OpFileWrite, bpf.OpExecWritten, bpf.OpSkillLoad}, // what nobody saw written is not known as written
		"enforce_mprotect": {bpf.OpExecMap}, "enforce_signal": {bpf.OpProcSignal}, "enforce_connect": {bpf.OpUnixConnect},
		"enforce_create": {bpf.OpFileCreate}, "enforce_unlink": {bpf.OpFileDelete}, "enforce_setxattr": {bpf.OpFileAttr},
		"enforce_line": {bpf.OpExecArgv}, "enforce_trace": {bpf.OpProcTrace}, "enforce_bpf": {bpf.OpPrivBpf},
		"enforce_socket": {bpf.OpNetFamily},
		"enforce_rename": {bpf.OpFileRename}, "enforce_listen": {bpf.OpNetListen},
		"judge_egress": {bpf.OpNetAddr, bpf.OpNetDomain},
	},
	{
		"enforce_exec":    {bpf.OpExec, bpf.OpExecWritten, bpf.OpExecAnonymous},
		"enforce_receive": {bpf.OpFileRead}, "enforce_mknod": {bpf.OpFileCreate}, "enforce_rmdir": {bpf.OpFileDelete},
		"enforce_send": {bpf.OpUnixConnect}, "enforce_setattr": {bpf.OpFileAttr, bpf.OpFileWrite},
		"enforce_setattr_old": {bpf.OpFileAttr, bpf.OpFileWrite}, "enforce_bind": {bpf.OpNetListen},
		"mark_socket": {bpf.OpNetAddr, bpf.OpNetDomain},
	},
	{"enforce_mkdir": {bpf.OpFileCreate}, "enforce_removexattr": {bpf.OpFileAttr}, "modify_rename": {bpf.OpFileRename},
		"judge_connect4": {bpf.OpNetAddr}},
	{"enforce_symlink": {bpf.OpFileCreate}, "enforce_setacl": {bpf.OpFileAttr}, "judge_connect6": {bpf.OpNetAddr}},
	{"enforce_link": {bpf.OpFileCreate}, "enforce_removeacl": {bpf.OpFileAttr}},
	{"enforce_setflags": {bpf.OpFileAttr}},
}

// Each program that is taken away must be missed: a table of effects that cannot say no proves nothing.
func TestLossOfAProgramIsFound(t *testing.T) {
	if kernel.Form == bpf.FormTwice {
		t.Skip("a second look stands behind some of them")
	}
	k := kernel
	must(t, sensor.Blank(k))
	t.Cleanup(func() { must(t, k.Attach()) })
	for _, round := range losses {
		lost := map[bpf.Op]bool{}
		for program, ops := range round {
			if k.Program(program) == nil {
				continue // the kernel has no such hook
			}
			if kernel.Form != bpf.FormLSM && !strings.HasPrefix(program, "modify_") {
				continue // the same program, tried with bpf in lsm=
			}
			must(t, k.Detach(program))
			for _, op := range ops {
				if lost[op] {
					t.Fatalf("operation %d is of two programs of one round", op)
				}
				lost[op] = true
			}
		}
		if len(lost) == 0 {
			continue
		}
		effects, err := k.Try(t.Context())
		must(t, err)
		for _, e := range effects {
			if held := e.State == sensor.Held; held == lost[e.Op] {
				t.Errorf("without %v: %+v", slices.Sorted(maps.Keys(round)), e)
			}
			delete(lost, e.Op)
		}
		for op := range lost {
			t.Errorf("without %v: nobody tried %s", slices.Sorted(maps.Keys(round)), event.Op(op))
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
