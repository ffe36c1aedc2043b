/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a session begins and ends. It begins within the exec of an agent, or when user space adopts a process; it ends
 * with its last thread. A slot is taken by the one who moves `tasks` from 0 to 1.
 */
#pragma once

#include "event.h"
#include "rule.h"

struct slot_search {
	u32 from;
	u32 slot;
	struct session *session;
};

/* race: two execs may try one slot; the compare-and-swap gives it to one. bound: SESSIONS_MAX. */
static long slot_try(u32 index, struct slot_search *search)
{
	u32 slot = (search->from + index) % SESSIONS_MAX;
	struct session *session = session_at(slot);

	if (!session || session->tasks || __sync_val_compare_and_swap(&session->tasks, 0, 1))
		return 0;
	search->session = session;
	search->slot = slot;
	return 1;
}

static __always_inline struct control *control(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&controls, &zero);
}

static __always_inline u32 role_of_user(u32 uid)
{
	u32 *role = bpf_map_lookup_elem(&users, &uid);

	return role ? *role : 0;
}

/* What a new session takes from where it begins. */
struct birth {
	const struct session *parent; /* NULL where it has none */
	u32 parent_slot;
	u32 agent;
	u32 flags;
	u32 uid;
	u32 loginuid;
	u32 role;
	u32 pid;
	u32 cause;
	u64 started; /* of the process */
	u64 denied;
	u32 only;
};

/*
 * A child is never looser than its parent: it observes only where that one does. A host entry that observes, an editor in
 * whose terminals a person types, says nothing of the agents that are started there.
 */
static __always_inline u32 child_flags(const struct session *parent, u32 own)
{
	if (!(parent->flags & SESSION_OBSERVE))
		return own & ~SESSION_OBSERVE;
	return parent->flags & SESSION_HOST ? own : own | SESSION_OBSERVE;
}

static __always_inline void session_fill(struct session *session, const struct birth *birth, u64 id)
{
	session->id = id;
	session->started = bpf_ktime_get_boot_ns();
	session->generation++;
	session->agent = birth->agent;
	session->flags = birth->flags;
	session->uid = birth->uid;
	session->loginuid = birth->loginuid;
	session->role = birth->role;
	session->root_pid = birth->pid;
	session->root_started = birth->started;
	session->cause = birth->cause;
	session->parent = 0;
	session->parent_slot = 0;
	session->taints = 0;
	session->switches = 0;
	session->refused = 0;
	session->folded = 0;
	session->denied = birth->denied;
	session->only = birth->only;
	session->relief = 0;
	session->seen = 0;
	if (birth->parent) {
		session->parent = birth->parent->id;
		session->parent_slot = birth->parent_slot;
		session->taints = birth->parent->taints;
		session->switches = birth->parent->switches;
		session->role = birth->parent->role;
		session->flags = child_flags(birth->parent, birth->flags);
		session->denied = birth->parent->denied;
		session->only = birth->parent->only;
		session->relief = birth->parent->relief;
	}
}

/* A session with one task, which the caller marks; NULL where no slot is free. */
static __always_inline struct session *session_begin(const struct birth *birth, u32 *slot)
{
	struct slot_search search = {};
	struct control *c = control();

	if (!c)
		return NULL;
	search.from = c->next_slot;
	bpf_loop(SESSIONS_MAX, slot_try, &search, 0);
	if (!search.session) {
		count(COUNT_SESSIONS_FULL);
		return NULL;
	}
	c->next_slot = search.slot + 1;
	session_fill(search.session, birth, __sync_fetch_and_add(&c->next_session, 1) + 1);
	count(COUNT_SESSIONS_STARTED);
	*slot = search.slot;
	return search.session;
}

static __always_inline void session_record(struct event_session *event, u16 kind, const struct task_state *state,
					   const struct session *session)
{
	event_head(&event->head, kind, state, session);
	event->parent = session->parent;
	event->loginuid = session->loginuid;
	event->cause = session->cause;
	event->refused = session->refused;
	event->folded = session->folded;
}

/* Nobody came to be in it, so nobody is told of it. */
static __always_inline void session_undo(struct session *session)
{
	count(COUNT_SESSIONS_ENDED);
	__sync_fetch_and_add(&session->tasks, -1);
}

/*
 * A thread that was counted is no more. race: the slot may be given out again the moment tasks is 0, so what the record
 * says is taken before. verifier: a frame of its own, or the callers' grow too large.
 */
static __noinline void session_part(const struct task_state *state)
{
	struct session *session = session_at(state->slot);
	struct event_session event = {};

	if (!session)
		return;
	session_record(&event, EVENT_SESSION_END, state, session);
	if (__sync_fetch_and_add(&session->tasks, -1) != 1)
		return;
	count(COUNT_SESSIONS_ENDED);
	EVENT_SEND_BARE(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, &event);
}

/* A thread has ended. race: the iterator may find it after that, or may be marking it; whoever comes second sees so. */
static __always_inline void session_leave(struct task_state *state)
{
	if (__sync_lock_test_and_set(&state->counted, TASK_LEFT) == TASK_COUNTED)
		session_part(state);
}
