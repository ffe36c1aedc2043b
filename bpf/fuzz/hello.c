// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A client's side of a TLS connection. */
#include "fuzz.h"

static void expect_same(const struct tls_hello *a, const struct tls_hello *b)
{
	EXPECT(a->result == b->result && a->reason == b->reason);
	EXPECT(a->flags == b->flags && a->over == b->over);
	if (a->over)
		return;
	EXPECT(a->header == b->header && a->record == b->record && a->skip == b->skip && a->body == b->body);
	EXPECT(a->field == b->field && a->want == b->want && a->number == b->number);
	EXPECT(a->name.length == b->name.length && !memcmp(a->name.text, b->name.text, a->name.length));
}

static void expect_sense(const struct tls_hello *h)
{
	EXPECT(h->result <= TLS_REFUSED);
	EXPECT((h->result == TLS_REFUSED) == (h->reason != TLS_FINE));
	EXPECT(h->over || h->result != TLS_REFUSED);
	EXPECT(h->field <= TLS_END && h->record <= 65535);
	EXPECT(h->body <= TLS_HELLO_MAX || h->result == TLS_REFUSED || h->field == TLS_SEALED);
	if (h->result == TLS_NAMED) {
		EXPECT(!h->name.fault);
		expect_domain(&h->name);
	}
	if (h->result == TLS_NAMELESS)
		EXPECT(!h->name.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_hello whole, pieces;
	u32 cuts;
	u8 *text;

	if (size < CUTS)
		return -1;
	cuts = cuts_of(data);
	size -= CUTS;
	text = exact(data + CUTS, size);
	/* What was there before is nobody's business. */
	memset(&whole, 0xff, sizeof(whole));
	memset(&pieces, 0x55, sizeof(pieces));
	tls_begin(&whole);
	tls_begin(&pieces);
	feed_hello(&whole, text, size);
	for (size_t i = 0; i < size;) {
		u32 next = piece(&cuts, size - i);

		feed_hello(&pieces, text + i, next);
		i += next;
	}
	expect_sense(&whole);
	expect_same(&whole, &pieces);
	free(text);
	return 0;
}
