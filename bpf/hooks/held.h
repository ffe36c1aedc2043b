/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a session had open before it was one: its files and sockets were opened unjudged, so they are noted, with what
 * policy says of them now.
 */
#pragma once

#include "socket.h"
#include "terminal.h"

static __always_inline void held_judge(const struct task_state *state, const struct session *session, const u8 *table,
				       struct task_struct *task, struct buffer *buffer)
{
	const struct question *q = &buffer->question;
	struct subject who = subject_of(state, session);
	struct event_access *event = &buffer->access;
	u32 marks = 0;

	who.masks = buffer->masks;
	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_HELD, state, session);
	event_of(&event->head, task);
	event->head.view = buffer->name.view;
	event->head.op = q->op;
	if (buffer->name.view == VIEW_HOST)
		event->label[0] = walk_path(table, ENGINE_PATHS, buffer->text, buffer->name.offset);
	if (q->op != OP_NET_FAMILY)
		judge_action(&event->head, table, &who, q, buffer->name.view, event->label, &marks);
	event->head.policy = FIELD(table, u64, __builtin_offsetof(struct table_header, generation));
	record_object(event, q, &buffer->name, &buffer->source);
	access_send(buffer);
}

/* No socket passes security_file_open, so what policy says of opening says nothing of it. */
static __always_inline struct question held_question(struct file *file)
{
	struct question socket = { .op = OP_NET_FAMILY, .wanted = file->f_flags };

	if ((file->f_inode->i_mode & S_IFMT) == S_IFSOCK)
		return socket;
	return question_of_open(file->f_flags, file->f_mode);
}

static __always_inline void held_note(const struct task_state *state, const struct session *session,
				      struct task_struct *task, struct file *file)
{
	const u8 *table = table_now();
	struct buffer *buffer;

	if (!table)
		return;
	buffer = buffer_take();
	if (!buffer)
		return;
	buffer->question = held_question(file);
	source_of(&buffer->source, file->f_path.dentry, file->f_inode);
	name_of(buffer);
	held_judge(state, session, table, task, buffer);
	buffer_give(buffer);
}

/* A socket of the Internet is judged from now on, whoever connected it: packets know nobody but their socket. */
static __always_inline void held_socket(const struct task_state *state, struct task_struct *task, struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);
	struct sock *sock = socket ? socket->sk : NULL;
	struct socket_tag *tag;

	if (!sock || !of_internet(sock))
		return;
	tag = socket_tag(sock);
	if (!tag || tag_given(tag))
		return;
	tag_owner(tag, sock, state, SOCKET_HELD);
	tag_other(tag, task);
}

/*
 * One open file of one task. kernel: the iterator leaves out threads that share their leader's files. A session that an exec
 * began has opened nothing unjudged since; O_PATH reads nothing, and the terminal that it runs in is its own. race: a file that
 * a found session opens between its mark and its turn here is recorded as opened and as held. bound: what lies in an io_uring's
 * table or on its way through a socket has no descriptor, and is not seen.
 */
static __always_inline int seed_file(struct task_struct *task, struct file *file)
{
	u32 zero = 0;
	struct seed *seed = bpf_map_lookup_elem(&seeds, &zero);
	struct task_state *state;
	struct session *session;

	if (!seed || !task || !file || (file->f_flags & O_PATH))
		return 0;
	state = bpf_task_storage_get(&tasks, task, NULL, 0);
	if (!state)
		return 0;
	session = session_of(state);
	if (!session || session->id <= seed->after)
		return 0;
	held_socket(state, task, file);
	if (session->cause == CAUSE_EXEC || seed->mode == SEED_SOCKETS || terminal(file->f_inode))
		return 0;
	held_note(state, session, task, file);
	return 0;
}
