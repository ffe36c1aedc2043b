/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What does a connection ask for? The server name of TLS on any port, the host of each request on port 80; on other ports what is
 * neither goes by the names of its address. A segment is read once, in the order of its bytes: what was read is not looked at
 * again when it is sent again, and what has a gap before it waits.
 */
#pragma once

#include "question.h"

enum hello_limits {
	PIECES_MAX = 17,	 /* of TEXT_MAX bytes: more than a packet of 64 KB */
	REQUESTS_IN_PACKET = 32, /* and pieces */
};

struct hello_context {
	struct tls_hello *tls;
	struct buffer *buffer;
};

/* progress.judged of progress.size bytes were taken. */
static long hello_take(u32 index, struct hello_context *context)
{
	struct progress *progress = &context->buffer->progress;
	u8 byte = context->buffer->text[progress->judged & (TEXT_MAX - 1)];

	progress->judged += tls_take(context->tls, byte, progress->size - progress->judged);
	return progress->judged >= progress->size;
}

__noinline int hello_feed(struct hello *hello, struct buffer *buffer)
{
	struct hello_context context;

	if (!hello || !buffer)
		return 0;
	context.tls = &hello->tls;
	context.buffer = buffer;
	bpf_loop(TEXT_MAX, hello_take, &context, 0);
	return hello->tls.over;
}

struct request_context {
	struct http *http;
	struct buffer *buffer;
};

static long request_take(u32 index, struct request_context *context)
{
	struct progress *progress = &context->buffer->progress;
	u8 byte = context->buffer->text[progress->judged & (TEXT_MAX - 1)];

	progress->judged += http_take(context->http, byte, progress->size - progress->judged);
	return progress->judged >= progress->size || context->http->result != HTTP_MORE;
}

__noinline int request_feed(struct request *request, struct buffer *buffer)
{
	struct request_context context;

	if (!request || !buffer)
		return 0;
	context.http = &request->http;
	context.buffer = buffer;
	bpf_loop(TEXT_MAX, request_take, &context, 0);
	return request->http.result;
}

/* No name is asked for where one is due: the address is judged by its number. */
static __always_inline void flow_nameless(struct buffer *buffer, u32 reason, u32 detail)
{
	buffer->flow.length = 0;
	buffer->flow.detail = detail;
	flow_number(buffer, reason);
}

static __always_inline void flow_refuse(struct flow *flow, u32 reason, u32 detail)
{
	flow->length = 0;
	flow->detail = detail;
	flow_settle(flow, OP_NET_DOMAIN, ACTION_DENY, reason);
}

/* The name that was let out is the connection's from now on; a datagram's is its own. */
static __always_inline int name_apply(struct socket_tag *tag, struct buffer *buffer, u64 cookie)
{
	int error = route_apply(tag, buffer, cookie);

	if (error || !buffer->flow.length || buffer->flow.protocol != IPPROTO_TCP)
		return error;
	name_copy(tag->name, buffer->flow.name, buffer->flow.length);
	tag->length = buffer->flow.length;
	return 0;
}

/* The hello has a name, has none, or is none. verifier: global, as name_of. */
__noinline int hello_judge(struct socket_tag *tag, struct hello *hello, struct buffer *buffer, u64 cookie)
{
	struct flow *flow;

	if (!tag || !hello || !buffer)
		return -EPERM;
	flow = &buffer->flow;
	flow_begin(flow);
	if (hello->tls.result == TLS_NAMED || hello->tls.result == TLS_MORE) {
		flow_name(flow, &hello->tls.name);
		flow_named(buffer);
	} else if (hello->tls.result == TLS_REFUSED) {
		flow_refuse(flow, NET_HELLO, hello->tls.reason);
	} else if (hello->tls.result == TLS_NAMELESS || flow->port == PORT_TLS) {
		flow_nameless(buffer, NET_HELLO, hello->tls.reason);
	} else {
		return 0; /* another protocol, on a port of its own */
	}
	return name_apply(tag, buffer, cookie);
}

/*
 * Decided once, when the name is known or the hello is over without one; and once more where something is wrong behind it. A hello of
 * our days is of two packets, and the name in the first one is not to arrive if it is not allowed.
 */
static __always_inline int hello_decide(struct socket_tag *tag, struct hello *hello, struct buffer *buffer, u64 cookie)
{
	if (hello->tls.result == TLS_MORE && !(hello->tls.flags & TLS_ASKED))
		return 0;
	if (hello->decided && hello->tls.result != TLS_REFUSED)
		return 0;
	hello->decided = 1;
	return hello_judge(tag, hello, buffer, cookie);
}

