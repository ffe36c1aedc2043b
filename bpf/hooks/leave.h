/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The authority on networks: every packet that leaves a session's socket, whatever system call, ring or retransmission sent it.
 * Where it goes is decided by its first packet, by each one where nothing connects; for all others one word tells that it was
 * decided, and that nothing has changed since.
 */
#pragma once

#include "hello.h"

static __always_inline bool packet_begins(const struct packet *p)
{
	return p->protocol == IPPROTO_TCP && (p->control & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/*
 * A connection is accepted, where no program sees listen(2): by the socket that listens, of whose mark the new one gets a copy, or,
 * with TCP Fast Open, by the new one. One that connects and is connected to at the same time has what it asks for looked at.
 * kernel: on 6.1 such packets of version 6 do not come here.
 */
static __always_inline bool leave_accepts(const struct __sk_buff *skb, const struct socket_tag *tag,
					  const struct packet *p)
{
	struct bpf_sock *sock = skb->sk;

	if (p->protocol != IPPROTO_TCP || (p->control & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK) || !sock)
		return false;
	return sock->state == SOCKET_LISTENS || (sock->state == SOCKET_ACCEPTED && !(tag->flags & SOCKET_LOOKS));
}

static __always_inline bool packet_asks(const struct packet *p)
{
	return p->port == PORT_DNS && p->size;
}

/* Of a connection: bytes that are to be read. */
static __always_inline bool packet_looked(const struct socket_tag *tag, const struct packet *p)
{
	return p->size && p->protocol == IPPROTO_TCP && tag->flags & SOCKET_LOOKS;
}

/*
 * A connection begins: what was known of one before it is forgotten, but for what connect(2) was just let go with. Sent again, it
 * has the same number.
 */
static __always_inline void leave_begin(struct __sk_buff *skb, struct socket_tag *tag, const struct packet *p,
					u64 print)
{
	struct bpf_sock *sock = skb->sk;
	bool asked = tag->flags & SOCKET_ASKED && tag->allowed == print;

	if (tag->first == p->sequence && !asked)
		return;
	if (!asked) {
		tag->allowed = 0;
		tag->length = 0;
	}
	tag->serves = 0;
	tag->flags = (tag->flags & ~(SOCKET_CUT | SOCKET_ASKED)) | SOCKET_LOOKS;
	tag->first = p->sequence;
	tag->next = p->sequence + 1;
	if (!sock || !tag->read)
		return;
	tag->read = 0;
	bpf_sk_storage_delete(&hellos, sock);
	bpf_sk_storage_delete(&requests, sock);
	bpf_sk_storage_delete(&asking, sock);
	bpf_sk_storage_delete(&answering, sock);
}

/* By its destination. The name by which a connection was let out stays its name. */
static __always_inline void leave_reach(const struct socket_tag *tag, struct buffer *buffer, bool begins)
{
	struct flow *flow = &buffer->flow;

	if (!(tag->flags & SOCKET_ORDINARY)) {
		flow_begin(flow);
		flow_number(buffer, NET_NO_NAME);
	} else if (begins || !tag->length || flow->protocol != IPPROTO_TCP) {
		flow_reach(buffer);
	} else {
		flow_begin(flow);
		flow->length = BOUNDED(tag->length, DOMAIN_MAX);
		name_copy(flow->name, tag->name, flow->length);
		flow_settle(flow, OP_NET_DOMAIN, flow_ask_name(buffer), NET_BY_RULE);
		flow_reached(buffer);
	}
}

/* The same refusal again within its second is counted, not told. */
static __always_inline bool leave_refused(struct socket_tag *tag, struct session *session, u64 print)
{
	if (tag->refused != print || tag->until < bpf_jiffies64())
		return false;
	__sync_fetch_and_add(&session->refused, 1);
	__sync_fetch_and_add(&session->folded, 1);
	__sync_fetch_and_add(&tag->repeats, 1);
	return true;
}

static __always_inline void leave_remember(struct socket_tag *tag, u64 print)
{
	tag->refused = print;
	tag->until = bpf_jiffies64() + cfg_second;
}

/* verifier: global, and a frame of its own, beside those of what follows. */
__noinline int leave_own(struct __sk_buff *skb, struct socket_tag *tag, const struct packet *p)
{
	if (!tag || !p)
		return false;
	return ROUTE_OWN(skb, tag, p->address, p->port, p->local, p->protocol);
}

static __always_inline int leave_destination(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer,
					     const struct packet *p, u64 print)
{
	bool begins = packet_begins(p);
	int error;

	if (address_loopback(p->address) && p->port && leave_own(skb, tag, p)) {
		tag->flags &= ~SOCKET_LOOKS;
		tag->allowed = print;
		return 0;
	}
	leave_reach(tag, buffer, begins);
	error = name_apply(tag, buffer, bpf_get_socket_cookie(skb));
	if (error) {
		tag->allowed = 0; /* what it sent in vain is sent again, also when the session is over */
		leave_remember(tag, print);
		return error;
	}
	tag->allowed = print;
	return 0;
}

/* Of such a packet no port is read, so that no other one has its print. */
static __always_inline int leave_odd(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer, u64 print)
{
	int error;

	flow_begin(&buffer->flow);
	flow_settle(&buffer->flow, OP_NET_ADDR, ACTION_DENY, NET_OPTIONS);
	error = route_apply(tag, buffer, bpf_get_socket_cookie(skb));
	if (error)
		leave_remember(tag, print);
	return error;
}

/* Bytes of a connection that were not read yet; those that were are let out again. */
static __always_inline int leave_look(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer,
				      const struct packet *p)
{
	s32 seen = tag->next - p->sequence;

	if (packet_begins(p))
		seen = 0;
	if (seen < 0)
		return -EPERM;
	if ((u32)seen >= p->size)
		return 0;
	tag->next += p->size - seen;
	if (p->port == PORT_HTTP)
		return request_segment(skb, tag, buffer, p, seen);
	return hello_segment(skb, tag, buffer, p, seen);
}

static __always_inline int leave_decide(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer,
					const struct packet *p, u64 print)
{
	if (p->odd)
		return leave_odd(skb, tag, buffer, print);
	if (packet_asks(p))
		return question_segment(skb, tag, buffer, p, bpf_get_socket_cookie(skb));
	if (p->port == PORT_DNS && packet_resolver(tag, p)) {
		tag->allowed = print;
		return 0;
	}
	if (tag->allowed != print && leave_destination(skb, tag, buffer, p, print))
		return -EPERM;
	return packet_looked(tag, p) ? leave_look(skb, tag, buffer, p) : 0;
}

/* Nothing was decided, for what it sends cannot be read: refused, and told. */
static __always_inline int leave_unread(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer)
{
	flow_begin(&buffer->flow);
	flow_settle(&buffer->flow, OP_NET_ADDR, ACTION_DENY, NET_UNREAD);
	return route_apply(tag, buffer, bpf_get_socket_cookie(skb));
}

static __always_inline int leave_judge(struct __sk_buff *skb, struct socket_tag *tag, const struct session *session,
				       const struct packet *p, u64 print)
{
	bool reads = p->protocol == IPPROTO_TCP && (packet_looked(tag, p) || packet_asks(p));
	struct buffer *buffer = packet_buffer();
	int error;

	if (!buffer)
		return refuse_blind(session, table_now(), OP_NET_ADDR);
	route_flow(&buffer->flow, tag, p->address, p->port, p->protocol, p->local);
	error = leave_decide(skb, tag, buffer, p, print);
	if (error && !buffer->flow.told)
		error = leave_unread(skb, tag, buffer);
	if (error && reads)
		tag->flags |= SOCKET_CUT;
	buffer_give(buffer);
	return error;
}

/* A datagram that asks: a question is judged each time, whatever was said before of where it goes. */
static __always_inline int leave_question(struct __sk_buff *skb, struct socket_tag *tag, const struct session *session,
					  const struct packet *p)
{
	struct buffer *buffer = packet_buffer();
	int error;

	if (!buffer)
		return refuse_blind(session, table_now(), OP_NET_ADDR);
	route_flow(&buffer->flow, tag, p->address, p->port, p->protocol, p->local);
	error = question_datagram(skb, tag, buffer, p);
	if (error && !buffer->flow.told)
		error = leave_unread(skb, tag, buffer);
	buffer_give(buffer);
	return error;
}

/*
 * Whoever has a socket whose session is over is nobody's business. But what it left behind refused, or unread, stays: the kernel
 * sends it again. One that connects anew is without a past. verifier: as leave_own.
 */
static __noinline int leave_orphan(struct __sk_buff *skb, struct socket_tag *tag)
{
	struct packet p = {};

	if (!packet_read(skb, &p, true) || p.protocol != IPPROTO_TCP || tag->serves)
		return 0;
	if (packet_begins(&p)) {
		tag->flags &= ~(SOCKET_LOOKS | SOCKET_CUT);
		tag->allowed = 1;
	}
	return tag->allowed && !(tag->flags & (SOCKET_LOOKS | SOCKET_CUT)) ? 0 : -EPERM;
}

/*
 * A server answers whoever asked it, and nobody is asked about that; but not for who may not go there by itself: of a program that the
 * session wrote, each answer is judged as what it sends. So a policy that keeps those to this machine has them serve this machine.
 */
static __always_inline bool leave_answers(const struct socket_tag *tag, const struct packet *p)
{
	return tag->serves && p->protocol == IPPROTO_TCP && tag->principal != PRINCIPAL_WRITTEN;
}

/* A session's packet. */
static __always_inline int leave_tagged(struct __sk_buff *skb, struct socket_tag *tag)
{
	struct session *session = tag_session(tag);
	struct packet p = {};
	u64 print;

	if (!session)
		return leave_orphan(skb, tag);
	if (!packet_read(skb, &p, true))
		return refuse_blind(session, table_now(), OP_NET_ADDR);
	if (p.protocol == IPPROTO_UDP && packet_asks(&p))
		return leave_question(skb, tag, session, &p);
	print = route_print(session, p.address, p.port, p.protocol);
	if (packet_begins(&p))
		leave_begin(skb, tag, &p, print);
	if (cfg_form == FORM_NETWORK && leave_accepts(skb, tag, &p))
		tag->serves = 1;
	if (leave_answers(tag, &p))
		return 0;
	if (tag->flags & SOCKET_CUT)
		return -EPERM;
	if (leave_refused(tag, session, print))
		return -EPERM;
	if (tag->allowed == print && !packet_looked(tag, &p) && !packet_asks(&p))
		return 0;
	return leave_judge(skb, tag, session, &p, print);
}

/* cgroup_skb/egress. */
static __always_inline int leave(struct __sk_buff *skb)
{
	struct bpf_sock *sock = skb->sk;
	struct socket_tag *tag;
	int error;

	if (!sock)
		return 0;
	tag = bpf_sk_storage_get(&sockets, sock, NULL, 0);
	if (!tag)
		return 0;
	error = leave_tagged(skb, tag);
	if (error)
		count(COUNT_PACKETS_DROPPED);
	return error;
}
