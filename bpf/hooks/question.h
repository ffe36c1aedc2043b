/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names, as sessions ask for them and as they are answered. A question leaves for a name that policy lets be looked up, and for
 * addresses alone: other records carry whatever somebody puts in. What a resolver of this machine answers to a question that was
 * let out is learned before whoever asked sees it.
 */
#pragma once

#include "route.h"

enum question_limits {
	QUESTION_MAX = 1024, /* bytes of a question: 253 of a name, and options */
	MESSAGES_MAX = 8,    /* of one segment */
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	EXPIRES_FLOOR = 600, /* seconds: programs keep addresses longer than they are told to */
	EXPIRES_CEILING = 86400,
};

/* A step of the message in the buffer; whether it was the last one. */
static __always_inline bool message_step(struct buffer *buffer)
{
	if (buffer->dns.result == DNS_MORE)
		dns_step(&buffer->dns, buffer->text);
	FORGET();
	return buffer->dns.result != DNS_MORE;
}

/* verifier: global, or they are walked for each way to here. */
__noinline int message_more(struct buffer *buffer)
{
	return buffer ? message_step(buffer) : true;
}

static long message_go_on(u32 index, struct buffer **context)
{
	return BOUNDED(message_more(*context), 1);
}

/*
 * The message in the buffer. Of a question, and of an answer of one record, one step is all, and no function is called for it:
 * returning is guarded against speculation, and costs as much as the step.
 */
static __always_inline void message_parse(struct buffer *buffer, u32 size)
{
	dns_begin(&buffer->dns, size);
	FORGET();
	if (!message_step(buffer))
		bpf_loop(DNS_STEPS_MAX, message_go_on, &buffer, 0);
	dns_stop(&buffer->dns);
}

/* One of several. verifier: global, and as small a frame as can be. */
__noinline int message_among(struct buffer *buffer, u32 size)
{
	if (!buffer)
		return 0;
	dns_begin(&buffer->dns, size);
	bpf_loop(DNS_STEPS_MAX, message_go_on, &buffer, 0);
	dns_stop(&buffer->dns);
	return 0;
}

/* A domain that was read becomes the flow's name. */
static __always_inline void flow_name(struct flow *flow, const struct domain *domain)
{
	u32 length = BOUNDED(domain->length, DOMAIN_MAX);
	u64 *name = (u64 *)flow->name;

	name_copy(flow->name, domain->text, length);
	name[length / 8 & (DOMAIN_TEXT_ / 8 - 1)] &= (1ull << length % 8 * 8) - 1;
	flow->length = length;
}

/* Number and name of a question, and who was asked: only their answer counts. */
static __always_inline u64 question_print(const struct flow *flow, u32 id)
{
	u64 print = print_mix(cfg_key, id);

	print = print_mix(print, address_half(flow->address, 0));
	print = print_mix(print, address_half(flow->address, 1));
	for (u32 i = 0; i < DOMAIN_TEXT_ / 8 && i * 8 < flow->length; i++)
		print = print_mix(print, ((const u64 *)flow->name)[i]);
	return print | 1;
}

static __always_inline u32 question_fallback(const struct flow *flow)
{
	const u8 *table = table_now();
	struct session *session = flow_session(flow);

	if (!table || !session)
		return ACTION_DENY;
	return table_u8(table, role_offset(table, session->role) + __builtin_offsetof(struct table_role, fallback) +
				       OP_NET_DOMAIN);
}

/* Types other than addresses tunnel: they are as free as names that no rule mentions. What only spares a connection its look-up
 * is refused, so that clients ask for addresses. */
static __always_inline void question_type(struct flow *flow, u32 type)
{
	flow->detail = type;
	if (type == DNS_A || type == DNS_AAAA)
		return;
	if (type == TYPE_SVCB || type == TYPE_HTTPS)
		flow_settle(flow, OP_NET_DOMAIN, ACTION_DENY, NET_RECORD_TYPE);
	else
		flow_settle(flow, OP_NET_DOMAIN, question_fallback(flow), NET_RECORD_TYPE);
}

