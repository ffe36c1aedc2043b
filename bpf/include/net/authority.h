/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which host and port does "host:port" mean (RFC 3986 3.2)? A domain name, an address of four bytes as inet_pton() has
 * it, or one of six in brackets. Every other spelling of an address that some client understands (010.1, 0x7f.1, a
 * zone) is refused, so that it is not taken for a name.
 */
#pragma once

#include "address.h"
#include "domain.h"

enum authority_kind {
	AUTHORITY_NONE, /* has not ended well */
	AUTHORITY_NAME,
	AUTHORITY_ADDRESS,
};

enum authority_state {
	HOST_BEGIN,
	HOST_NAME,
	HOST_SIX,
	HOST_AFTER,
	HOST_PORT,
	HOST_FAULT,
};

/* What came before, inside of brackets. */
enum six_last {
	SIX_BEGIN,
	SIX_FIRST, /* one colon, at the begin */
	SIX_DIGIT,
	SIX_COLON,
	SIX_GAP, /* two colons */
	SIX_DOT,
};

struct six {
	u64 front[2]; /* groups before the gap, the last one lowest */
	u64 back[2];  /* and behind it */
	u32 fronts;
	u32 backs;
	u32 gap;
	u32 last;    /* enum six_last */
	u32 group;   /* the one at hand */
	u32 digits;  /* of it */
	u32 decimal; /* it as an octet, 256 and above where it is none */
	u32 dots;
	u32 quad;
	u32 reserved;
};

struct authority {
	u32 kind;  /* enum authority_kind */
	u32 state; /* enum authority_state */
	u32 port;  /* 0: none */
	u32 reserved;
	u8 address[16];
	struct six six;
	struct domain name;
};

static __always_inline void six_begin(struct six *s)
{
	s->front[0] = s->front[1] = s->back[0] = s->back[1] = 0;
	s->fronts = s->backs = s->gap = s->group = s->digits = 0;
	s->decimal = s->dots = s->quad = s->reserved = 0;
	s->last = SIX_BEGIN;
}

static __always_inline void authority_begin(struct authority *a)
{
	a->kind = AUTHORITY_NONE;
	a->state = HOST_BEGIN;
	a->port = a->reserved = 0;
	number_bytes(a->address, 0);
	number_bytes(a->address + 8, 0);
	six_begin(&a->six);
	domain_begin(&a->name);
}

/* number is two halves, the high one first. */
static __always_inline void shift_in(u64 *number, u32 group)
{
	number[0] = number[0] << 16 | number[1] >> 48;
	number[1] = number[1] << 16 | (group & 0xffff);
}

static __always_inline void six_group(struct six *s, u32 group)
{
	if (s->gap) {
		shift_in(s->back, group);
		s->backs++;
	} else {
		shift_in(s->front, group);
		s->fronts++;
	}
}

static __always_inline bool six_digit(struct six *s, u8 byte)
{
	u32 value = byte_hex(byte);

	if (s->last != SIX_DIGIT)
		s->group = s->digits = s->decimal = 0;
	if (s->last == SIX_FIRST || s->digits == 4 || value > 15)
		return false;
	if (!byte_digit(byte) || (s->digits && !s->decimal))
		s->decimal = 256; /* hexadecimal, or zeros in front */
	else
		s->decimal = s->decimal * 10 + value;
	s->group = s->group << 4 | value;
	s->digits++;
	s->last = SIX_DIGIT;
	return true;
}

static __always_inline bool six_colon(struct six *s)
{
	switch (s->last) {
	case SIX_BEGIN:
		s->last = SIX_FIRST;
		return true;
	case SIX_DIGIT:
		if (s->dots)
			return false;
		six_group(s, s->group);
		s->last = SIX_COLON;
		return s->fronts + s->backs < 8;
	case SIX_FIRST:
	case SIX_COLON:
		if (s->gap)
			return false;
		s->gap = 1;
		s->last = SIX_GAP;
		return true;
	}
	return false;
}

static __always_inline bool six_octet(struct six *s)
{
	if (s->last != SIX_DIGIT || s->decimal > 255)
		return false;
	s->quad = s->quad << 8 | (s->decimal & 255);
	return true;
}

