/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who acts: the state of a task and its session. A task without state is outside every session, and nothing of ours
 * touches it.
 */
#pragma once

#include "count.h"

/*
 * kernel: task storage belongs to a thread. A thread that was not marked itself is found through its leader. The look
 * at bpf_storage spares tasks that nobody marked the look-up.
 * verifier: 6.12 takes group_leader from non-sleepable programs only; sleepable ones use task_state_own().
 */
static __always_inline struct task_state *task_state_of(struct task_struct *task)
{
	return task->bpf_storage ? bpf_task_storage_get(&tasks, task, NULL, 0) : NULL;
}

static __always_inline struct task_state *task_state_own(void)
{
	return task_state_of(bpf_get_current_task_btf());
}

static __always_inline struct task_state *task_state(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = task_state_of(task);

	return state || task->pid == task->tgid ? state : task_state_of(task->group_leader);
}

static __always_inline struct session *session_at(u32 slot)
{
	return bpf_map_lookup_elem(&sessions, &slot);
}

/* NULL for a reference that outlived its session. */
static __always_inline struct session *session_of(const struct task_state *state)
{
	struct session *session = session_at(state->slot);

	if (!session || session->generation != state->generation) {
		count(COUNT_STALE_SESSION);
		return NULL;
	}
	return session;
}

/* Whether another session is the task's own, or one that its own began. */
static __always_inline bool session_inside(const struct task_state *state, u32 slot, u32 generation)
{
	struct session *session;

	if (slot == state->slot && generation == state->generation)
		return true;
	session = session_at(slot);
	return session && session->generation == generation && session->parent && session->parent_slot == state->slot;
}

/* The first of this processor's buffers of the pool, now taken; NULL where somebody has it, as is rare. */
static __always_inline struct buffer *pool_first(void)
{
	u32 index = bpf_get_smp_processor_id() * POOL_TRIES % POOL_MAX;
	struct buffer *buffer = bpf_map_lookup_elem(&pool, &index);

	return buffer && !buffer->taken && !__sync_val_compare_and_swap(&buffer->taken, 0, 1) ? buffer : NULL;
}

/* Index of a buffer of the pool, now taken; -1 where none is free. race: the compare-and-swap gives it to one. */
__noinline int pool_take(void)
{
	u32 processor = bpf_get_smp_processor_id();

	for (u32 i = 0; i < POOL_TRIES; i++) {
		u32 index = (processor * POOL_TRIES + i) % POOL_MAX;
		struct buffer *buffer = bpf_map_lookup_elem(&pool, &index);

		if (buffer && !buffer->taken && !__sync_val_compare_and_swap(&buffer->taken, 0, 1))
			return index;
	}
	return -1;
}

/* A buffer for this hook alone; buffer_give() it on every way out. */
static __always_inline struct buffer *buffer_take(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	s32 taken = pool_take();
	struct buffer *buffer;
	u32 index = taken;

	if (taken >= 0) {
		buffer = bpf_map_lookup_elem(&pool, &index);
		if (buffer)
			buffer->pooled = 1;
	} else {
		buffer = bpf_task_storage_get(&path_buffers, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	}
	if (!buffer)
		count(COUNT_NO_BUFFER);
	return buffer;
}

static __always_inline void buffer_give(struct buffer *buffer)
{
	if (buffer->pooled)
		__sync_lock_test_and_set(&buffer->taken, 0);
}

/*
 * A thread outside of sessions gets a state, whole; NULL where it could not be stored, or is in another session by now.
 * race: its own exec, its birth and the iterator may be at it at once; the first one's state is stored.
 */
static __always_inline struct task_state *task_mark(struct task_struct *task, struct task_state *mark)
{
	struct task_state *state = bpf_task_storage_get(&tasks, task, mark, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!state) {
		count(COUNT_NO_BUFFER);
		return NULL;
	}
	return state->slot == mark->slot && state->generation == mark->generation ? state : NULL;
}

/* The thread changes its session. race: slot and generation in one store, for who reads them meanwhile. */
static __always_inline void task_move(struct task_state *state, u32 slot, u32 generation)
{
	*(volatile u64 *)&state->slot = slot | (u64)generation << 32;
}

/* Whether this is the moment at which a thread begins to count; once, however it was marked. */
static __always_inline bool task_counts(struct task_state *state)
{
	return __sync_val_compare_and_swap(&state->counted, TASK_NEW, TASK_COUNTED) == TASK_NEW;
}

static __always_inline void task_count(struct task_state *state)
{
	struct session *session;

	if (!task_counts(state))
		return;
	session = session_at(state->slot);
	if (session)
		__sync_fetch_and_add(&session->tasks, 1);
}
