/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What networks are made of, spelt as paths for the walk: from the last byte to the first one, to where the buffer's text ends.
 * KEEP-SYNC net v1 (enforce/net.go)
 */
#pragma once

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

static __always_inline void spell_hex(struct buffer *buffer, u8 byte)
{
	for (u32 i = 0; i < 2; i++) {
		u8 digit = byte & 15;

		spell_byte(buffer, digit < 10 ? '0' + digit : 'a' + digit - 10);
		byte >>= 4;
	}
}
