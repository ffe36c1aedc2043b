/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a session left behind and somebody else runs: executed, or mapped as a library is, outside of every session or in one that
 * neither wrote it nor began inside of the one that did. It is told with the session that wrote, and never refused: outside of
 * sessions nothing is. The agent's own program is left out, for what executes it is a session from there on.
 *
 * Not here: what an interpreter reads as a program. Nothing in the kernel tells that from reading; user space looks at who opens
 * (sensor/sourced).
 */
#pragma once

#include "../include/judge.h"

/*
 * Whether the file's turn has come to be told: once a second, whoever runs it how often. race: two of one moment, of which the
 * compare-and-swap lets one tell; a repeat may be lost between its reading and its writing.
 * A mapping is no act of its own beside the exec that caused it, and is not counted.
 */
static __always_inline bool derived_due(struct written_by *by, u32 op)
{
	u32 now = bpf_jiffies64();
	u32 until = by->told;

	if (!until || until - now > cfg_second)
		return __sync_val_compare_and_swap(&by->told, until, now + cfg_second) == until;
	if (op == OP_EXEC && by->repeats < 0xffff)
		by->repeats++;
	return false;
}

/* Which session executes it; 0 outside of all. */
static __always_inline const struct session *derived_session(const struct task_state *state)
{
	return state ? session_of(state) : NULL;
}

/* The record is the session's that brought it about; who acts is told beside. */
static __always_inline void derived_head(struct event_derived *event, u64 session, u32 principal, u32 op)
{
	__builtin_memset(event, 0, sizeof(*event));
	event_actor(&event->head, EVENT_DERIVED);
	event->head.op = op;
	event->head.session = session;
	event->head.principal = principal;
	event->head.action = ACTION_ALLOW;
}

/* The file is named in the buffer. */
static __always_inline void derived_send(struct buffer *buffer)
{
	struct event_derived *event = &buffer->derived;

	event->head.view = buffer->name.view;
	event->inode = buffer->source.inode;
	event->inode_generation = buffer->source.generation;
	event->device = buffer->source.device;
	event->text = buffer->name.length;
	event->head.size = sizeof(*event) + buffer->name.length;
	EVENT_SEND(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, event, buffer->name.length,
		   event_name(&entry, sizeof(*event), buffer));
}

/* verifier: a frame of its own, beside those of the exec and of the walk. */
static __noinline void derived_record(struct buffer *buffer, struct written_by *by, u64 session, u32 op)
{
	struct event_derived *event = &buffer->derived;

	derived_head(event, by->session, by->principal, op);
	event->by = session;
	event->since = by->time;
	event->repeats = by->repeats;
	by->repeats = 0;
	derived_send(buffer);
}

/* Whether somebody else wrote the file, and it is to be told now. */
static __always_inline bool derived_from(const struct session *session, struct written_by *by, u32 op)
{
	if (session && (session->id == by->session || session->parent == by->session))
		return false;
	return derived_due(by, op);
}

/*
 * The file that is executed is named in the buffer already, for the catalogue: what this costs a bystander is one look-up. Another
 * session's exec is told although its own verdict, which follows, may yet refuse it.
 */
static __always_inline void derived_exec(const struct task_state *state, struct buffer *buffer, struct inode *inode)
{
	struct written_by *by = written_lately(inode);
	const struct session *session;

	if (!by)
		return;
	session = derived_session(state);
	if (derived_from(session, by, OP_EXEC))
		derived_record(buffer, by, session ? session->id : 0, OP_EXEC);
}

static __always_inline void derived_map(const struct task_state *state, struct file *file, struct written_by *by)
{
	const struct session *session = derived_session(state);
	struct buffer *buffer;

	if (!derived_from(session, by, OP_EXEC_MAP))
		return;
	buffer = buffer_take();
	if (!buffer)
		return;
	source_of(&buffer->source, file->f_path.dentry, file->f_inode);
	name_of(buffer);
	derived_record(buffer, by, session ? session->id : 0, OP_EXEC_MAP);
	buffer_give(buffer);
}
