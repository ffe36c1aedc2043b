/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which domain name is this? One spelling for each name, whoever wrote it: lower case, no dot at the end, letters,
 * digits, hyphen and underscore in labels of 1 to 63 bytes (RFC 1035 2.3.1, RFC 8552), 253 bytes as a whole. Everything
 * else has no name. Bytes come one at a time, so a text may end anywhere and go on later.
 */
#pragma once

#include "plain.h"

#define DOMAIN_MAX 253
#define DOMAIN_TEXT 256
#define DOMAIN_LABEL_MAX 63

enum domain_fault {
	DOMAIN_FINE,
	DOMAIN_ODD,	   /* a byte that no name of a host has */
	DOMAIN_EMPTY,	   /* a label without a byte; a dot at the end makes one */
	DOMAIN_LONG_LABEL, /* of more than 63 bytes */
	DOMAIN_LONG,
};

/* What the label at hand is besides: clients take a name whose last label is a number for an address. */
enum domain_label {
	LABEL_DIGITS = 1, /* so far */
	LABEL_HEX = 2,	  /* "0x" and hexadecimal digits, as far as there are bytes */
};

struct domain {
	u32 fault; /* enum domain_fault: the first one */
	u32 length;
	u32 labels; /* that have ended */
	u32 label;  /* bytes of the one at hand */
	u32 form;   /* enum domain_label, of the same */
	u32 value;  /* of it as a decimal number, at most 256 */
	u32 quad;   /* the labels that have ended as octets */
	u32 octets; /* whether they all were octets, as inet_pton() wants them */
	u8 text[DOMAIN_TEXT];
};

static __always_inline void domain_begin(struct domain *d)
{
	d->fault = DOMAIN_FINE;
	d->length = d->labels = d->label = 0;
	d->form = LABEL_DIGITS | LABEL_HEX;
	d->value = d->quad = 0;
	d->octets = 1;
}

static __always_inline void domain_fail(struct domain *d, u32 fault)
{
	if (!d->fault)
		d->fault = fault;
}

static __always_inline void domain_append(struct domain *d, u8 byte)
{
	if (d->length >= DOMAIN_MAX) {
		domain_fail(d, DOMAIN_LONG);
		return;
	}
	d->text[WITHIN(d->length, DOMAIN_TEXT)] = byte;
	d->length++;
}

static __always_inline bool label_hex(u32 at, u8 byte)
{
	if (at == 0)
		return byte == '0';
	if (at == 1)
		return byte == 'x';
	return byte_hex(byte) < 16;
}

static __always_inline void label_number(struct domain *d, u8 byte)
{
	if (!d->form)
		return; /* it is none, whatever follows */
	if (!label_hex(d->label, byte))
		d->form &= ~LABEL_HEX;
	if (!byte_digit(byte)) {
		d->form &= ~LABEL_DIGITS;
		return;
	}
	if (d->label && !d->value)
		d->octets = 0; /* 01 is one to some and eight's power to others */
	d->value = d->value * 10 + (byte - '0');
	if (d->value > 256)
		d->value = 256;
}

static __always_inline void label_end(struct domain *d)
{
	if (!d->label)
		domain_fail(d, DOMAIN_EMPTY);
	if (!(d->form & LABEL_DIGITS) || d->value > 255)
		d->octets = 0;
	d->quad = d->quad << 8 | (d->value & 255);
	d->labels++;
}

static __always_inline void domain_dot(struct domain *d)
{
	label_end(d);
	domain_append(d, '.');
	d->label = 0;
	d->value = 0;
	d->form = LABEL_DIGITS | LABEL_HEX;
}

/* A byte of a label; a dot is none. */
static __always_inline void domain_byte(struct domain *d, u8 byte)
{
	byte = byte_lower(byte);
	if (!byte_letter(byte) && !byte_digit(byte) && byte != '-' && byte != '_') {
		domain_fail(d, DOMAIN_ODD);
		return;
	}
	label_number(d, byte);
	d->label++;
	if (d->label > DOMAIN_LABEL_MAX)
		domain_fail(d, DOMAIN_LONG_LABEL);
	domain_append(d, byte);
}

#define WORD_HIGH (WORD_ONES << 7)

/* In each byte below 128 its highest bit where it is one of first to last. */
static __always_inline u64 word_between(u64 word, u8 first, u8 last)
{
	return (word + WORD_ONES * (128 - first)) & ~(word + WORD_ONES * (127 - last)) & WORD_HIGH;
}

/* Whether a word's first one to eight bytes, behind which are zeros, are a label's; then they are in lower case. */
static __always_inline bool word_spelt(u64 *word, u32 bytes)
{
	u64 taken = ~0ull >> (64 - 8 * bytes);
	u64 text = *word;
	u64 letters = word_between(text | WORD_ONES * 0x20, 'a', 'z');
	u64 others = word_between(text, '0', '9') | word_between(text, '-', '-') | word_between(text, '_', '_');

	if (text & WORD_HIGH || ((letters | others) & taken) != (WORD_HIGH & taken))
		return false;
	*word = text | letters >> 2;
	return true;
}

/* A byte of a text in which dots part labels. */
static __always_inline void domain_text(struct domain *d, u8 byte)
{
	if (byte == '.')
		domain_dot(d);
	else
		domain_byte(d, byte);
}

static __always_inline void domain_end(struct domain *d)
{
	label_end(d);
}

/* After the end: whether this would be read as an address of four bytes, well written or not. */
static __always_inline bool domain_numeric(const struct domain *d)
{
	return d->form & LABEL_DIGITS || (d->form & LABEL_HEX && d->label > 1);
}

static __always_inline bool domain_quad(const struct domain *d)
{
	return d->octets && d->labels == 4;
}
