/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * DNS over TCP (RFC 7766): messages with their length in front, several in a segment, or one in several. The message
 * that is whole is in text; a longer one than DNS_MESSAGE_MAX is passed over and said to be so.
 */
#pragma once

#include "dns.h"

enum dns_stream_result {
	DNS_STREAM_MORE,
	DNS_STREAM_MESSAGE,
	DNS_STREAM_LONG,
};

struct dns_stream {
	u32 result; /* enum dns_stream_result */
	u32 header; /* bytes of the length that are missing */
	u32 size;   /* of the message */
	u32 have;
	u8 text[DNS_MESSAGE_MAX];
};

static __always_inline void dns_stream_begin(struct dns_stream *s)
{
	s->result = DNS_STREAM_MORE;
	s->header = 2;
	s->size = s->have = 0;
}

static __always_inline void dns_stream_header(struct dns_stream *s, u8 byte)
{
	s->size = s->size << 8 | byte;
	s->header--;
	if (!s->header && !s->size)
		s->result = DNS_STREAM_MESSAGE; /* without a byte: malformed */
}

/* Takes one byte or more, and returns how many. When the result is not DNS_STREAM_MORE, the next call begins anew. */
static __always_inline u32 dns_stream_take(struct dns_stream *s, u8 byte, u32 left)
{
	u32 run = 1;

	if (s->result != DNS_STREAM_MORE)
		dns_stream_begin(s);
	if (s->header) {
		dns_stream_header(s, byte);
		return 1;
	}
	if (s->size > DNS_MESSAGE_MAX)
		run = smaller(s->size - s->have, left);
	else
		s->text[WITHIN(s->have, DNS_MESSAGE_MAX)] = byte;
	s->have += run;
	if (s->have >= s->size)
		s->result = s->size > DNS_MESSAGE_MAX ? DNS_STREAM_LONG : DNS_STREAM_MESSAGE;
	return run;
}
