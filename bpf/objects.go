// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// The object: its specification in each of its forms, and the table of its programs.

package bpf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Maps are the loaded maps.
type Maps = sensorMaps

// Role says what the loss of a program costs.
type Role string

const (
	// RoleEnforce programs decide; without one of them its operations are not held.
	RoleEnforce Role = "enforce"
	// RoleObserve programs only record or count.
	RoleObserve Role = "observe"
	// RoleMark programs say whose something is; without one of them what others decide is not held.
	RoleMark Role = "mark"
	// RoleSeed programs run when user space asks, and are not attached.
	RoleSeed Role = "seed"
)

// Names of the programs that user space runs, or asks after.
const (
	SeedTasks   = sensorProgSeedTasks
	SeedFiles   = sensorProgSeedFiles
	ChangeState = sensorProgChangeState
	GuardSelf   = sensorProgGuardSelf
	SetFlags    = sensorProgEnforceSetflags
)

// Program is one row of the table of programs.
type Program struct {
	Name   string
	Role   Role
	Ops    []Op   // the operations that it holds, or sees
	Hook   string // the kernel function or tracepoint it sits on
	Forms  []Form // that have it
	Params int    // of the hook, where not every kernel has it, or has it so; 0 where all do
}

var (
	everyForm = []Form{FormLSM, FormModify, FormTwice, FormNetwork, FormObserve}
	enforcing = []Form{FormLSM, FormModify, FormTwice}
	fallback  = []Form{FormModify, FormTwice}
	twice     = []Form{FormTwice}
	gating    = append(slices.Clone(enforcing), FormNetwork)
	created   = []Form{FormTwice, FormNetwork}
	traced    = []Form{FormTwice, FormNetwork, FormObserve}

	openOps = []Op{OpFileRead, OpFileWrite, OpSkillLoad}
	nameOps = []Op{OpFileCreate, OpFileWrite}
	netOps  = []Op{OpNetDomain, OpNetAddr}
)