static __always_inline bool six_dot(struct six *s)
{
	if (s->dots == 3 || !six_octet(s))
		return false;
	s->dots++;
	s->last = SIX_DOT;
	return true;
}

static __always_inline bool six_last(struct six *s)
{
	if (s->dots) {
		if (s->dots != 3 || !six_octet(s))
			return false;
		six_group(s, s->quad >> 16);
		six_group(s, s->quad);
		return true;
	}
	if (s->last == SIX_DIGIT) {
		six_group(s, s->group);
		return true;
	}
	return s->last == SIX_GAP;
}

/* The front goes to the upper end; the gap stands for one group at least. */
static __always_inline bool six_end(struct six *s, u8 *address)
{
	u32 groups;
	u32 shift;

	if (!six_last(s))
		return false;
	groups = s->fronts + s->backs;
	if (s->gap ? groups > 7 : groups != 8)
		return false;
	shift = 16 * (8 - (s->fronts & 15));
	if (shift >= 128) {
		s->front[0] = s->front[1] = 0;
	} else if (shift >= 64) {
		s->front[0] = s->front[1] << (shift - 64);
		s->front[1] = 0;
	} else if (shift) {
		s->front[0] = s->front[0] << shift | s->front[1] >> (64 - shift);
		s->front[1] <<= shift;
	}
	number_bytes(address, s->front[0] | s->back[0]);
	number_bytes(address + 8, s->front[1] | s->back[1]);
	return true;
}

static __always_inline void authority_six(struct authority *a, u8 byte)
{
	bool fine;

	if (byte == ']') {
		fine = six_end(&a->six, a->address);
		a->kind = AUTHORITY_ADDRESS;
		a->state = HOST_AFTER;
	} else if (byte == ':') {
		fine = six_colon(&a->six);
	} else if (byte == '.') {
		fine = six_dot(&a->six);
	} else {
		fine = six_digit(&a->six, byte);
	}
	if (!fine)
		a->state = HOST_FAULT;
}

/* The name is over, and is one, or an address. */
static __always_inline void authority_name(struct authority *a)
{
	domain_end(&a->name);
	if (a->name.fault) {
		a->state = HOST_FAULT;
		return;
	}
	if (!domain_numeric(&a->name)) {
		a->kind = AUTHORITY_NAME;
		return;
	}
	if (!domain_quad(&a->name)) {
		a->state = HOST_FAULT;
		return;
	}
	a->kind = AUTHORITY_ADDRESS;
	number_bytes(a->address + 8, 0xffff00000000 | a->name.quad);
}

static __always_inline void authority_port(struct authority *a, u8 byte)
{
	u32 port = a->port * 10 + (byte - '0');

	if (!byte_digit(byte) || !port || port > 65535)
		a->state = HOST_FAULT;
	else
		a->port = port;
}

static __always_inline void authority_host(struct authority *a, u8 byte)
{
	if (byte != ':') {
		a->state = HOST_NAME;
		domain_text(&a->name, byte);
		return;
	}
	a->state = HOST_PORT;
	authority_name(a);
}

static __always_inline void authority_byte(struct authority *a, u8 byte)
{
	switch (a->state) {
	case HOST_BEGIN:
		if (byte == '[')
			a->state = HOST_SIX;
		else
			authority_host(a, byte);
		return;
	case HOST_NAME:
		return authority_host(a, byte);
	case HOST_SIX:
		return authority_six(a, byte);
	case HOST_AFTER:
		a->state = byte == ':' ? HOST_PORT : HOST_FAULT;
		return;
	case HOST_PORT:
		return authority_port(a, byte);
	}
}

/* After the last byte; kind is AUTHORITY_NONE where this is no authority. */
static __always_inline void authority_end(struct authority *a)
{
	if (a->state == HOST_NAME)
		authority_name(a);
	else if (a->state == HOST_PORT && !a->port)
		a->state = HOST_FAULT;
	else if (a->state == HOST_BEGIN || a->state == HOST_SIX)
		a->state = HOST_FAULT;
	if (a->state == HOST_FAULT)
		a->kind = AUTHORITY_NONE;
}
