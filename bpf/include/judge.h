/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From an act of a session task to what the kernel answers: name, label, action, record, errno. Every hook that judges
 * a file ends here. What cannot be decided is refused for sessions that are enforced, and counted.
 */
#pragma once

#include "event.h"
#include "path.h"
#include "rule.h"

/* The table in force: look it up once per hook, so that one verdict sees one generation. */
static __always_inline const u8 *table_now(void)
{
	u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&tables, &zero);

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

static __always_inline bool session_enforced(const struct session *session, const u8 *table)
{
	if (session->flags & SESSION_OBSERVE)
		return false;
	return !table || table_u32(table, role_offset(table, session->role));
}

static __always_inline struct subject subject_of(const struct task_state *state, const struct session *session)
{
	struct subject who = {
		.role = session->role,
		.principal = state->principal,
		.taints = session->taints,
	};

	return who;
}

/* The errno an operation is refused with (the policy language fixes it). */
static __always_inline int op_errno(u32 op)
{
	return op >= OP_FILE_READ && op <= OP_FILE_ATTR ? -EACCES : -EPERM;
}

static __always_inline int refuse_blind(const struct session *session, const u8 *table, u32 op)
{
	return session_enforced(session, table) ? op_errno(op) : 0;
}

/* marks are the taints that the act sets where it is not refused. */
static __always_inline u32 judge_op(const u8 *table, const struct subject *who, u32 op, u32 view, const u64 *label,
				    u32 *marks)
{
	u32 action;
	u64 met;

	if (view != VIEW_HOST)
		return rule_view(table, who, op, view);
	action = rule_path(table, who, op, label, &met);
	if (op == OP_FILE_READ)
		*marks |= rule_marks(table, met);
	return action;
}

static __always_inline void record_object(struct event_access *event, const struct question *q, const struct name *name,
					  const struct source *source)
{
	event->inode = source->inode;
	event->inode_generation = source->generation;
	event->device = source->device;
	event->wanted = q->wanted;
	event->text = name->length;
}

/* A session that is only observed records what would have happened. */
static __always_inline int judge_apply(struct session *session, const u8 *table, struct event_header *head)
{
	head->policy = FIELD(table, u64, __builtin_offsetof(struct table_header, generation));
	count(COUNT_JUDGED);
	if (!action_refuses(head->action))
		return 0;
	if (!session_enforced(session, table))
		return 0;
	head->flags |= EVENT_APPLIED;
	head->error = op_errno(head->op);
	__sync_fetch_and_add(&session->refused, 1);
	count(COUNT_REFUSED);
	if (head->action == ACTION_KILL)
		bpf_send_signal(SIGKILL);
	return head->error;
}

static __always_inline void judge_action(struct event_header *head, const u8 *table, const struct subject *who,
					 const struct question *q, u32 view, const u64 *label, u32 *marks)
{
	u32 second;

	head->view = view;
	head->op = q->op;
	head->action = judge_op(table, who, q->op, view, label, marks);
	FORGET();
	if (!q->second)
		return;
	second = judge_op(table, who, q->second, view, label, marks);
	if (second >= head->action)
		return;
	head->op = q->second;
	head->action = second;
	FORGET();
}

/* What was read marks the session: every task of it is bound at its next hook. */
static __always_inline void judge_mark(struct session *session, struct event_header *head, u32 marks)
{
	if (!(marks & ~session->taints))
		return;
	__sync_fetch_and_or(&session->taints, marks);
	head->taints |= marks;
}

static __always_inline int judge_named(struct task_state *state, struct session *session, const u8 *table,
				       struct buffer *buffer)
{
	const struct question *q = &buffer->question;
	const struct name *name = &buffer->name;
	struct subject who = subject_of(state, session);
	struct event_access *event = &buffer->access;
	u32 marks = 0;
	int error;

	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_ACCESS, state, session);
	event->head.flags |= q->flags;
	if (name->view == VIEW_HOST)
		event->label[0] = walk_path(table, ENGINE_PATHS, buffer->text, name->offset);
	judge_action(&event->head, table, &who, q, name->view, event->label, &marks);
	error = judge_apply(session, table, &event->head);
	if (!error)
		judge_mark(session, &event->head, marks);
	if (q->quiet && event->head.action == ACTION_ALLOW)
		return error;
	record_object(event, q, name, &buffer->source);
	EVENT_SEND_NAME(event, buffer);
	return error;
}

/* The object is named in the buffer already. verifier: global, as name_of. */
__noinline int judge_buffer(struct task_state *state, struct buffer *buffer)
{
	const u8 *table = table_now();
	struct session *session;

	if (!state || !buffer)
		return -EPERM;
	session = session_of(state);
	if (!session)
		return op_errno(buffer->question.op);
	if (!table) {
		count(COUNT_NO_TABLE);
		return refuse_blind(session, table, buffer->question.op);
	}
	return judge_named(state, session, table, buffer);
}

/* No buffer: the object cannot even be named. */
static __always_inline int judge_blind(const struct task_state *state, u32 op)
{
	struct session *session = session_of(state);

	return session ? refuse_blind(session, table_now(), op) : op_errno(op);
}

/* The whole of a hook on a file for a session task. */
static __always_inline int judge(struct task_state *state, struct file *file, const struct question *q)
{
	struct buffer *buffer = buffer_take();
	int error;

	if (!buffer)
		return judge_blind(state, q->op);
	buffer->question = *q;
	source_of(&buffer->source, file);
	name_of(buffer);
	error = judge_buffer(state, buffer);
	buffer_give(buffer);
	return error;
}
