/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Answering: listen(2) of connections, bind(2) of datagrams to a port that the caller chose. Port 53 is nobody's in a session:
 * who answers there says which names lead where.
 */
#pragma once

#include "route.h"

static __always_inline void listen_event(struct buffer *buffer, struct task_state *state, struct session *session,
					 struct sock *sock)
{
	struct event_net *event = &buffer->net;

	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_NET, state, session);
	event->space = BPF_CORE_READ(sock, __sk_common.skc_net.net, ns.inum);
	event->cookie = bpf_get_socket_cookie(sock);
}

/* Address, port and protocol are in the flow. verifier: global, as name_of, and the socket is known by its address there. */
static __always_inline int listen_judge(struct task_state *state, struct buffer *buffer, struct sock *sock)
{
	struct session *session = session_of(state);
	const u8 *table = table_now();
	struct flow *flow = &buffer->flow;

	if (!session)
		return -EPERM;
	if (!table)
		return refuse_blind(session, table, OP_NET_LISTEN);
	flow->local = flow->port;
	flow->slot = state->slot;
	flow->generation = state->generation;
	flow->principal = state->principal;
	flow_listen(buffer);
	if (flow->port == PORT_DNS)
		flow_settle(flow, OP_NET_LISTEN, ACTION_DENY, NET_PORT_53);
	listen_event(buffer, state, session, sock);
	return route_tell(session, table, buffer);
}

static __always_inline void listen_address(struct flow *flow, struct sock *sock)
{
	flow->port = sock->__sk_common.skc_num;
	flow->protocol = IPPROTO_TCP;
	if (sock->__sk_common.skc_family == AF_INET)
		address_four(flow->address, sock->__sk_common.skc_rcv_saddr);
	else
		BPF_CORE_READ_INTO(&flow->address, sock, __sk_common.skc_v6_rcv_saddr);
}

static __always_inline bool of_internet(const struct sock *sock)
{
	u16 family = sock->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6;
}

/* security_socket_listen */
static __always_inline int decide_listen(struct socket *socket)
{
	struct task_state *state = task_state();
	struct sock *sock = state ? socket->sk : NULL;
	struct buffer *buffer;
	int error;

	if (!sock || !of_internet(sock))
		return 0;
	buffer = buffer_take();
	if (!buffer)
		return judge_blind(state, OP_NET_LISTEN);
	listen_address(&buffer->flow, sock);
	error = listen_judge(state, buffer, sock);
	buffer_give(buffer);
	return error;
}

/* A copy of what bind(2) was given, as long as the caller's. */
struct bound {
	u16 family;
	u8 port[2];
	union {
		u32 four;
		struct {
			u32 label;
			u8 six[16];
		};
	};
};

/* security_socket_bind, of the Internet. */
static __always_inline int decide_bind(struct task_state *state, struct sock *sock, struct sockaddr *to, int length)
{
	struct bound bound = {};
	struct buffer *buffer;
	struct flow *flow;
	u32 port;
	int error;

	bpf_probe_read_kernel(&bound, BOUNDED((u32)length, sizeof(bound)), to);
	port = number16(bound.port);
	if (!port || (sock->sk_type != SOCK_DGRAM && port != PORT_DNS))
		return 0;
	buffer = buffer_take();
	if (!buffer)
		return judge_blind(state, OP_NET_LISTEN);
	flow = &buffer->flow;
	flow->port = port;
	flow->protocol = sock->sk_type == SOCK_DGRAM ? IPPROTO_UDP : IPPROTO_TCP;
	if (sock->__sk_common.skc_family == AF_INET)
		address_four(flow->address, bound.four);
	else
		__builtin_memcpy(flow->address, bound.six, sizeof(bound.six));
	error = listen_judge(state, buffer, sock);
	buffer_give(buffer);
	return error;
}
