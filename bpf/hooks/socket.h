/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose is a socket? It is marked where it is made, where it comes from somebody else, and where it was open before its process
 * was a session's; packets know nobody but it. kernel: what modifies functions may not store with sockets, what enters them may;
 * so the marking programs return nothing, and kill who has a socket that cannot be marked.
 */
#pragma once

#include "family.h"
#include "listen.h"
#include "unix.h"

static __always_inline void tag_task(struct socket_tag *tag, const struct task_state *state)
{
	struct task_struct *task = bpf_get_current_task_btf();

	tag->started = task->group_leader->start_boottime;
	tag->pid = task->tgid;
	tag->tid = task->pid;
	tag->uid = task->cred->uid.val;
	tag->task = (task->pid == task->tgid ? 0 : EVENT_THREAD) | (state->flags & TASK_TOLD) * EVENT_AGENT;
	copy_words(tag->comm, task->comm, sizeof(tag->comm));
}

/* Of TCP or UDP: all others have no ports, and are judged by number. */
static __always_inline bool ordinary(u32 type, u32 protocol)
{
	return (type == SOCK_STREAM && protocol == IPPROTO_TCP) || (type == SOCK_DGRAM && protocol == IPPROTO_UDP);
}

static __always_inline void tag_owner(struct socket_tag *tag, struct sock *sock, const struct task_state *state,
				      u16 flags)
{
	tag->slot = state->slot;
	tag->generation = state->generation;
	tag->principal = state->principal;
	tag->space = sock->__sk_common.skc_net.net->ns.inum;
	if (tag->space == cfg_network)
		flags |= SOCKET_HOST;
	if (ordinary(sock->sk_type, sock->sk_protocol))
		flags |= SOCKET_ORDINARY;
	tag->flags = flags;
}

/* Of a task that is not the one that runs: an iterator's. */
static __always_inline void tag_other(struct socket_tag *tag, struct task_struct *task)
{
	tag->started = BPF_CORE_READ(task, group_leader, start_boottime);
	tag->pid = tag->tid = task->tgid;
	tag->uid = BPF_CORE_READ(task, cred, uid.val);
	bpf_probe_read_kernel_str(tag->comm, sizeof(tag->comm), task->comm);
}

/* A socket's mark, made where it has none; NULL where that cannot be. */
static __always_inline struct socket_tag *socket_tag(struct sock *sock)
{
	struct socket_tag *tag = bpf_sk_storage_get(&sockets, sock, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!tag)
		count(COUNT_SOCKET_UNTAGGED);
	return tag;
}

/* One that is marked already is whose it was. No session's generation is 0. */
static __always_inline bool tag_given(const struct socket_tag *tag)
{
	return tag->generation;
}

static __always_inline void socket_mark(struct sock *sock, const struct task_state *state, u16 flags)
{
	struct socket_tag *tag = socket_tag(sock);

	if (!tag) {
		bpf_send_signal(SIGKILL);
		return;
	}
	if (tag_given(tag))
		return;
	tag_owner(tag, sock, state, flags);
	tag_task(tag, state);
}

/* security_socket_post_create. */
static __always_inline int socket_made(struct socket *socket, u32 kernel)
{
	struct task_state *state = kernel ? NULL : task_state();
	struct sock *sock = state ? socket->sk : NULL;

	if (sock && of_internet(sock))
		socket_mark(sock, state, 0);
	return 0;
}

/*
 * cgroup/sock_create, where kernels let its programs know tasks: nothing leaves such a program out, as tracing ones are on a kernel
 * that preempts itself. It comes before security_socket_post_create, and not for the kernel's own sockets. Where nothing else
 * decides, it does on kinds of sockets of the Internet, and no socket is without a mark.
 */
static __always_inline int socket_created(struct bpf_sock *sock)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = task_state();
	struct socket_tag *tag;

	if (!state)
		return 0;
	if (cfg_form == FORM_NETWORK && decide_socket(sock->family, sock->type, sock->protocol, 0))
		return -EPERM;
	tag = bpf_sk_storage_get(&sockets, sock, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!tag) {
		count(COUNT_SOCKET_UNTAGGED);
		return cfg_form == FORM_NETWORK ? -EPERM : 0;
	}
	tag->slot = state->slot;
	tag->generation = state->generation;
	tag->principal = state->principal;
	tag->space = task->nsproxy->net_ns->ns.inum;
	tag->flags = tag->space == cfg_network ? SOCKET_HOST : 0;
	if (ordinary(sock->type, sock->protocol))
		tag->flags |= SOCKET_ORDINARY;
	tag_task(tag, state);
	return 0;
}

/* security_file_receive: by a unix socket, or by pidfd_getfd(2). */
static __always_inline int socket_received(struct file *file)
{
	struct task_state *state = task_state();
	struct socket *socket = state ? bpf_sock_from_file(file) : NULL;
	struct sock *sock = socket ? socket->sk : NULL;

	if (sock && of_internet(sock))
		socket_mark(sock, state, SOCKET_HELD);
	return 0;
}

/* kernel: inet_listen() asks so itself, but behind the hook. */
static __always_inline bool socket_unconnected(const struct sock *sock)
{
	u8 state = sock->__sk_common.skc_state;

	return state == SOCKET_CLOSED || state == SOCKET_LISTENS;
}

/*
 * security_socket_listen, beside the program that decides: what it accepts is answered. One that may not listen and connects
 * instead begins with a SYN, which takes this away. race: it may begin meanwhile, and its SYN be gone; so its state is asked
 * once more.
 */
static __always_inline int socket_serves(struct socket *socket)
{
	struct task_state *state = task_state();
	struct sock *sock = state ? socket->sk : NULL;
	struct socket_tag *tag;

	if (!sock || !of_internet(sock))
		return 0;
	tag = bpf_sk_storage_get(&sockets, sock, NULL, 0);
	if (!tag || !socket_unconnected(sock))
		return 0;
	__sync_lock_test_and_set(&tag->serves, 1);
	if (!socket_unconnected(sock))
		tag->serves = 0;
	return 0;
}

/* security_socket_bind */
static __always_inline int socket_bound(struct socket *socket, struct sockaddr *address, int length)
{
	struct task_state *state = task_state();
	struct sock *sock = state ? socket->sk : NULL;

	if (!sock)
		return 0;
	if (of_internet(sock))
		return decide_bind(state, sock, address, length);
	if (sock->__sk_common.skc_family == AF_UNIX)
		observe_bind(state, sock);
	return 0;
}
