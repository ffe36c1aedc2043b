/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From what was decided about a socket's packet, or its connecting, to what becomes of it: the record, and what is remembered with
 * the socket. Who acts is what the socket's mark says: a packet may leave in the name of any process.
 */
#pragma once

#include "../include/flow.h"
#include "../include/packet.h"

/* include/net/tcp_states.h */
enum socket_state {
	SOCKET_ACCEPTED = 3, /* TCP_SYN_RECV */
	SOCKET_CLOSED = 7,
	SOCKET_LISTENS = 10,
};

/* A buffer of the pool; programs that see packets have no other. */
static __always_inline struct buffer *packet_buffer(void)
{
	struct buffer *buffer = pool_first();
	s32 taken = buffer ? 0 : pool_take();
	u32 index = taken;

	if (!buffer && taken >= 0)
		buffer = bpf_map_lookup_elem(&pool, &index);
	if (!buffer) {
		count(COUNT_NO_BUFFER);
		return NULL;
	}
	buffer->pooled = 1;
	return buffer;
}

/* NULL where it is over: its slot keeps its number until another one gets it. */
static __always_inline struct session *tag_session(const struct socket_tag *tag)
{
	struct session *session = session_at(tag->slot);

	return session && session->generation == tag->generation && session->tasks ? session : NULL;
}

/*
 * Where to, and all that the answer depends on besides, in one word with a key that nobody knows. Reading changes a session's
 * taints, an administrator its switches, and both hold for the next packet. The last word need not be mixed, as in act_of().
 */
static __always_inline u64 route_print(const struct session *session, const u8 *address, u32 port, u32 protocol)
{
	const u8 *table = table_now();
	u64 print = print_mix(cfg_key, table ? policy_of(table) : 0);
	u64 denied = session_denied(session);

	print = print_mix(print, address_half(address, 0));
	print = print_mix(print, address_half(address, 1));
	print = print_mix(print, session->id << 32 ^ (u64)session->role << 16 ^ session->taints);
	print = print_mix(print, (u64)session->flags << 32 ^ session->switches);
	if (denied)
		print = print_mix(print, denied);
	return (print ^ ((u64)port << 32 | protocol << 1)) | 1;
}

static __always_inline void route_flow(struct flow *flow, const struct socket_tag *tag, const u8 *address, u32 port,
				       u32 protocol, u32 local)
{
	copy_words(flow->address, address, sizeof(flow->address));
	flow->port = port;
	flow->local = local;
	flow->protocol = protocol;
	flow->slot = tag->slot;
	flow->generation = tag->generation;
	flow->principal = tag->principal;
	flow->told = 0;
}

static __always_inline void route_head(struct event_header *head, const struct socket_tag *tag,
				       const struct session *session, u64 now)
{
	head->kind = EVENT_NET;
	head->time = now;
	head->started = tag->started;
	head->pid = tag->pid;
	head->tid = tag->tid;
	head->uid = tag->uid;
	head->flags = tag->task;
	head->session = session->id;
	head->agent = session->agent;
	head->role = session->role;
	head->taints = session->taints;
	head->slot = tag->slot;
	head->principal = tag->principal;
	__builtin_memcpy(head->comm, tag->comm, sizeof(head->comm));
}

static __always_inline void route_event(struct event_net *event, const struct flow *flow)
{
	event->label = flow->decided;
	__builtin_memcpy(event->address, flow->address, sizeof(event->address));
	event->reason = flow->reason;
	event->detail = flow->detail;
	event->port = flow->port;
	event->local = flow->local;
	event->protocol = flow->protocol;
	event->text = flow->length;
}

/* Whether what was decided is carried out; as judge_apply, but that a packet's program cannot kill: user space does. */
static __always_inline bool route_holds(struct session *session, const u8 *table, const struct flow *flow,
					struct event_header *head)
{
	struct subject who = flow_subject(flow, session);

	head->op = flow->switched ? flow->switched : flow->op;
	head->action = flow->switched || flow->action >= ACTIONS ? ACTION_DENY : flow->action;
	head->policy = policy_of(table);
	count(COUNT_JUDGED);
	judge_seen(session, 1ull << (head->op & 63));
	if (!action_refuses(head->action) || !judge_holds(session, table, &who, head))
		return false;
	head->flags |= EVENT_APPLIED;
	head->error = -EPERM;
	__sync_fetch_and_add(&session->refused, 1);
	count(COUNT_REFUSED);
	return true;
}

/* Of what is allowed, as nearly all is, a record without a name is written where it goes. */
static __always_inline void route_send_bare(const struct event_net *event)
{
	u64 wakes = activity_wake(sizeof(*event));
	struct event_net *entry = bpf_ringbuf_reserve(&activity, sizeof(*event), 0);

	if (!entry) {
		count(COUNT_ACTIVITY_LOST);
		return;
	}
	copy_words(entry, event, sizeof(*event));
	bpf_ringbuf_submit(entry, wakes);
}

/* A record, and the name behind it. */
static __always_inline void route_send(struct buffer *buffer)
{
	u32 size = sizeof(buffer->net) + buffer->flow.length;

	buffer->net.head.size = size;
	if (!buffer->flow.length && buffer->net.head.action == ACTION_ALLOW) {
		route_send_bare(&buffer->net);
		return;
	}
	if (buffer->flow.length)
		name_copy(buffer->told.name, buffer->flow.name, buffer->flow.length);
	if (buffer->net.head.action == ACTION_ALLOW)
		EVENT_OUTPUT(activity, COUNT_ACTIVITY_LOST, activity_wake(size), &buffer->told,
			     BOUNDED(size, sizeof(buffer->told)));
	else
		EVENT_OUTPUT(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, &buffer->told,
			     BOUNDED(size, sizeof(buffer->told)));
}

