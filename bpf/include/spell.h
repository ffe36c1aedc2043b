/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What networks are made of, spelt as paths for the walk: from the last byte to the first one, to where the buffer's text ends.
 * KEEP-SYNC net v1 (enforce/net.go)
 */
#pragma once

#include "net/plain.h"
#include "path.h"

enum spell {
	SPELL_DIGITS = 10, /* of a u32 */
};

static __always_inline void spell_begin(struct buffer *buffer)
{
	__builtin_memset(&buffer->name, 0, sizeof(buffer->name));
	buffer->text[TEXT_END] = 0;
	buffer->name.offset = TEXT_END;
}

static __always_inline void spell_end(struct buffer *buffer)
{
	buffer->name.length = TEXT_END - buffer->name.offset;
}

static __always_inline void spell_byte(struct buffer *buffer, u8 byte)
{
	buffer->name.offset--;
	buffer->text[buffer->name.offset & (TEXT_MAX - 1)] = byte;
}

/* bound: SPELL_DIGITS. */
static __always_inline void spell_number(struct buffer *buffer, u32 number)
{
	for (u32 i = 0; i < SPELL_DIGITS; i++) {
		spell_byte(buffer, '0' + number % 10);
		number /= 10;
		if (!number)
			break;
	}
}

/* Four bytes as they lie, in hexadecimal: a digit in each byte of a word, made a character together. */
static __always_inline void spell_hex(struct buffer *buffer, u32 bytes)
{
	u64 digits = bytes;

	digits = (digits | digits << 16) & 0x0000ffff0000ffff;
	digits = (digits | digits << 8) & 0x00ff00ff00ff00ff;
	digits = (digits >> 4 | digits << 8) & WORD_ONES * 15;
	digits += WORD_ONES * '0' + ((digits + WORD_ONES * 6) >> 4 & WORD_ONES) * ('a' - '0' - 10);
	buffer->name.offset -= sizeof(digits);
	*(u64 *)(buffer->text + (buffer->name.offset & (TEXT_MAX - 1))) = digits;
}
