/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Unix sockets: who may speak to which server. A server outside of the session acts with its own rights, for whoever asks:
 * docker, D-Bus, the service manager, an editor, a terminal multiplexer. Its name is what it bound, whatever way led there:
 * the path of the socket in the host's view, or a name in no file system. What a session serves itself is its own.
 */
#pragma once

#include "../include/judge.h"

/* A copy of the bytes of a name that is in no file system. */
struct abstract {
	u8 byte[SUN_PATH_MAX];
};

/*
 * Bytes up to the last that is none of the NULs that fill up; those inside become @, as everywhere that shows such names.
 * verifier: no branch in the loop.
 */
static __always_inline u32 abstract_length(struct abstract *name)
{
	u32 length = 0;

	for (u32 i = 0; i < SUN_PATH_MAX; i++) {
		u32 full = 0 - NONZERO(name->byte[i]);

		length = (length & ~full) | ((i + 1) & full);
		name->byte[i] |= '@' & ~full;
	}
	return length;
}

/*
 * Names what has its address in the buffer's source: /@NAME. kernel: the first byte of sun_path is NUL there, and len counts
 * what the caller gave. verifier: global, as name_of.
 */
__noinline int name_abstract(struct buffer *buffer)
{
	struct abstract name = {};
	struct unix_address *from;
	u32 length;
	u32 at;

	if (!buffer)
		return 0;
	from = (struct unix_address *)buffer->source.node;
	length = BPF_CORE_READ(from, len) - __builtin_offsetof(struct sockaddr_un, sun_path) - 1;
	bpf_probe_read_kernel(name.byte, BOUNDED(length, SUN_PATH_MAX - 1),
			      (void *)(buffer->source.node + bpf_core_field_offset(struct unix_address, name) +
				       __builtin_offsetof(struct sockaddr_un, sun_path) + 1));
	length = BOUNDED(abstract_length(&name), SUN_PATH_MAX - 1);
	at = TEXT_END - length;
	bpf_probe_read_kernel(buffer->text + (at & (TEXT_MAX - 1)), length, name.byte);
	buffer->text[(at - 1) & (TEXT_MAX - 1)] = '@';
	buffer->text[(at - 2) & (TEXT_MAX - 1)] = '/';
	buffer->text[TEXT_END] = 0;
	__builtin_memset(&buffer->name, 0, sizeof(buffer->name));
	buffer->name.offset = at - 2;
	buffer->name.length = length + 2;
	return 0;
}

static __always_inline int judge_abstract(struct task_state *state, struct unix_address *address,
					  const struct question *q)
{
	struct buffer *buffer = buffer_take();
	int error;

	if (!buffer)
		return judge_blind(state, q->op);
	buffer->question = *q;
	__builtin_memset(&buffer->source, 0, sizeof(buffer->source));
	buffer->source.node = (u64)address;
	name_abstract(buffer);
	error = judge_buffer(state, buffer);
	buffer_give(buffer);
	return error;
}

static __always_inline bool server_inside(const struct task_state *state, struct sock *sock)
{
	u64 cookie = bpf_get_socket_cookie(sock);
	struct owner *owner = bpf_map_lookup_elem(&servers, &cookie);

	return owner && session_inside(state, owner->slot, owner->generation);
}

/* One of a pair has no name: who has the other one got it with it. */
static __always_inline int unix_judge(struct sock *server)
{
	struct question q = { .op = OP_UNIX_CONNECT };
	struct task_state *state = task_state();
	struct unix_address *address;
	struct unix_sock *sock;
	struct dentry *dentry;

	if (!state)
		return 0;
	sock = bpf_skc_to_unix_sock(server);
	if (!sock)
		return judge_blind(state, q.op);
	address = sock->addr;
	if (!address || server_inside(state, server))
		return 0;
	q.peer = delegate_peer(server);
	dentry = sock->path.dentry;
	return dentry ? judge(state, dentry, dentry->d_inode, &q) : judge_abstract(state, address, &q);
}

/* security_unix_stream_connect: the server is found, whose name cannot change any more. */
static __always_inline int decide_connect(struct sock *server)
{
	return unix_judge(server);
}

/* security_unix_may_send: each datagram, and the connecting of datagram sockets. */
static __always_inline int decide_send(struct socket *server)
{
	struct sock *sock = server->sk;

	return sock ? unix_judge(sock) : 0;
}

/*
 * A unix socket gets its name: the session's own server. One that has a name already was named by somebody else, or by this
 * session before.
 */
static __always_inline void observe_bind(struct task_state *state, struct sock *sock)
{
	struct unix_sock *server = bpf_skc_to_unix_sock(sock);
	struct owner owner = {};
	u64 cookie;

	if (!server || server->addr)
		return;
	cookie = bpf_get_socket_cookie(sock);
	owner.slot = state->slot;
	owner.generation = state->generation;
	bpf_map_update_elem(&servers, &cookie, &owner, BPF_ANY);
}
