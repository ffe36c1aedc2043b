// SPDX-License-Identifier: Apache-2.0

// Attaching: in the order of the table of programs, and back.

package sensor

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/reeve-sensor/reeve/bpf"
)

// Attach attaches every program of bpf.Programs, membership before what begins sessions. On an error nothing stays.
func (k *Kernel) Attach() error {
	programs := k.programs()
	for _, p := range bpf.Programs {
		if p.Role == bpf.RoleSeed {
			continue
		}
		l, err := attach(programs[p.Name])
		if err != nil {
			return errors.Join(fmt.Errorf("attaching %s to %s: %w", p.Name, p.Hook, err), k.detach())
		}
		k.links = append(k.links, l)
	}
	return nil
}

func attach(program *ebpf.Program) (link.Link, error) {
	if program.Type() == ebpf.LSM {
		return link.AttachLSM(link.LSMOptions{Program: program})
	}
	return link.AttachTracing(link.TracingOptions{Program: program})
}

// detach undoes Attach, last first: sessions end being begun before membership ends.
func (k *Kernel) detach() error {
	var errs []error
	for _, v := range slices.Backward(k.links) {
		errs = append(errs, v.Close())
	}
	k.links = nil
	return errors.Join(errs...)
}

// programs are the loaded programs by name.
func (k *Kernel) programs() map[string]*ebpf.Program {
	o := k.Objects
	return map[string]*ebpf.Program{
		"enforce_fork":     o.EnforceFork,
		"observe_new":      o.ObserveNew,
		"observe_end":      o.ObserveEnd,
		"enforce_open":     o.EnforceOpen,
		"enforce_mmap":     o.EnforceMmap,
		"enforce_mprotect": o.EnforceMprotect,
		"enforce_exec":     o.EnforceExec,
		"enforce_line":     o.EnforceLine,
		"seed_tasks":       o.SeedTasks,
		"change_state":     o.ChangeState,
	}
}

// Verified is the number of instructions that the verifier walked for each program: its cost at load.
func (k *Kernel) Verified() (map[string]uint32, error) {
	counts := make(map[string]uint32)
	for name, p := range k.programs() {
		info, err := p.Info()
		if err != nil {
			return nil, fmt.Errorf("reading info of %s: %w", name, err)
		}
		n, ok := info.VerifiedInstructions()
		if !ok {
			return nil, fmt.Errorf("reading verified instructions of %s: the kernel does not tell", name)
		}
		counts[name] = n
	}
	return counts, nil
}
