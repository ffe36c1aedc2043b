/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Other processes: looking into their memory, environment, maps and descriptors, and signals to them. */
#pragma once

#include "guard.h"

/* A session may do as it likes with its own processes, and with those of a session that it began. */
static __always_inline bool trace_inside(const struct task_state *state, struct task_struct *target)
{
	struct task_state *theirs = bpf_task_storage_get(&tasks, target, NULL, 0);

	return theirs && session_inside(state, theirs->slot, theirs->generation);
}

/* Of a process outside. What it runs is its name. One without memory, as a kernel thread, has none, and nothing to lose. */
static __always_inline int judge_process(struct task_state *state, struct task_struct *target, const struct question *q)
{
	struct file *file;

	if (!target->mm)
		return 0;
	file = target->mm->exe_file;
	return file ? judge_file(state, file, q) : judge_blind(state, q->op);
}

/*
 * security_ptrace_access_check: ptrace, process_vm_*, pidfd_getfd, kcmp, and what /proc/PID shows to who may trace only:
 * mem, environ, maps, fd, cwd, root. After the kernel's own rules have agreed. Many ask just to leave a column out
 * (NOAUDIT, as /proc/PID/stat): these are answered and not told.
 */
static __always_inline int decide_trace(struct task_struct *target, u32 mode)
{
	struct question q = { .op = OP_PROC_TRACE, .wanted = mode };
	struct task_state *state = task_state();

	if (!state || trace_inside(state, target))
		return 0;
	if (guard_process(target))
		return guard_refuse(OP_PROC_TRACE, mode);
	if (mode & PTRACE_MODE_NOAUDIT)
		q.quiet = QUIET_ALL;
	return judge_process(state, target, &q);
}

/*
 * security_task_kill: each process that a signal is for, after the kernel's own rules have agreed. What the kernel sends by
 * itself does not pass here (kernel/signal.c:check_kill_permission). Signal 0 only asks whether there is a process.
 */
static __always_inline int decide_signal(struct task_struct *target, u32 number)
{
	struct question q = { .op = OP_PROC_SIGNAL, .wanted = number };
	struct task_state *state = task_state();

	if (!state || !number || trace_inside(state, target))
		return 0;
	if (guard_process(target))
		return guard_refuse(OP_PROC_SIGNAL, number);
	return judge_process(state, target, &q);
}