/* What was decided, in the record that already says who. 0, or -EPERM. */
static __always_inline int route_tell(struct session *session, const u8 *table, struct buffer *buffer)
{
	struct event_net *event = &buffer->net;
	struct flow *flow = &buffer->flow;
	bool holds = route_holds(session, table, flow, &event->head);

	flow->told++;
	if (flow->asks)
		event->head.flags |= EVENT_QUESTION;
	route_event(event, flow);
	if (event_told(&event->head, event->label))
		route_send(buffer);
	return holds ? -EPERM : 0;
}

/* What was decided of a marked socket is told, and carried out. */
static __always_inline int route_carry(struct socket_tag *tag, struct buffer *buffer, u64 cookie)
{
	const u8 *table = table_now();
	struct session *session;
	struct event_net *event;

	session = tag_session(tag);
	if (!session || !table)
		return -EPERM;
	event = &buffer->net;
	__builtin_memset(&event->head, 0, sizeof(event->head));
	route_head(&event->head, tag, session, buffer->flow.now);
	event->cookie = cookie;
	event->space = tag->space;
	event->repeats = tag->repeats ? __sync_lock_test_and_set(&tag->repeats, 0) : 0;
	return route_tell(session, table, buffer);
}

/* verifier: global, as name_of. */
__noinline int route_apply(struct socket_tag *tag, struct buffer *buffer, u64 cookie)
{
	return tag && buffer ? route_carry(tag, buffer, cookie) : -EPERM;
}

static __always_inline bool address_loopback(const u8 *address)
{
	return address_class(address) == ADDRESS_LOOPBACK;
}

/*
 * One of this machine's resolvers, on the host's own network: names are asked for there, whatever their address. race: user space may
 * change a place meanwhile; its words then do not go with its seal.
 */
static __always_inline bool route_resolver(const struct socket_tag *tag, const u8 *address)
{
	u64 first = address_half(address, 0);
	u64 second = address_half(address, 1);

	if (!(tag->flags & SOCKET_HOST))
		return false;
	for (u32 i = 0; i < RESOLVERS_MAX; i++) {
		u32 place = i;
		struct resolver *r = bpf_map_lookup_elem(&resolvers, &place);

		if (!r)
			return false;
		if (address_half(r->address, 0) == first && address_half(r->address, 1) == second &&
		    r->seal == (first ^ second))
			return true;
		if (!(address_half(r->address, 0) | address_half(r->address, 1) | r->seal))
			return false;
	}
	return false;
}

/* The same of a packet. verifier: global, or what follows is walked for each place. */
__noinline int packet_resolver(const struct socket_tag *tag, const struct packet *p)
{
	return tag && p && route_resolver(tag, p->address);
}

/* Whether a server is of the session, or of one that it began. */
static __always_inline bool tag_inside(const struct socket_tag *tag, const struct socket_tag *server)
{
	struct task_state who = { .slot = tag->slot, .generation = tag->generation };

	return server && session_inside(&who, server->slot, server->generation);
}

/*
 * Who answers there, on this machine: the session itself? The look-up takes packets and addresses alike. verifier: every socket
 * that was looked up is given back.
 */
#define ROUTE_OWN(context, tag, to, where, there, by)                                                       \
	({                                                                                                  \
		struct bpf_sock_tuple tuple_ = {};                                                          \
		struct bpf_sock *server_;                                                                   \
		bool own_ = false;                                                                          \
		u32 size_ = sizeof(tuple_.ipv6);                                                            \
		if (route_tuple(&tuple_, to, where, there))                                                 \
			size_ = sizeof(tuple_.ipv4);                                                        \
		server_ = (by) == IPPROTO_TCP ?                                                             \
				  bpf_sk_lookup_tcp(context, &tuple_, size_, (u64)BPF_F_CURRENT_NETNS, 0) : \
				  bpf_sk_lookup_udp(context, &tuple_, size_, (u64)BPF_F_CURRENT_NETNS, 0);  \
		if (server_) {                                                                              \
			own_ = tag_inside(tag, bpf_sk_storage_get(&sockets, server_, NULL, 0));             \
			bpf_sk_release(server_);                                                            \
		}                                                                                           \
		own_;                                                                                       \
	})

/* From this machine to itself. Returns whether it is by four bytes. */
static __always_inline bool route_tuple(struct bpf_sock_tuple *tuple, const u8 *address, u32 port, u32 local)
{
	if (!bytes_number(address) && address[10] == 0xff) {
		__builtin_memcpy(&tuple->ipv4.daddr, address + 12, 4);
		tuple->ipv4.saddr = tuple->ipv4.daddr;
		tuple->ipv4.dport = bpf_htons(port);
		tuple->ipv4.sport = bpf_htons(local);
		return true;
	}
	__builtin_memcpy(tuple->ipv6.daddr, address, 16);
	__builtin_memcpy(tuple->ipv6.saddr, address, 16);
	tuple->ipv6.dport = bpf_htons(port);
	tuple->ipv6.sport = bpf_htons(local);
	return false;
}
