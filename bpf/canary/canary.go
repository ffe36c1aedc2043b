// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package canary

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// Names of the programs, for Load.
const (
	Refuse = canaryProgCanaryExec // refuses execs of children of the parent
	See    = canaryProgCanaryExit // only sees
)

// Attach loads one program for the children of a process and attaches it. Closing the link takes it away.
func Attach(name string, parent uint32) (link.Link, error) {
	spec, err := loadCanary()
	if err != nil {
		return nil, fmt.Errorf("reading the canary: %w", err)
	}
	if err := spec.Variables[canaryVarCfgParent].Set(parent); err != nil {
		return nil, fmt.Errorf("setting the canary: %w", err)
	}
	for other := range spec.Programs {
		if other != name {
			delete(spec.Programs, other)
		}
	}
	c, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, fmt.Errorf("loading the canary: %w", err)
	}
	defer c.Close()
	if name == See {
		return link.AttachTracing(link.TracingOptions{Program: c.Programs[name]})
	}
	return link.AttachLSM(link.LSMOptions{Program: c.Programs[name]})
}