// Programs lists every program in the order in which they are attached: what passes on membership before what begins a
// session, so that no session has an unwatched child.
var Programs = []Program{
	{sensorProgEnforceFork, RoleEnforce, nil, "security_task_alloc", enforcing, 0},
	{sensorProgObserveNew, RoleObserve, nil, "task_newtask", everyForm, 0},
	{sensorProgObserveEnd, RoleObserve, nil, "sched_process_exit", everyForm, 0},
	{sensorProgEnforceOpen, RoleEnforce, openOps, "security_file_open", enforcing, 0},
	{sensorProgEnforceReceive, RoleEnforce, openOps, "security_file_receive", enforcing, 0},
	{sensorProgEnforceCreate, RoleEnforce, nameOps, "security_inode_create", enforcing, 0},
	{sensorProgEnforceMknod, RoleEnforce, nameOps, "security_inode_mknod", enforcing, 0},
	{sensorProgEnforceMkdir, RoleEnforce, nameOps, "security_inode_mkdir", enforcing, 0},
	{sensorProgEnforceSymlink, RoleEnforce, nameOps, "security_inode_symlink", enforcing, 0},
	{sensorProgEnforceLink, RoleEnforce, nameOps, "security_inode_link", enforcing, 0},
	{sensorProgEnforceUnlink, RoleEnforce, []Op{OpFileDelete}, "security_inode_unlink", enforcing, 0},
	{sensorProgEnforceRmdir, RoleEnforce, []Op{OpFileDelete}, "security_inode_rmdir", enforcing, 0},
	{sensorProgEnforceRename, RoleEnforce, []Op{OpFileRename, OpFileCreate, OpFileWrite}, "security_inode_rename", []Form{FormLSM}, 0},
	{sensorProgModifyRename, RoleEnforce, []Op{OpFileRename, OpFileCreate, OpFileWrite}, "security_inode_rename", fallback, 0},
	{sensorProgEnforceSetattr, RoleEnforce, []Op{OpFileAttr, OpFileWrite}, "security_inode_setattr", enforcing, 3},
	{sensorProgEnforceSetattrOld, RoleEnforce, []Op{OpFileAttr, OpFileWrite}, "security_inode_setattr", enforcing, 2},
	{sensorProgEnforceSetxattr, RoleEnforce, []Op{OpFileAttr}, "security_inode_setxattr", enforcing, 0},
	{sensorProgEnforceRemovexattr, RoleEnforce, []Op{OpFileAttr}, "security_inode_removexattr", enforcing, 0},
	{sensorProgEnforceSetacl, RoleEnforce, []Op{OpFileAttr}, "security_inode_set_acl", enforcing, 4},
	{sensorProgEnforceRemoveacl, RoleEnforce, []Op{OpFileAttr}, "security_inode_remove_acl", enforcing, 3},
	{sensorProgEnforceSetflags, RoleEnforce, []Op{OpFileAttr}, "security_inode_file_setattr", enforcing, 2},
	{sensorProgEnforceTrace, RoleEnforce, []Op{OpProcTrace}, "security_ptrace_access_check", enforcing, 0},
	{sensorProgEnforceSignal, RoleEnforce, []Op{OpProcSignal}, "security_task_kill", enforcing, 0},
	{sensorProgEnforceSocket, RoleEnforce, []Op{OpNetFamily}, "security_socket_create", enforcing, 0},
	{sensorProgMarkSocket, RoleMark, nil, "security_socket_post_create", enforcing, 0},
	{sensorProgMarkCreated, RoleMark, nil, "sock_create", created, 0},
	{sensorProgMarkReceived, RoleMark, nil, "security_file_receive", enforcing, 0},
	{sensorProgMarkServer, RoleMark, nil, "security_socket_listen", enforcing, 0},
	{sensorProgEnforceBind, RoleEnforce, []Op{OpNetListen}, "security_socket_bind", enforcing, 0},
	{sensorProgEnforceListen, RoleEnforce, []Op{OpNetListen}, "security_socket_listen", enforcing, 0},
	{sensorProgLearnIngress, RoleObserve, nil, "ingress", gating, 0},
	{sensorProgJudgeEgress, RoleEnforce, netOps, "egress", gating, 0},
	{sensorProgJudgeConnect4, RoleEnforce, netOps, "connect4", gating, 0},
	{sensorProgJudgeConnect6, RoleEnforce, netOps, "connect6", gating, 0},
	{sensorProgEnforceConnect, RoleEnforce, []Op{OpUnixConnect}, "security_unix_stream_connect", enforcing, 0},
	{sensorProgEnforceSend, RoleEnforce, []Op{OpUnixConnect}, "security_unix_may_send", enforcing, 0},
	{sensorProgEnforceMount, RoleEnforce, nil, "security_sb_mount", enforcing, 0},
	{sensorProgEnforceMoveMount, RoleEnforce, nil, "security_move_mount", enforcing, 0},
	{sensorProgEnforceUmount, RoleEnforce, nil, "security_sb_umount", enforcing, 0},
	{sensorProgEnforceBpf, RoleEnforce, []Op{OpPrivBpf}, "security_bpf", enforcing, 0},
	{sensorProgEnforcePerf, RoleEnforce, nil, "security_perf_event_open", enforcing, 1},
	{sensorProgEnforcePerfOld, RoleEnforce, nil, "security_perf_event_open", enforcing, 2},
	{sensorProgEnforceLoad, RoleEnforce, []Op{OpPrivModule}, "security_kernel_load_data", enforcing, 0},
	{sensorProgEnforceLoadFile, RoleEnforce, []Op{OpPrivModule}, "security_kernel_read_file", enforcing, 0},
	{sensorProgEnforceIoctl, RoleEnforce, nil, "security_file_ioctl", enforcing, 0},
	{sensorProgEnforceIoctlCompat, RoleEnforce, nil, "security_file_ioctl_compat", enforcing, 3},
	{sensorProgMarkTerminal, RoleMark, nil, "devpts_pty_new", enforcing, 3},
	{sensorProgEnforceMmap, RoleEnforce, []Op{OpExecMap}, "security_mmap_file", []Form{FormLSM}, 0},
	{sensorProgModifyMmap, RoleEnforce, []Op{OpExecMap}, "security_mmap_file", fallback, 0},
	{sensorProgEnforceMprotect, RoleEnforce, []Op{OpExecMap}, "security_file_mprotect", enforcing, 0},
	{sensorProgEnforceExec, RoleEnforce, []Op{OpExec, OpExecWritten, OpExecAnonymous}, "security_bprm_check", enforcing, 0},
	{sensorProgEnforceLine, RoleEnforce, []Op{OpExecArgv, OpConnectorStart, OpAgentStart}, "security_bprm_committed_creds", enforcing, 0},
	{sensorProgObserveExec, RoleObserve, []Op{OpExec, OpExecArgv, OpConnectorStart, OpAgentStart}, "sched_process_exec", traced, 0},
	{sensorProgObserveOpen, RoleObserve, openOps, "file_ra_state_init", twice, 0},
	{sensorProgObserveMap, RoleObserve, []Op{OpExecMap}, "perf_event_mmap", twice, 0},
	{SeedTasks, RoleSeed, nil, "iter/task", everyForm, 0},
	{SeedFiles, RoleSeed, nil, "iter/task_file", everyForm, 0},
	{ChangeState, RoleSeed, nil, "syscall", everyForm, 0},
	{GuardSelf, RoleSeed, nil, "syscall", everyForm, 0},
}