/* The message that was parsed is a question: decided in its flow. trusted: of a resolver of this machine. */
static __always_inline void question_judge(struct buffer *buffer, bool trusted)
{
	struct flow *flow = &buffer->flow;
	struct dns *dns = &buffer->dns;

	flow_begin(flow);
	flow->asks = 1;
	if (dns->result != DNS_FINE || (dns->flags & (DNS_ANSWER | DNS_PLAIN)) != DNS_PLAIN) {
		flow->detail = dns->reason;
		flow_settle(flow, OP_NET_DOMAIN, ACTION_DENY, NET_QUESTION);
		return;
	}
	flow_name(flow, &dns->name);
	flow_settle(flow, OP_NET_DOMAIN, FLOW_ACTION(flow_domain_asked(buffer)), NET_BY_RULE);
	question_type(flow, dns->type);
	if (!trusted)
		flow_number(buffer, NET_RESOLVER);
}

static __always_inline void question_keep(struct socket_tag *tag, const struct buffer *buffer)
{
	u32 place = __sync_fetch_and_add(&tag->asked, 1);

	tag->asking = buffer->flow.now;
	tag->questions[place & (QUESTIONS - 1)] = question_print(&buffer->flow, buffer->dns.id);
}

/* Whether it was asked; once. */
static __always_inline bool question_asked(struct socket_tag *tag, const struct buffer *buffer)
{
	u64 print = question_print(&buffer->flow, buffer->dns.id);

	for (u32 i = 0; i < QUESTIONS; i++)
		if (tag->questions[i] == print && __sync_val_compare_and_swap(&tag->questions[i], print, 0) == print)
			return true;
	return false;
}

/* The message that was parsed, of a socket: 0, or -EPERM. */
static __always_inline int question_apply(struct socket_tag *tag, struct buffer *buffer, u64 cookie)
{
	bool trusted = route_resolver(tag, buffer->flow.address);
	int error;

	question_judge(buffer, trusted);
	error = route_carry(tag, buffer, cookie);
	if (!error && trusted && buffer->flow.length)
		question_keep(tag, buffer);
	return error;
}

/* One of several. verifier: global, or those behind it are walked for each way through it. */
__noinline int question_among(struct socket_tag *tag, struct buffer *buffer, u32 size, u64 cookie)
{
	if (!tag || !buffer)
		return -EPERM;
	message_among(buffer, size);
	return question_apply(tag, buffer, cookie);
}

/* A datagram is one message. */
static __always_inline int question_datagram(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer,
					     const struct packet *p)
{
	u32 size = p->size;

	if (!size || size > QUESTION_MAX ||
	    bpf_skb_load_bytes(skb, p->payload, buffer->text, LENGTH(size, QUESTION_MAX)))
		return question_among(tag, buffer, 0, bpf_get_socket_cookie(skb));
	message_parse(buffer, size);
	return question_apply(tag, buffer, bpf_get_socket_cookie(skb));
}

/* Names that lead to the machine, its network or its cloud are not learned: that is how a page on the Internet reaches a router. */
static __always_inline bool address_learned(const u8 *address)
{
	u32 class = address_class(address);

	return class == ADDRESS_GLOBAL || class == ADDRESS_RESERVED;
}

static __always_inline u64 expires(u64 now, u32 ttl)
{
	u64 seconds = ttl < EXPIRES_FLOOR ? EXPIRES_FLOOR : smaller(ttl, EXPIRES_CEILING);

	return now + seconds * 1000000000;
}

