/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What no session may do, root's neither, whatever policy, mode and break-glass say: reach past the sensor into the kernel, or
 * at its processes. Its files and sockets are named by rules of every table (enforce/guard.go).
 */
#pragma once

#include "../include/judge.h"

enum guarded_depth {
	GUARDED_DEPTH = 3, /* generations */
};

/* Refused; there is no object to name. wanted is for the record. verifier: a frame of its own, beside that of judging. */
static __noinline int guard_refuse(u32 op, u32 wanted)
{
	struct task_state *state = task_state();
	struct event_access event = {};
	struct session *session;
	struct subject who;
	const u8 *table;
	int error;

	if (!state)
		return 0;
	session = session_of(state);
	table = table_now();
	if (!session || !table)
		return op_errno(op);
	who = subject_of(state, session);
	event_head(&event.head, EVENT_ACCESS, state, session);
	event.head.op = op;
	event.head.action = ACTION_DENY;
	event.head.flags |= EVENT_GUARD;
	event.wanted = wanted;
	judge_seen(session, 1ull << op);
	error = judge_apply(session, table, &who, &event.head);
	EVENT_SEND_BARE(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, &event);
	return error;
}

/* By its number and its beginning, which nobody else ever has together. */
static __always_inline bool guard_knows(struct task_struct *task)
{
	u32 pid = BPF_CORE_READ(task, tgid);
	u64 *started = bpf_map_lookup_elem(&guarded, &pid);

	return started && *started == BPF_CORE_READ(task, group_leader, start_boottime);
}

/* The daemon, and what it has started: plugins, and the children of these. */
static __always_inline bool guard_process(struct task_struct *task)
{
	for (u32 i = 0; i < GUARDED_DEPTH; i++) {
		if (guard_knows(task))
			return true;
		task = BPF_CORE_READ(task, real_parent);
	}
	return false;
}

/*
 * security_bpf: every command of bpf(2), for by number all programs, maps and links of the host can be had, and one that is had
 * can be taken away. Who is no root is refused most of them by the kernel.
 */
static __always_inline int guard_bpf(u32 command)
{
	return guard_refuse(OP_PRIV_BPF, command);
}

/* security_perf_event_open: tracing the kernel. Counting the cycles of one's own programs is ordinary. */
static __always_inline int guard_perf(u32 type)
{
	return type < PERF_SECURITY_KERNEL ? 0 : guard_refuse(OP_PRIV_BPF, type);
}

/* security_kernel_load_data, security_kernel_read_file: modules, kernels to boot, their keys. Firmware comes with devices. */
static __always_inline int guard_load(u32 id)
{
	return id < READING_MODULE ? 0 : guard_refuse(OP_PRIV_MODULE, id);
}

/* security_file_ioctl: typing into a terminal, whose reader may be a person's shell (drivers/tty/tty_io.c:tiocsti). */
static __always_inline int guard_ioctl(u32 command)
{
	return command != TIOCSTI && command != TIOCLINUX ? 0 : guard_refuse(OP_FILE_WRITE, command);
}
