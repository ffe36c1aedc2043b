/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What user space changes in a running session, for map updates would overwrite the counts that hooks keep beside; and what only
 * the kernel knows of the process that asks.
 */
#pragma once

#include "../include/task.h"

static __always_inline void bits_change(u32 *word, u32 set, u32 clear)
{
	__sync_fetch_and_or(word, set);
	__sync_fetch_and_and(word, ~clear);
}

/* 0, or -1 where the slot has been given out anew. */
static __always_inline int change_session(const struct change *change)
{
	struct session *session = session_at(change->slot);

	if (!session || session->generation != change->generation || !session->tasks)
		return -1;
	if (change->role != (u32)KEEP_ROLE)
		session->role = change->role;
	bits_change(&session->flags, change->flags_set, change->flags_clear);
	bits_change(&session->switches, change->switches_set, change->switches_clear);
	bits_change(&session->taints, change->taints_set, change->taints_clear);
	__sync_fetch_and_or(&session->denied, change->denied_set);
	__sync_fetch_and_and(&session->denied, ~change->denied_clear);
	if (change->relief)
		session->relief = change->relief;
	if (change->release)
		__sync_fetch_and_add(&session->tasks, -change->release);
	return 0;
}

/* Whoever asks is the daemon from now on. */
static __always_inline int guard_caller(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 started = task->group_leader->start_boottime;
	u32 pid = task->tgid;

	return bpf_map_update_elem(&guarded, &pid, &started, BPF_ANY);
}
