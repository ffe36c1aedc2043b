/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * connect(2), for an error at once: what its first packet would be refused, it is refused here. Programs of cgroups sit on it in
 * every form, because they alone can ask who listens on the machine itself. Datagrams are let go: programs connect them to sort
 * addresses, and each of them is judged when it leaves.
 */
#pragma once

#include "leave.h"

/* No address at all is this machine. */
static __always_inline void connect_loopback(u8 *address)
{
	if (address_class(address) != ADDRESS_NONE)
		return;
	if (address[10] == 0xff)
		address[12] = 127;
	address[15] = 1;
}

/* A socket may be connected by others than made it. */
static __always_inline void connect_task(struct socket_tag *tag)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (tag->pid == (u32)task->tgid)
		return;
	tag->started = task->group_leader->start_boottime;
	tag->pid = task->tgid;
	tag->tid = task->pid;
	tag->uid = task->cred->uid.val;
	tag->task &= EVENT_THREAD;
	copy_words(tag->comm, task->comm, sizeof(tag->comm));
}

static __always_inline int connect_judge(struct bpf_sock_addr *way, struct socket_tag *tag,
					 const struct session *session, const u8 *address)
{
	u64 print = route_print(session, address, bpf_ntohs(way->user_port), way->protocol);
	struct buffer *buffer = packet_buffer();
	u32 port = bpf_ntohs(way->user_port);
	int error;

	if (!buffer)
		return refuse_blind(session, table_now(), OP_NET_ADDR);
	route_flow(&buffer->flow, tag, address, port, way->protocol, 0);
	leave_reach(tag, buffer, true);
	error = name_apply(tag, buffer, bpf_get_socket_cookie(way));
	if (!error) {
		tag->allowed = print;
		tag->flags |= SOCKET_ASKED;
	}
	buffer_give(buffer);
	return error;
}

/* verifier: as leave_own. */
static __noinline bool connect_own(struct bpf_sock_addr *way, struct socket_tag *tag, const u8 *address, u32 port)
{
	return ROUTE_OWN(way, tag, address, port, 0, IPPROTO_TCP);
}

static __always_inline int connect_to(struct bpf_sock_addr *way, const u8 *to)
{
	struct bpf_sock *sock = way->sk;
	struct session *session;
	struct socket_tag *tag;
	u8 address[16] AT_WORDS;
	u32 port;

	if (!sock || way->type != SOCK_STREAM)
		return 0;
	tag = bpf_sk_storage_get(&sockets, sock, NULL, 0);
	if (!tag || sock->state != SOCKET_CLOSED)
		return 0;
	session = tag_session(tag);
	if (!session)
		return 0;
	copy_words(address, to, sizeof(address));
	connect_loopback(address);
	connect_task(tag);
	port = bpf_ntohs(way->user_port);
	if (port == PORT_DNS && route_resolver(tag, address))
		return 0;
	if (address_loopback(address) && connect_own(way, tag, address, port))
		return 0;
	return connect_judge(way, tag, session, address);
}

/* cgroup/connect4 */
static __always_inline int connect_four(struct bpf_sock_addr *way)
{
	u8 address[16] AT_WORDS;

	address_four(address, way->user_ip4);
	return connect_to(way, address);
}

/* cgroup/connect6 */
static __always_inline int connect_six(struct bpf_sock_addr *way)
{
	u32 six[4] = { way->user_ip6[0], way->user_ip6[1], way->user_ip6[2], way->user_ip6[3] };

	return connect_to(way, (const u8 *)six);
}
