/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parsers' loops in user space, for tests and fuzzers. In the kernel they are those of prog/parse.bpf.c. */
#pragma once

#include "net/address.h"
#include "net/dns_stream.h"
#include "net/http.h"
#include "net/tls.h"

static inline void feed_dns(struct dns *d, const u8 *message, u32 size)
{
	dns_begin(d, size);
	for (u32 i = 0; i < DNS_STEPS_MAX && d->result == DNS_MORE; i++)
		dns_step(d, message);
	dns_stop(d);
}

/* Up to the end of the bytes. */
static inline u32 feed_hello(struct tls_hello *h, const u8 *bytes, u32 size)
{
	u32 at = 0;

	while (at < size)
		at += tls_take(h, bytes[at], size - at);
	return at;
}

/* Up to the end of the bytes, or of a head. */
static inline u32 feed_http(struct http *h, const u8 *bytes, u32 size)
{
	u32 at = 0;

	while (at < size) {
		at += http_take(h, bytes[at], size - at);
		if (h->result != HTTP_MORE)
			break;
	}
	return at;
}

/* Up to the end of the bytes, or of a message. */
static inline u32 feed_stream(struct dns_stream *s, const u8 *bytes, u32 size)
{
	u32 at = 0;

	while (at < size) {
		at += dns_stream_take(s, bytes[at], size - at);
		if (s->result != DNS_STREAM_MORE)
			break;
	}
	return at;
}
