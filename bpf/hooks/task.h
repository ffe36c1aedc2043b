/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Threads and processes of a session: they inherit, count, and end it. And those that were there before the sensor. */
#pragma once

#include "../include/judge.h"
#include "../include/session.h"

/*
 * security_task_alloc, not the fork tracepoint: io_uring workers are made by copy_process too, and pass only here.
 * A child whose state cannot be stored is not born.
 */
static __always_inline int inherit_task(struct task_struct *child)
{
	struct task_state *state = task_state();
	struct task_state own;

	if (!state)
		return 0;
	own = *state;
	own.counted = TASK_NEW;
	own.opened = own.mapped = 0;
	if (bpf_task_storage_get(&tasks, child, &own, BPF_LOCAL_STORAGE_GET_F_CREATE))
		return 0;
	count(COUNT_FORK_REFUSED);
	return -ENOMEM;
}

/*
 * One that forks and ends, again and again, is gone before anybody who looks through all processes comes to it. So whoever is to be
 * killed bears none, nor who goes on when a session is frozen. A thread is reached with its process. EAGAIN, as where there are too
 * many: who waits for that to change goes on after a thaw.
 */
static __always_inline int decide_fork(struct task_struct *child, u64 clone_flags)
{
	struct task_state *state = task_state();
	struct session *session = state ? session_of(state) : NULL;

	if (session && session->switches & (SWITCH_KILL | SWITCH_NO_FORK) && !(clone_flags & CLONE_THREAD))
		return -EAGAIN;
	return inherit_task(child);
}

/* A thread begins to count. One that has ended is marked for what descends from it, and leaves at once. */
static __always_inline void task_enter(struct task_struct *task, struct task_state *state)
{
	task_count(state);
	if (task->flags & PF_EXITING)
		session_leave(state);
}

/*
 * A thread that no hook marked joins another one's session; false where it did not. race: the mark is copied, not the
 * session looked up anew; a session that ended is noticed.
 */
static __always_inline bool task_join(struct task_struct *task, const struct task_state *theirs, u16 flags)
{
	struct session *session = session_of(theirs);
	struct task_state mark = *theirs;
	struct task_state *state;

	if (!session || !session->tasks)
		return false;
	mark.counted = TASK_NEW;
	mark.flags = flags;
	mark.opened = mark.mapped = 0;
	state = task_mark(task, &mark);
	if (!state)
		return false;
	task_enter(task, state);
	return true;
}

/*
 * The child of a fork that no check has seen, or whose parent the iterator marked amid it. One that cannot be marked costs
 * its parent's life.
 */
static __always_inline void inherit_late(struct task_struct *child)
{
	if (child->bpf_storage && bpf_task_storage_get(&tasks, child, NULL, 0))
		return;
	if (inherit_task(child) && cfg_form != FORM_OBSERVE)
		bpf_send_signal(SIGKILL);
}

static __always_inline void record_fork(struct task_struct *child, const struct task_state *state)
{
	struct session *session = session_of(state);
	struct event_process event = {};

	if (!session)
		return;
	event_head(&event.head, EVENT_FORK, state, session);
	event.parent_pid = event.head.pid;
	event.parent_started = event.head.started;
	event.head.pid = child->tgid;
	event.head.tid = child->pid;
	event.head.started = child->start_boottime;
	EVENT_SEND_BARE(activity, COUNT_ACTIVITY_LOST, activity_wake(sizeof(event)), &event);
}

/*
 * task_newtask, at the end of copy_process, where nothing can fail any more: a thread that task_alloc marked and that
 * was never born is not counted. The iterator sees the thread already, and may have counted it.
 */
static __always_inline int observe_newtask(struct task_struct *child, u64 clone_flags)
{
	struct task_state *state;

	inherit_late(child);
	state = child->bpf_storage ? bpf_task_storage_get(&tasks, child, NULL, 0) : NULL;
	if (!state)
		return 0;
	task_count(state);
	if (!(clone_flags & CLONE_THREAD))
		record_fork(child, state);
	return 0;
}

static __always_inline void record_exit(struct task_struct *task, const struct task_state *state)
{
	struct session *session = session_of(state);
	struct event_process event = {};

	if (!session || BPF_CORE_READ(task, signal, live.counter))
		return;
	event_head(&event.head, EVENT_EXIT, state, session);
	event.status = task->exit_code;
	EVENT_SEND_BARE(activity, COUNT_ACTIVITY_LOST, activity_wake(sizeof(event)), &event);
}

/* sched_process_exit runs in the thread that ends (kernel/exit.c:do_exit), after it left signal->live. */
static __always_inline int observe_exit(struct task_struct *task)
{
	struct task_state *state = task_state_own();

	if (!state)
		return 0;
	record_exit(task, state);
	session_leave(state);
	return 0;
}

