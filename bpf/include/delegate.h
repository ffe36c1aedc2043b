/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Servers outside of sessions that a rule let a session speak with: what they start soon after may be on its behalf. One that no
 * rule is about is none: everybody speaks with those.
 */
#pragma once

#include "event.h"

/* kernel: whoever listens leaves his process with the socket (net/unix/af_unix.c:init_peercred); of a datagram's nobody does. */
static __always_inline u32 delegate_peer(struct sock *server)
{
	struct pid *pid = server->sk_peer_pid;

	return pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
}

static __always_inline struct control *delegate_control(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&controls, &zero);
}

/* The name in the buffer was let by a rule. verifier: a frame of its own, beside that of the records. */
__noinline int delegate_note(struct buffer *buffer)
{
	struct delegate delegate = {};
	struct control *control = delegate_control();
	u32 peer;

	if (!buffer || !control || !buffer->question.peer)
		return 0;
	peer = buffer->question.peer;
	delegate.session = buffer->access.head.session;
	delegate.principal = buffer->access.head.principal;
	delegate.since = buffer->access.head.time;
	delegate.until = bpf_jiffies64() + DELEGATE_SECONDS * cfg_second;
	bpf_map_update_elem(&delegates, &peer, &delegate, BPF_ANY);
	control->delegates = delegate.until;
	return 0;
}
