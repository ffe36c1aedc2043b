// SPDX-License-Identifier: Apache-2.0

// This file lists the processes of the host, for whoever looks for one of them.

package procfs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v4/process"
)

// Running is one process as All lists it.
type Running struct {
	PID, Parent, UID uint32
	Program          string
	Args             []string
	Env              []string // names among those that were asked for; no values
}

// argsMax bounds the arguments that are kept of one process.
const argsMax = 256

// All lists the processes that there are. What ends meanwhile is left out; what may not be looked at is listed without.
func All(ctx context.Context, names []string) ([]Running, error) {
	list, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var out []Running
	for _, p := range list {
		parent, err := p.PpidWithContext(ctx)
		if err != nil {
			continue
		}
		r := Running{PID: uint32(p.Pid), Parent: uint32(parent), Program: Program(uint32(p.Pid))}
		if uids, err := p.UidsWithContext(ctx); err == nil && len(uids) > 0 {
			r.UID = uids[0]
		}
		r.Args, _ = p.CmdlineSliceWithContext(ctx)
		r.Args = r.Args[:min(len(r.Args), argsMax)]
		env, _ := p.EnvironWithContext(ctx)
		for _, entry := range env {
			if name, _, ok := strings.Cut(entry, "="); ok && slices.Contains(names, name) && !slices.Contains(r.Env, name) {
				r.Env = append(r.Env, name)
			}
		}
		out = append(out, r)
	}
	return out, nil
}