/* Index + 1 of the lowest bit; 0 where there is none. */
static __always_inline u32 lowest(u64 bits)
{
	u32 index = 1;

	for (u32 half = 32; half; half /= 2) {
		if (!(bits & ((1ull << half) - 1))) {
			bits >>= half;
			index += half;
		}
	}
	return bits ? index : 0;
}

/*
 * The catalogue's row whose program was named in the buffer, index + 1; 0 for none. verifier: global, as name_of.
 */
__noinline int agent_of(struct buffer *buffer)
{
	const u8 *table = table_now();

	if (!buffer || !table || buffer->name.view != VIEW_HOST)
		return 0;
	return lowest(walk_path(table, ENGINE_AGENTS, buffer->text, buffer->name.offset));
}

static __always_inline u32 agent_field(u32 agent, u32 field)
{
	const u8 *table = table_now();

	if (!table || !agent)
		return 0;
	return table_u32(table, HEADER(table, agent_table) + (agent - 1) * sizeof(struct table_agent) + field);
}

/* Of a row that an executed file matched: the agent, index + 1, or 0 where the row is of scripts or interpreters. */
static __always_inline u32 agent_executed(u32 row)
{
	u32 flags = agent_field(row, __builtin_offsetof(struct table_agent, flags));

	return flags & (AGENT_SCRIPT | AGENT_INTERPRETER) ? 0 : row;
}

static __always_inline bool agent_interprets(u32 row)
{
	return agent_field(row, __builtin_offsetof(struct table_agent, flags)) & AGENT_INTERPRETER;
}

static __always_inline bool agent_relaunches(u32 row)
{
	return agent_field(row, __builtin_offsetof(struct table_agent, flags)) & AGENT_RELAUNCH;
}

static __always_inline u32 agent_id(u32 agent)
{
	return agent_field(agent, __builtin_offsetof(struct table_agent, id));
}

static __always_inline u32 agent_session_flags(u32 agent)
{
	u32 flags = agent_field(agent, __builtin_offsetof(struct table_agent, flags));

	return (flags & AGENT_HOST ? SESSION_HOST : 0) | (flags & AGENT_OBSERVE ? SESSION_OBSERVE : 0);
}

static __always_inline bool same_program(struct task_struct *task, struct task_struct *other)
{
	return task->mm && other->mm && task->mm->exe_file->f_inode == other->mm->exe_file->f_inode;
}

static __always_inline bool seed_from(struct task_struct *task, struct task_struct *other, struct seed *seed)
{
	struct task_state *theirs = bpf_task_storage_get(&tasks, other, NULL, 0);
	u16 flags;

	if (!theirs)
		return false;
	flags = same_program(task, other) ? theirs->flags : 0;
	if (!task_join(task, theirs, flags))
		return false;
	seed->marked++;
	return true;
}

static __always_inline u32 uid_of(struct task_struct *task)
{
	u32 loginuid = bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : NO_UID;

	return loginuid != (u32)NO_UID ? loginuid : BPF_CORE_READ(task, cred, uid.val);
}

/* What somebody says is an agent is taken for one: what it starts may be connectors. verifier: a frame of its own, beside that of naming. */
static __noinline void seed_begin(struct task_struct *task, struct seed *seed, u32 agent, u32 cause)
{
	struct birth birth = {
		.agent = agent ? agent_id(agent) : seed->agent,
		.flags = agent_session_flags(agent) | seed->flags,
		.uid = seed->pid ? seed->uid : uid_of(task),
		.loginuid = BPF_CORE_READ(task, loginuid.val),
		.pid = task->tgid,
		.started = BPF_CORE_READ(task, group_leader, start_boottime),
		.cause = cause,
		.denied = seed->denied,
		.only = seed->only,
	};
	struct event_session event = {};
	struct task_state mark = { .principal = PRINCIPAL_AGENT,
				   .flags = agent || seed->agent ? TASK_AGENT : 0,
				   .counted = TASK_COUNTED };
	struct task_state *state;
	struct session *session;

	birth.role = seed->pid ? seed->role : role_of_user(birth.uid);
	session = session_begin(&birth, &mark.slot);
	if (!session)
		return;
	mark.generation = session->generation;
	state = task_mark(task, &mark);
	if (!state) {
		session_undo(session);
		return;
	}
	seed->slot = mark.slot;
	seed->made++;
	seed->marked++;
	session_record(&event, EVENT_SESSION_START, &mark, session);
	event.head.pid = event.head.tid = task->tgid;
	event.head.started = birth.started;
	event.head.uid = birth.uid;
	EVENT_SEND_BARE(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, &event);
	task_enter(task, state);
}