__noinline int request_judge(struct socket_tag *tag, struct request *request, struct buffer *buffer, u64 cookie)
{
	struct authority *host;
	struct flow *flow;

	if (!tag || !request || !buffer)
		return -EPERM;
	flow = &buffer->flow;
	host = &request->http.host;
	flow_begin(flow);
	if (request->http.result == HTTP_FOREIGN) {
		flow_nameless(buffer, NET_REQUEST, request->http.reason);
	} else if (request->http.result == HTTP_BLIND) {
		return 0;
	} else if (request->http.result != HTTP_HEAD || (host->port && host->port != flow->port)) {
		flow_refuse(flow, NET_REQUEST, request->http.reason);
	} else if (host->kind == AUTHORITY_NAME) {
		flow_name(flow, &host->name);
		flow_named(buffer);
	} else if (bytes_number(host->address) == bytes_number(flow->address) &&
		   bytes_number(host->address + 8) == bytes_number(flow->address + 8)) {
		flow_nameless(buffer, NET_NO_NAME, 0);
	} else {
		flow_refuse(flow, NET_REQUEST, HTTP_OTHER_HOST);
	}
	return name_apply(tag, buffer, cookie);
}

/* The next bytes of a packet that were not read. Returns how many there are after them, -1 where they cannot be had. */
static __always_inline int piece_load(struct __sk_buff *skb, struct buffer *buffer, u32 at, u32 left)
{
	u32 size = smaller(left, TEXT_MAX);

	buffer->progress.judged = 0;
	buffer->progress.size = size;
	if (!size || bpf_skb_load_bytes(skb, at, buffer->text, LENGTH(size, TEXT_MAX)))
		return -1;
	return left - size;
}

static __noinline int hello_segment(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer,
				    const struct packet *p, u32 seen)
{
	struct bpf_sock *sock = skb->sk;
	u64 cookie = bpf_get_socket_cookie(skb);
	struct hello *hello;
	u32 at = p->payload + seen;
	u32 end = p->payload + p->size;

	if (!sock)
		return -EPERM;
	tag->read = 1;
	hello = bpf_sk_storage_get(&hellos, sock, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!hello)
		return -EPERM;
	if (!hello->begun) {
		tls_begin(&hello->tls);
		hello->begun = 1;
	}
	for (u32 i = 0; i < PIECES_MAX && at < end; i++) {
		if (piece_load(skb, buffer, at, end - at) < 0)
			return -EPERM;
		at += buffer->progress.size;
		if (hello_feed(hello, buffer))
			break;
	}
	if (hello_decide(tag, hello, buffer, cookie))
		return -EPERM;
	if (hello->tls.over) {
		tag->flags &= ~SOCKET_LOOKS;
		bpf_sk_storage_delete(&hellos, sock);
		return 0;
	}
	return at < end ? -EPERM : 0;
}

static __noinline int request_segment(struct __sk_buff *skb, struct socket_tag *tag, struct buffer *buffer,
				      const struct packet *p, u32 seen)
{
	struct bpf_sock *sock = skb->sk;
	u64 cookie = bpf_get_socket_cookie(skb);
	struct request *request;
	u32 at = p->payload + seen;
	u32 end = p->payload + p->size;

	if (!sock)
		return -EPERM;
	tag->read = 1;
	request = bpf_sk_storage_get(&requests, sock, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!request)
		return -EPERM;
	if (!request->begun) {
		http_begin(&request->http);
		request->begun = 1;
	}
	buffer->progress.judged = buffer->progress.size = 0;
	for (u32 i = 0; i < REQUESTS_IN_PACKET; i++) {
		if (buffer->progress.judged >= buffer->progress.size) {
			if (at >= end)
				return 0;
			if (piece_load(skb, buffer, at, end - at) < 0)
				return -EPERM;
			at += buffer->progress.size;
		}
		request_feed(request, buffer);
		if (request->http.result == HTTP_MORE)
			continue;
		if (request_judge(tag, request, buffer, cookie))
			return -EPERM;
		if (request->http.result == HTTP_HEAD)
			continue;
		tag->flags &= ~SOCKET_LOOKS; /* observed, or another protocol from here on */
		return 0;
	}
	return -EPERM;
}
