// SPDX-License-Identifier: Apache-2.0

// The floor: what any program on the same hooks costs. It is the sensor's own object with every body replaced by
// one that lets go, so it has the sensor's hooks, whichever those are.

package bench

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/sensor"
)

// attached are programs at work.
type attached struct {
	programs map[string]*ebpf.Program
	links    []link.Link
}

// attachFloor loads and attaches the floor of one form.
func attachFloor(form bpf.Form) (*attached, error) {
	spec, err := bpf.Spec(4096, form, 0)
	if err != nil {
		return nil, err
	}
	if err := bpf.Fit(spec, form); err != nil {
		return nil, err
	}
	a := &attached{programs: make(map[string]*ebpf.Program)}
	for _, row := range bpf.Programs {
		if row.Role == bpf.RoleSeed || spec.Programs[row.Name] == nil {
			continue
		}
		if err := a.add(spec.Programs[row.Name], row.Hook); err != nil {
			return nil, errors.Join(fmt.Errorf("floor of %s: %w", row.Name, err), a.Close())
		}
	}
	return a, nil
}

func (a *attached) add(of *ebpf.ProgramSpec, hook string) error {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: of.Name, Type: of.Type, AttachType: of.AttachType, AttachTo: of.AttachTo, Flags: of.Flags, License: of.License,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, lets(of.Type)), asm.Return()},
	})
	if err != nil {
		return err
	}
	a.programs[of.Name] = p
	l, err := sensor.AttachTo(p, hook, "")
	if err != nil {
		return err
	}
	a.links = append(a.links, l)
	return nil
}

// lets is what a program returns that lets go: of a control group 1, of all others 0.
func lets(kind ebpf.ProgramType) int32 {
	switch kind {
	case ebpf.CGroupSKB, ebpf.CGroupSockAddr, ebpf.CGroupSock:
		return 1
	}
	return 0
}

// Close detaches and frees.
func (a *attached) Close() error {
	var errs []error
	for _, l := range a.links {
		errs = append(errs, l.Close())
	}
	for _, p := range a.programs {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