/* Whether it was the last one. */
static __always_inline long learn_record(u32 index, struct buffer *buffer)
{
	const struct dns_record *record = &buffer->dns.records[WITHIN(index, DNS_RECORDS_MAX)];
	u64 until;

	if (index >= buffer->dns.count)
		return 1;
	if (!record->chain)
		return 0;
	dns_address(record, buffer->text, buffer->flow.address);
	until = expires(buffer->flow.now, record->ttl);
	if (!address_learned(buffer->flow.address))
		count(COUNT_NAMES_DROPPED);
	else if (!answer_renew(buffer, until))
		answer_learn(buffer, until);
	return index + 1 >= buffer->dns.count;
}

static long learn_next(u32 index, struct buffer **context)
{
	return learn_record(index + 1, *context);
}

/* The message that was parsed is an answer to a socket. Of most answers the first record is the last one. */
static __always_inline void answer_apply(struct socket_tag *tag, struct buffer *buffer)
{
	struct dns *dns = &buffer->dns;

	if (!(dns->flags & DNS_ANSWER) || !dns->name.length || dns->result == DNS_REFUSED)
		return;
	flow_name(&buffer->flow, &dns->name);
	if (!question_asked(tag, buffer))
		return;
	buffer->flow.now = tag->asking;
	if (!learn_record(0, buffer))
		bpf_loop(DNS_RECORDS_MAX - 1, learn_next, &buffer, 0);
}

/* One of several. verifier: as question_among(). */
__noinline int answer_among(struct socket_tag *tag, struct buffer *buffer, u32 size)
{
	if (!tag || !buffer)
		return 0;
	message_among(buffer, size);
	answer_apply(tag, buffer);
	return 0;
}

struct talk_context {
	struct talk *talk;
	struct buffer *piece;
};

/* progress.judged of progress.size bytes were taken. */
static long talk_step(u32 index, struct talk_context *context)
{
	struct progress *progress = &context->piece->progress;
	struct dns_stream *stream = &context->talk->stream;
	u8 byte = context->piece->text[progress->judged & (TEXT_MAX - 1)];

	progress->judged += dns_stream_take(stream, byte, progress->size - progress->judged);
	return progress->judged >= progress->size || stream->result != DNS_STREAM_MORE;
}

/* What of a segment was not seen yet, to a buffer; false where it is too long, or has bytes before it that were not seen. */
static __always_inline bool talk_load(struct __sk_buff *skb, struct talk *talk, struct buffer *piece,
				      const struct packet *p)
{
	u32 size;
	s32 seen;

	if (!talk->begun) {
		dns_stream_begin(&talk->stream);
		talk->begun = 1;
		talk->next = p->sequence;
	}
	piece->progress.judged = piece->progress.size = 0;
	seen = talk->next - p->sequence;
	if (seen < 0 || p->size > TEXT_MAX)
		return false;
	if ((u32)seen >= p->size)
		return true;
	size = p->size - seen;
	if (bpf_skb_load_bytes(skb, p->payload + seen, piece->text, LENGTH(size, TEXT_MAX)))
		return false;
	piece->progress.size = size;
	talk->next = p->sequence + p->size;
	return true;
}

/* The next whole message of the piece, in the buffer: its bytes, or -1 where there is none. */
__noinline int talk_message(struct talk *talk, struct buffer *piece, struct buffer *buffer)
{
	struct talk_context context;

	if (!talk || !piece || !buffer || piece->progress.judged >= piece->progress.size)
		return -1;
	context.talk = talk;
	context.piece = piece;
	bpf_loop(TEXT_MAX, talk_step, &context, 0);
	if (talk->stream.result == DNS_STREAM_MORE)
		return -1;
	if (talk->stream.result == DNS_STREAM_LONG)
		return 0;
	bpf_probe_read_kernel(buffer->text, DNS_MESSAGE_MAX, talk->stream.text);
	return BOUNDED(talk->stream.size, DNS_MESSAGE_MAX);
}

static __always_inline int questions_judge(struct socket_tag *tag, struct talk *talk, struct buffer *piece,
					   struct buffer *buffer, u64 cookie)
{
	int error = 0;

