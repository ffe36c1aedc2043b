// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A client's side of an HTTP/1 connection: the hosts of all its requests, and how it ends. */
#include "fuzz.h"

struct heads {
	u32 count;
	u64 sum; /* of all that was told */
	struct http http;
};

static void sum_byte(struct heads *h, u64 byte)
{
	h->sum = (h->sum ^ byte) * 0x100000001b3;
}

static void sum_head(struct heads *h)
{
	const struct authority *a = &h->http.host;

	EXPECT(a->kind == AUTHORITY_NAME || a->kind == AUTHORITY_ADDRESS);
	EXPECT(a->port <= 65535);
	if (a->kind == AUTHORITY_NAME) {
		EXPECT(!a->name.fault && !domain_numeric(&a->name));
		expect_domain(&a->name);
	}
	h->count++;
	sum_byte(h, a->kind);
	sum_byte(h, a->port);
	for (u32 i = 0; i < 16; i++)
		sum_byte(h, a->address[i]);
	for (u32 i = 0; i < a->name.length; i++)
		sum_byte(h, a->name.text[i]);
	sum_byte(h, h->http.method[0]);
	sum_byte(h, h->http.method[1]);
}

static void feed(struct heads *h, const u8 *bytes, u32 size)
{
	u32 at = 0;

	while (at < size) {
		at += feed_http(&h->http, bytes + at, size - at);
		if (h->http.result == HTTP_HEAD)
			sum_head(h);
		else if (h->http.result != HTTP_MORE)
			return;
	}
}

static void begin(struct heads *h, int fill)
{
	memset(h, fill, sizeof(*h));
	h->count = 0;
	h->sum = 0;
	http_begin(&h->http);
}

static void expect_same(const struct heads *a, const struct heads *b)
{
	EXPECT(a->count == b->count && a->sum == b->sum);
	EXPECT(a->http.result == b->http.result && a->http.reason == b->http.reason);
	EXPECT(a->http.state == b->http.state && a->http.flags == b->http.flags && a->http.body == b->http.body);
}

static void expect_sense(const struct http *h)
{
	EXPECT(h->result <= HTTP_REFUSED);
	EXPECT((h->result == HTTP_REFUSED) == (h->reason != HTTP_FINE));
	EXPECT(h->state <= HTTP_AT_DATA_LF && h->head <= HTTP_HEAD_MAX + 1);
	EXPECT(h->target < HTTP_AUTHORITY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct heads whole, pieces;
	u32 cuts;
	u8 *text;

	if (size < CUTS)
		return -1;
	cuts = cuts_of(data);
	size -= CUTS;
	text = exact(data + CUTS, size);
	begin(&whole, 0xff);
	begin(&pieces, 0x55);
	feed(&whole, text, size);
	for (size_t i = 0; i < size;) {
		u32 next = piece(&cuts, size - i);

		feed(&pieces, text + i, next);
		i += next;
	}
	expect_sense(&whole.http);
	expect_same(&whole, &pieces);
	free(text);
	return 0;
}
