/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parsers of packets stand on. They call nothing of the kernel and nothing of libc: the same lines are compiled
 * for the kernel, for tests and for fuzzers.
 */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* verifier: an index that is masked where it is used; the compiler may not know it for smaller and drop the mask. */
#define WITHIN(index, size)                      \
	({                                       \
		u32 index_ = (index);            \
		asm volatile("" : "+r"(index_)); \
		index_ &((size) - 1);            \
	})

#define WORD_ONES 0x0101010101010101ull /* times a byte: eight of it; the lowest bit of each byte of a word */

/* Eight bytes, wherever they lie, the first one lowest. verifier: of what clang takes for bytes it makes eight loads. */
static __always_inline u64 word_load(const u8 *bytes)
{
#ifdef __bpf__
	return *(const u64 *)bytes;
#else
	u64 word;

	__builtin_memcpy(&word, bytes, sizeof(word));
	return word;
#endif
}

/* Four bytes, likewise. */
static __always_inline u32 half_load(const u8 *bytes)
{
#ifdef __bpf__
	return *(const u32 *)bytes;
#else
	u32 half;

	__builtin_memcpy(&half, bytes, sizeof(half));
	return half;
#endif
}

/* Two bytes, likewise. */
static __always_inline u16 pair_load(const u8 *bytes)
{
#ifdef __bpf__
	return *(const u16 *)bytes;
#else
	u16 pair;

	__builtin_memcpy(&pair, bytes, sizeof(pair));
	return pair;
#endif
}

static __always_inline void word_store(u8 *bytes, u64 word)
{
#ifdef __bpf__
	*(u64 *)bytes = word;
#else
	__builtin_memcpy(bytes, &word, sizeof(word));
#endif
}

static __always_inline u32 smaller(u32 a, u32 b)
{
	return a < b ? a : b;
}

static __always_inline bool byte_digit(u8 byte)
{
	return byte >= '0' && byte <= '9';
}

static __always_inline bool byte_letter(u8 byte)
{
	return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static __always_inline u8 byte_lower(u8 byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

/* The value of a hexadecimal digit, 16 for any other byte. */
static __always_inline u32 byte_hex(u8 byte)
{
	if (byte_digit(byte))
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10u : 16;
}

/*
 * A short text as numbers, so that it is compared without a loop: its bytes in lower case, eight a number, the first one
 * lowest. bound: 24 bytes; a longer text is no text that anybody asks for.
 */
#define WORD_MAX 24

struct word {
	u64 part[4];
	u32 length;
	u32 reserved;
};

#define TEXT8(a, b, c, d, e, f, g, h)                                                                   \
	((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 | (u64)(f) << 40 | \
	 (u64)(g) << 48 | (u64)(h) << 56)

static __always_inline void word_clear(struct word *w)
{
	w->part[0] = w->part[1] = w->part[2] = w->part[3] = 0;
	w->length = 0;
}

static __always_inline void word_byte(struct word *w, u8 byte)
{
	if (w->length < WORD_MAX)
		w->part[WITHIN(w->length / 8, 4)] |= (u64)byte_lower(byte) << (w->length % 8 * 8);
	if (w->length <= WORD_MAX)
		w->length++;
}

static __always_inline bool word_is(const struct word *w, u64 first, u64 second, u64 third)
{
	return w->length <= WORD_MAX && w->part[0] == first && w->part[1] == second && w->part[2] == third;
}
