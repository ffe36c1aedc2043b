// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One DNS message, as UDP carries it. */
#include "fuzz.h"

static void expect_records(const struct dns *d, const u8 *text, u32 size)
{
	u8 address[16];

	EXPECT(d->count <= DNS_RECORDS_MAX && d->chain <= DNS_CHAIN_MAX + 1);
	for (u32 i = 0; i < d->count; i++) {
		const struct dns_record *r = &d->records[i];

		EXPECT(r->owner >= DNS_HEADER && r->owner < size);
		EXPECT(r->data >= DNS_HEADER && r->data < size);
		EXPECT(r->chain <= DNS_CHAIN_MAX + 1);
		if (!r->chain)
			continue;
		EXPECT(r->type == DNS_A || r->type == DNS_AAAA);
		EXPECT(r->data + (r->type == DNS_A ? 4u : 16u) <= size);
		EXPECT(r->ttl <= 0x7fffffff);
		dns_address(r, text, address);
		EXPECT(address_class(address) <= ADDRESS_RESERVED);
	}
}

static void expect_sense(const struct dns *d)
{
	EXPECT(d->result != DNS_MORE && d->result <= DNS_REFUSED);
	EXPECT((d->result == DNS_FINE) == (d->reason == DNS_NO_REASON));
	if (d->result == DNS_FINE && d->name.length)
		expect_domain(&d->name);
	if (d->flags & DNS_PLAIN)
		EXPECT(d->result == DNS_FINE && !(d->flags & (DNS_ANSWER | DNS_TRUNCATED)) && !d->opcode);
	if (!(d->flags & DNS_ANSWER))
		EXPECT(!d->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns dns, again;
	u8 *text;

	if (size < CUTS)
		return -1;
	size -= CUTS; /* there is nothing to cut */
	text = exact(data + CUTS, size);
	memset(&dns, 0xff, sizeof(dns));
	memset(&again, 0x55, sizeof(again));
	feed_dns(&dns, text, size);
	feed_dns(&again, text, size);
	expect_sense(&dns);
	expect_records(&dns, text, size < DNS_MESSAGE_MAX ? size : DNS_MESSAGE_MAX);
	EXPECT(dns.result == again.result && dns.reason == again.reason && dns.count == again.count);
	EXPECT(!memcmp(dns.records, again.records, dns.count * sizeof(dns.records[0])));
	free(text);
	return 0;
}
