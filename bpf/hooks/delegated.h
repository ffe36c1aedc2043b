/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a server starts soon after a session spoke with it: a terminal multiplexer its shells, a service manager its units, an editor
 * its tasks. Nothing ties such a program to the session but the moment, so that it is told as evidence, and never refused.
 */
#pragma once

#include "derived.h"

/* The server that started who acts, if it is one that a session just spoke with. */
static __always_inline struct delegate *delegated_by(u32 *server)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 now = bpf_jiffies64();

	for (u32 i = 0; i < DELEGATE_DEPTH; i++) {
		struct delegate *delegate;

		task = BPF_CORE_READ(task, real_parent);
		*server = BPF_CORE_READ(task, tgid);
		delegate = bpf_map_lookup_elem(&delegates, server);
		if (delegate && delegate->until > now)
			return delegate;
	}
	return NULL;
}

/* verifier: a frame of its own, as derived_record. */
static __noinline void delegated_record(struct buffer *buffer)
{
	struct event_derived *event = &buffer->derived;
	u32 server = 0;
	struct delegate *delegate = delegated_by(&server);

	if (!delegate)
		return;
	derived_head(event, delegate->session, delegate->principal, OP_UNIX_CONNECT);
	event->since = delegate->since;
	event->server = server;
	derived_send(buffer);
}

/* Somebody outside of sessions executes what is named in the buffer. */
static __always_inline void delegated_exec(struct buffer *buffer)
{
	struct control *control = delegate_control();

	if (control && control->delegates > bpf_jiffies64())
		delegated_record(buffer);
}