static __always_inline void seed_agent(struct task_struct *task, struct seed *seed)
{
	struct mm_struct *mm = task->mm;
	struct file *file = mm ? mm->exe_file : NULL;
	struct buffer *buffer;
	u32 agent;

	if (!file)
		return;
	buffer = buffer_take();
	if (!buffer)
		return;
	source_of(&buffer->source, file->f_path.dentry, file->f_inode);
	name_of(buffer);
	agent = agent_executed(agent_of(buffer));
	buffer_give(buffer);
	if (agent)
		seed_begin(task, seed, agent, CAUSE_SEED);
}

/* A living process that is in a session, for a daemon that comes later than its fork. verifier: as seed_begin. */
static __noinline void record_present(struct task_struct *task, const struct task_state *state, u64 after)
{
	struct session *session = session_of(state);
	struct event_process event = {};

	if (!session || session->id <= after || task->pid != task->tgid || !BPF_CORE_READ(task, signal, live.counter))
		return;
	event_head(&event.head, EVENT_PRESENT, state, session);
	event_of(&event.head, task);
	event.parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	event.parent_started = BPF_CORE_READ(task, real_parent, group_leader, start_boottime);
	EVENT_SEND_BARE(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, &event);
}

/* What another ABI's programs know of a thread becomes ours. Its session lies in the same slot. */
static __always_inline void seed_carry(struct task_struct *task, struct seed *seed)
{
	struct task_state *theirs = bpf_task_storage_get(&tasks_before, task, NULL, 0);

	if (theirs && task_join(task, theirs, theirs->flags))
		seed->marked++;
}

/* Somebody lives in the session. A thread whose birth went by uncounted counts from now on. */
static __always_inline void sweep_task(struct task_struct *task, struct task_state *state, const struct seed *seed)
{
	struct session *session = session_at(state->slot);

	if (!session || session->generation != state->generation || (task->flags & PF_EXITING))
		return;
	task_count(state);
	session->swept = seed->sweep;
}

static long sweep_slot(u32 slot, struct seed **context)
{
	const struct seed *seed = *context;
	struct session *session = session_at(slot);
	struct task_state state = { .slot = slot, .principal = PRINCIPAL_AGENT };
	struct event_session event = {};
	u32 left = session ? session->tasks : 0;

	if (!left || session->id > seed->after || session->swept == seed->sweep)
		return 0;
	session_record(&event, EVENT_SESSION_END, &state, session);
	event.head.pid = event.head.tid = session->root_pid;
	event.head.started = session->root_started;
	if (__sync_val_compare_and_swap(&session->tasks, left, 0) != left)
		return 0;
	count(COUNT_SESSIONS_ENDED);
	count(COUNT_SESSIONS_SWEPT);
	EVENT_SEND_BARE(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, &event);
	return 0;
}

/*
 * Sessions whose last thread's end went by unseen. kernel: a tracing program is left out while the same one is at work on
 * that processor, which kernels that preempt themselves let happen at tracepoints too.
 */
static __always_inline void sweep_end(struct seed *seed)
{
	if (seed->mode == SEED_END)
		bpf_loop(SESSIONS_MAX, sweep_slot, &seed, 0);
}

/*
 * One thread of the iterator's pass. User space passes again until nothing was marked: what forks meanwhile inherits,
 * what was unmarked when its parent's turn came is found in the next pass.
 */
static __always_inline int seed_task(struct task_struct *task)
{
	u32 zero = 0;
	struct seed *seed = bpf_map_lookup_elem(&seeds, &zero);
	struct task_state *state;

	if (!seed)
		return 0;
	if (!task) {
		sweep_end(seed);
		return 0;
	}
	state = bpf_task_storage_get(&tasks, task, NULL, 0);
	if (!state && seed->mode == SEED_CARRY)
		seed_carry(task, seed);
	if (state && seed->mode == SEED_PRESENT)
		record_present(task, state, seed->after);
	else if (state && seed->mode >= SEED_SWEEP)
		sweep_task(task, state, seed);
	else if (state)
		task_count(state);
	if (state || seed->mode != SEED_MAKE)
		return 0;
	if (task->pid != task->tgid) {
		seed_from(task, task->group_leader, seed);
		return 0;
	}
	if (seed_from(task, task->real_parent, seed))
		return 0;
	if (!seed->pid)
		seed_agent(task, seed);
	else if ((u32)task->tgid == seed->pid && !seed->made)
		seed_begin(task, seed, 0, CAUSE_ADOPT);
	return 0;
}
