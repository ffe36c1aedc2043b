// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* DNS over TCP: the same messages, however the stream is cut, and the same as the plain way to cut it by lengths. */
#include "fuzz.h"

struct messages {
	u32 count;
	u64 sum;
	struct dns_stream stream;
};

static void sum(struct messages *m, const u8 *text, u32 size)
{
	m->count++;
	m->sum = (m->sum ^ size) * 0x100000001b3;
	for (u32 i = 0; i < size; i++)
		m->sum = (m->sum ^ text[i]) * 0x100000001b3;
}

static void feed(struct messages *m, const u8 *bytes, u32 size)
{
	u32 at = 0;

	while (at < size) {
		at += feed_stream(&m->stream, bytes + at, size - at);
		if (m->stream.result == DNS_STREAM_MESSAGE)
			sum(m, m->stream.text, m->stream.size);
		else if (m->stream.result == DNS_STREAM_LONG)
			sum(m, NULL, 0);
	}
}

static void begin(struct messages *m)
{
	memset(m, 0x55, sizeof(*m));
	m->count = 0;
	m->sum = 0;
	dns_stream_begin(&m->stream);
}

static void plain(struct messages *m, const u8 *text, size_t size)
{
	while (size >= 2) {
		size_t length = text[0] << 8 | text[1];

		if (length + 2 > size)
			return;
		sum(m, text + 2, length > DNS_MESSAGE_MAX ? 0 : length);
		text += length + 2;
		size -= length + 2;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct messages whole, pieces, expected;
	u32 cuts;
	u8 *text;

	if (size < CUTS)
		return -1;
	cuts = cuts_of(data);
	size -= CUTS;
	text = exact(data + CUTS, size);
	begin(&whole);
	begin(&pieces);
	begin(&expected);
	plain(&expected, text, size);
	feed(&whole, text, size);
	for (size_t i = 0; i < size;) {
		u32 next = piece(&cuts, size - i);

		feed(&pieces, text + i, next);
		i += next;
	}
	EXPECT(whole.count == expected.count && whole.sum == expected.sum);
	EXPECT(pieces.count == expected.count && pieces.sum == expected.sum);
	free(text);
	return 0;
}
