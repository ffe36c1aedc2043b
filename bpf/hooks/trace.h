/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looking into other processes: their memory, environment, maps and descriptors. */
#pragma once

#include "../include/judge.h"

/* A session may look into its own processes, and into those of a session that it began. */
static __always_inline bool trace_inside(const struct task_state *state, struct task_struct *target)
{
	struct task_state *theirs = bpf_task_storage_get(&tasks, target, NULL, 0);
	struct session *session;

	if (!theirs)
		return false;
	if (theirs->slot == state->slot && theirs->generation == state->generation)
		return true;
	session = session_of(theirs);
	return session && session->parent && session->parent_slot == state->slot;
}

/*
 * security_ptrace_access_check: ptrace, process_vm_*, pidfd_getfd, kcmp, and what /proc/PID shows to who may trace only:
 * mem, environ, maps, fd, cwd, root. After the kernel's own rules have agreed. Many ask just to leave a column out
 * (NOAUDIT, as /proc/PID/stat): these are answered and not told. A process without memory has nothing to show.
 */
static __always_inline int decide_trace(struct task_struct *target, u32 mode)
{
	struct question q = { .op = OP_PROC_TRACE, .wanted = mode };
	struct task_state *state = task_state();
	struct file *file;

	if (!state || trace_inside(state, target) || !target->mm)
		return 0;
	file = target->mm->exe_file;
	if (!file)
		return judge_blind(state, OP_PROC_TRACE);
	if (mode & PTRACE_MODE_NOAUDIT)
		q.quiet = QUIET_ALL;
	return judge_file(state, file, &q);
}
