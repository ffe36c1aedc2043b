// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// The object: its specification, what is loaded of it, and the table of its programs.

package bpf

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// Objects are the loaded programs and maps. A field is nil where Prune took it out.
type Objects = sensorObjects

// Role says what the loss of a program costs.
type Role string

const (
	// RoleEnforce programs decide; without one of them its operations are not held.
	RoleEnforce Role = "enforce"
	// RoleObserve programs only record or count.
	RoleObserve Role = "observe"
	// RoleSeed programs run when user space asks, and are not attached.
	RoleSeed Role = "seed"
)

// Program is one row of the table of programs.
type Program struct {
	Name string
	Role Role
	Ops  []Op   // the operations that it holds
	Hook string // the kernel function it sits on
}

// Programs lists every program in the order in which they are attached: what passes on membership before what begins a
// session, so that no session has an unwatched child.
var Programs = []Program{
	{sensorProgEnforceFork, RoleEnforce, nil, "security_task_alloc"},
	{sensorProgObserveNew, RoleObserve, nil, "task_newtask"},
	{sensorProgObserveEnd, RoleObserve, nil, "sched_process_exit"},
	{sensorProgEnforceOpen, RoleEnforce, []Op{OpFileRead, OpFileWrite}, "security_file_open"},
	{sensorProgEnforceMmap, RoleEnforce, []Op{OpExecMap}, "security_mmap_file"},
	{sensorProgEnforceMprotect, RoleEnforce, []Op{OpExecMap}, "security_file_mprotect"},
	{sensorProgEnforceExec, RoleEnforce, []Op{OpExec}, "security_bprm_check"},
	{sensorProgEnforceLine, RoleEnforce, []Op{OpExecArgv}, "security_bprm_committed_creds"},
	{sensorProgSeedTasks, RoleSeed, nil, "iter/task"},
	{sensorProgChangeState, RoleSeed, nil, "syscall"},
}

// Spec is the embedded object with room for tables of size bytes, a power of two of at least 4096.
func Spec(size uint32) (*ebpf.CollectionSpec, error) {
	if size < 4096 || size&(size-1) != 0 {
		return nil, fmt.Errorf("table size %d: not a power of two of at least 4096", size)
	}
	spec, err := loadSensor()
	if err != nil {
		return nil, fmt.Errorf("reading the embedded object: %w", err)
	}
	if err := spec.Variables[sensorVarCfgTableSize].Set(size); err != nil {
		return nil, fmt.Errorf("setting %s: %w", sensorVarCfgTableSize, err)
	}
	spec.Maps[sensorMapTables].InnerMap.ValueSize = size
	return spec, nil
}

// TableSpec describes an inner map of Tables for tables of size bytes.
func TableSpec(size uint32) *ebpf.MapSpec {
	return &ebpf.MapSpec{Name: "table", Type: ebpf.Array, KeySize: 4, ValueSize: size, MaxEntries: 1}
}
