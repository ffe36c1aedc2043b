/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the fuzzers of the parsers share. The first four bytes of an input say where it is cut; the rest is what the wire
 * carries. An answer may depend on the bytes alone: whole, byte by byte, or in any other pieces, it is the same.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"

#define CUTS 4

#define EXPECT(what)                                                                       \
	do {                                                                               \
		if (!(what)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                           \
		}                                                                          \
	} while (0)

/* xorshift; small pieces are as likely as large ones, and of a quarter of all inputs each byte is one. */
static inline u32 piece(u32 *cuts, u32 left)
{
	u32 size;

	if (*cuts < 1u << 30)
		return 1;
	*cuts ^= *cuts << 13;
	*cuts ^= *cuts >> 17;
	*cuts ^= *cuts << 5;
	*cuts |= 1u << 31;
	size = 1 + (*cuts >> 8) % (1u << (*cuts & 7));
	return size < left ? size : left;
}

static inline u32 cuts_of(const uint8_t *data)
{
	u32 cuts;

	memcpy(&cuts, data, CUTS);
	return cuts | 1;
}

/* A copy of exactly its size, so that the sanitizer sees a read beyond it. */
static inline u8 *exact(const uint8_t *data, size_t size)
{
	u8 *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	return copy;
}

/* What every name that comes out of a parser is. */
static inline void expect_domain(const struct domain *d)
{
	u32 label = 0;

	EXPECT(d->length <= DOMAIN_MAX);
	for (u32 i = 0; i < d->length; i++) {
		u8 byte = d->text[i];

		if (byte == '.') {
			EXPECT(label > 0);
			label = 0;
			continue;
		}
		EXPECT((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_');
		EXPECT(++label <= DOMAIN_LABEL_MAX);
	}
	EXPECT(label > 0);
}