	for (u32 i = 0; i < MESSAGES_MAX && !error; i++) {
		int size = talk_message(talk, piece, buffer);

		if (size < 0)
			return 0;
		error = question_among(tag, buffer, size > QUESTION_MAX ? 0 : size, cookie);
	}
	return error || piece->progress.judged < piece->progress.size ? -EPERM : 0;
}

/* A segment to port 53: every question in it is judged. */
static __noinline int question_segment(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer,
				       const struct packet *p, u64 cookie)
{
	struct bpf_sock *sock = skb->sk;
	struct buffer *piece;
	struct talk *talk;
	int error = -EPERM;

	if (!sock)
		return -EPERM;
	tag->read = 1;
	talk = bpf_sk_storage_get(&asking, sock, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!talk)
		return -EPERM;
	piece = packet_buffer();
	if (!piece)
		return -EPERM;
	if (talk_load(skb, talk, piece, p))
		error = questions_judge(tag, talk, piece, buffer, cookie);
	buffer_give(piece);
	return error;
}

/* A segment from a resolver. kernel: it may come before those in front of it; then it is left to be sent once more. */
static __noinline int answer_segment(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer,
				     const struct packet *p)
{
	struct bpf_sock *sock = skb->sk;
	struct buffer *piece;
	struct talk *talk;
	bool whole;

	if (!sock)
		return 0;
	tag->read = 1;
	talk = bpf_sk_storage_get(&answering, sock, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!talk)
		return 0;
	piece = packet_buffer();
	if (!piece)
		return 0;
	whole = talk_load(skb, talk, piece, p);
	for (u32 i = 0; i < MESSAGES_MAX && whole; i++) {
		int size = talk_message(talk, piece, buffer);

		if (size < 0)
			break;
		answer_among(tag, buffer, size);
	}
	buffer_give(piece);
	return whole ? 0 : -EPERM;
}

static __always_inline int answer_datagram(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer,
					   const struct packet *p)
{
	u32 size = smaller(p->size, DNS_MESSAGE_MAX);

	if (!size || bpf_skb_load_bytes(skb, p->payload, buffer->text, LENGTH(size, DNS_MESSAGE_MAX)))
		return 0;
	message_parse(buffer, size);
	answer_apply(tag, buffer);
	return 0;
}

/*
 * What comes from port 53 to a session's socket: 0, or -EPERM for what is to come once more. A datagram needs not be a resolver's here:
 * it answers what its sender was asked, or nothing.
 */
static __always_inline int enter_answer(struct __sk_buff *skb, struct socket_tag *tag, const struct packet *p)
{
	struct buffer *buffer;
	int error;

	if (!p->size || (p->protocol != IPPROTO_UDP && !packet_resolver(tag, p)))
		return 0;
	buffer = packet_buffer();
	if (!buffer)
		return 0;
	route_flow(&buffer->flow, tag, p->address, p->port, p->protocol, p->local);
	if (p->protocol == IPPROTO_UDP)
		error = answer_datagram(skb, tag, buffer, p);
	else
		error = answer_segment(skb, tag, buffer, p);
	buffer_give(buffer);
	return error;
}

/* One that is connected hears its peer alone. */
static __always_inline bool enter_names(const struct bpf_sock *sock)
{
	return !sock->dst_port || sock->dst_port == bpf_htons(PORT_DNS);
}

/* cgroup_skb/ingress: before whoever asked sees it. */
static __always_inline int enter(struct __sk_buff *skb)
{
	struct bpf_sock *sock = skb->sk;
	struct socket_tag *tag;
	struct packet p = {};

	if (!sock || !enter_names(sock))
		return 0;
	tag = bpf_sk_storage_get(&sockets, sock, NULL, 0);
	if (!tag || !packet_read(skb, &p, false) || p.port != PORT_DNS)
		return 0;
	return enter_answer(skb, tag, &p);
}