// In reports whether a form has the program.
func (p *Program) In(f Form) bool { return slices.Contains(p.Forms, f) }

func (f Form) String() string {
	switch f {
	case FormLSM:
		return "lsm"
	case FormModify:
		return "fmod_ret"
	case FormTwice:
		return "fmod_ret+kprobe"
	case FormNetwork:
		return "tracepoint+cgroup"
	}
	return "tracepoint"
}

// jiffiesInSecond is the kernel's HZ. Nothing tells it, but the coarse clocks move once a jiffy (kernel/time/posix-timers.c).
func jiffiesInSecond() uint32 {
	var tick unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &tick); err != nil || tick.Nano() <= 0 {
		return 100 // the smallest that is in use
	}
	return uint32(time.Second.Nanoseconds() / tick.Nano())
}

// slack is for the clocks, which are not read at one moment, and for the kernel's, which is up to a jiffy behind.
const slack = 2 * time.Second

// booted is when the machine was, in seconds of the wall's clock, or a little before.
func booted() uint32 {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return 0 // kernel: fails only on kernels without the clock, before 2.6.39
	}
	return uint32(time.Now().Add(-time.Duration(up.Nano()) - slack).Unix())
}

// hostSpace is the number of the namespace of a kind that is the host's: the first process's, or, in a container that may not
// look there, this one's.
func hostSpace(kind string) (uint32, error) {
	var st unix.Stat_t
	err := unix.Stat("/proc/1/ns/"+kind, &st)
	if err != nil {
		err = unix.Stat("/proc/self/ns/"+kind, &st)
	}
	if err != nil {
		return 0, fmt.Errorf("looking for the host's namespaces: %w", err)
	}
	return uint32(st.Ino), nil
}

// Spec is the embedded object with room for tables of size bytes, a power of two of at least 4096, in one form. load is a
// number of these programs' own.
func Spec(size uint32, form Form, load uint32) (*ebpf.CollectionSpec, error) {
	if size < 4096 || size&(size-1) != 0 {
		return nil, fmt.Errorf("table size %d: not a power of two of at least 4096", size)
	}
	spec, err := loadSensor()
	if err != nil {
		return nil, fmt.Errorf("reading the embedded object: %w", err)
	}
	mounts, err := hostSpace("mnt")
	if err != nil {
		return nil, err
	}
	network, err := hostSpace("net")
	if err != nil {
		return nil, err
	}
	settings := map[string]uint32{
		sensorVarCfgMounts: mounts, sensorVarCfgNetwork: network,
		sensorVarCfgTableSize: size, sensorVarCfgForm: uint32(form), sensorVarCfgLoad: load, sensorVarCfgSecond: jiffiesInSecond(), sensorVarCfgBooted: booted(),
	}
	for name, value := range settings {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("setting %s: %w", name, err)
		}
	}
	if err := spec.Variables[sensorVarCfgKey].Set(rand.Uint64() | 1); err != nil {
		return nil, fmt.Errorf("setting %s: %w", sensorVarCfgKey, err)
	}
	spec.Maps[sensorMapTables].InnerMap.ValueSize = size
	for i := range Programs {
		p := &Programs[i]
		switch {
		case !p.In(form):
			delete(spec.Programs, p.Name)
		case slices.Contains(fallback, form) && spec.Programs[p.Name].Type == ebpf.LSM:
			modify(spec.Programs[p.Name], p)
		}
	}
	return spec, nil
}

// modify puts an lsm program on the function that calls the hooks. The arguments are the same; nothing may sleep there (Fit).
// kernel: what returns nothing cannot be modified, only entered; and what modifies may store nothing with sockets.
func modify(spec *ebpf.ProgramSpec, p *Program) {
	spec.Type, spec.AttachType, spec.AttachTo = ebpf.Tracing, ebpf.AttachModifyReturn, p.Hook
	if p.Name == sensorProgEnforceLine || p.Role == RoleMark {
		spec.AttachType = ebpf.AttachTraceFEntry
	}
}

// TableSpec describes an inner map of Tables for tables of size bytes.
func TableSpec(size uint32) *ebpf.MapSpec {
	return &ebpf.MapSpec{Name: "table", Type: ebpf.Array, KeySize: 4, ValueSize: size, MaxEntries: 1, Flags: unix.BPF_F_MMAPABLE}
}

// edition is set when a build is made that shall not be taken for another one with the same programs: to test upgrades.
var edition string

// Build names the embedded object: two daemons with one Build load the same programs.
func Build() string {
	sum := sha256.New()
	sum.Write([]byte(edition))
	sum.Write(_SensorBytes)
	return hex.EncodeToString(sum.Sum(nil)[:6])
}
