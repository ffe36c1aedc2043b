// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// What the running kernel has, or does, otherwise than others, and what a specification goes without for that.

package bpf

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"
)

// helper is a function of the kernel that not every one lets such a program call.
type helper struct {
	kind     ebpf.ProgramType
	function asm.BuiltinFunc
}

// asks are the programs that go without where the kernel does not let them.
var asks = map[string]helper{
	sensorProgMarkCreated: {ebpf.CGroupSock, asm.FnTaskStorageGet},
}

// ErrTaskless says that the running kernel lets programs of control groups ask for no task's storage: nothing would say whose a
// socket is.
var ErrTaskless = errors.New("programs of control groups may not ask for tasks")

// Fit takes from a specification in one form the programs whose hooks the running kernel does not have, or what they call there.
func Fit(spec *ebpf.CollectionSpec, form Form) error {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		return fmt.Errorf("reading the kernel's types: %w", err)
	}
	for i := range Programs {
		if p := &Programs[i]; !p.fits(kernel, form) {
			delete(spec.Programs, p.Name)
		}
	}
	if form == FormNetwork && spec.Programs[sensorProgMarkCreated] == nil {
		return ErrTaskless
	}
	return sleep(spec, form == FormLSM && !losesTasks(kernel))
}

// sleep says whether the program of command lines may, which is the only one that would.
func sleep(spec *ebpf.CollectionSpec, may bool) error {
	if may {
		return nil
	}
	if line := spec.Programs[sensorProgEnforceLine]; line != nil {
		line.Flags &^= unix.BPF_F_SLEEPABLE
	}
	return spec.Variables[sensorVarCfgSleeps].Set(uint32(0))
}

// losesTasks reports whether a kernel finds nobody's storage on a processor on which a task was put aside amid a look-up or a store of its
// own: whoever runs there meanwhile is in no session, and none begins. kernel: before 6.2,
// kernel/bpf/bpf_task_storage.c:bpf_task_storage_get, which allocates, and may sleep for that, behind bpf_task_storage_trylock.
func losesTasks(kernel *btf.Spec) bool {
	var busy *btf.Var
	var recursive *btf.Func
	return kernel.TypeByName("bpf_task_storage_busy", &busy) == nil && kernel.TypeByName("bpf_task_storage_get_recur", &recursive) != nil
}

// LosesTasks reports that of the running kernel. It matters where that preempts itself; elsewhere no program sleeps amid a store (Fit).
func LosesTasks() bool {
	kernel, err := btf.LoadKernelSpec()
	return err == nil && losesTasks(kernel)
}

func (p *Program) fits(kernel *btf.Spec, form Form) bool {
	if h, ok := asks[p.Name]; ok && p.In(form) && features.HaveProgramHelper(h.kind, h.function) != nil {
		return false
	}
	if p.Params == 0 {
		return true
	}
	function := p.Hook
	if form == FormLSM {
		function = strings.Replace(function, "security_", "bpf_lsm_", 1)
	}
	var f *btf.Func
	if err := kernel.TypeByName(function, &f); err != nil {
		return false
	}
	proto, ok := f.Type.(*btf.FuncProto)
	return ok && len(proto.Params) == p.Params
}
