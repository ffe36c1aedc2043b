/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which server does a client ask for by TLS? The server name of a ClientHello (RFC 8446 4.1.2, RFC 6066 3), in one
 * record or many, in packets that end anywhere. Bytes that tell nothing are counted, never kept: the state is of one
 * size for every hello. With ECH (RFC 9849) it is the outer name, which is all that the wire shows.
 *
 * Stricter than servers, on purpose: one name, of type host_name, that is a domain; nothing behind the hello in its
 * record; no empty record. What a server would refuse for parts that are not read here is not refused here.
 */
#pragma once

#include "domain.h"

/* bound: a longer hello is refused. Three post-quantum key shares and a large ticket are 6 KB. */
#define TLS_HELLO_MAX 8192
#define TLS_RECORD_MAX 16384
#define TLS_HEADER 5
/* No encrypted Finished of TLS 1.2 has a record of more bytes: IV, 16 bytes, MAC and padding. */
#define TLS_FINISHED_MAX 96

enum tls_result {
	TLS_MORE,     /* bytes that are to come decide */
	TLS_NAMED,    /* the hello is over, and this is its name */
	TLS_NAMELESS, /* the hello is over, and has none */
	TLS_FOREIGN,  /* this is not TLS */
	TLS_REFUSED,  /* see the reason */
};

enum tls_reason {
	TLS_FINE,
	TLS_RECORD,   /* a record that does not carry a hello on, or is empty, or too long */
	TLS_OTHER,    /* a handshake that does not begin with a ClientHello */
	TLS_LONG,     /* a hello of more than TLS_HELLO_MAX bytes */
	TLS_LENGTH,   /* a length that does not agree with those around it */
	TLS_TWICE,    /* an extension that comes twice */
	TLS_NAMES,    /* not exactly one name, or not of type host_name */
	TLS_DOMAIN,   /* no domain name */
	TLS_ADDRESS,  /* an address as a name */
	TLS_INNER,    /* an ECH hello that belongs inside another one */
	TLS_TRAILING, /* something behind the hello, in its record */
	TLS_CHANGED,  /* a second hello that asks for something else */
};

enum tls_flag {
	TLS_ECH = 1,	/* encrypted_client_hello is there: real, or grease */
	TLS_EARLY = 2,	/* early_data: application data may follow before the server has a say */
	TLS_SECOND = 4, /* the hello at hand answers a HelloRetryRequest */
	TLS_ASKED = 8,	/* the name is whole, and is one; the hello may still be refused for something behind it */
};

enum tls_field {
	TLS_KIND, /* of the handshake message */
	TLS_SIZE,
	TLS_VERSION,
	TLS_RANDOM,
	TLS_SESSION,
	TLS_CIPHERS,
	TLS_COMPRESSION,
	TLS_EXTENSIONS,
	TLS_EXTENSION,
	TLS_EXTENSION_SIZE,
	TLS_NAME_LIST,
	TLS_NAME_KIND,
	TLS_NAME_SIZE,
	TLS_NAME,
	TLS_ECH_KIND,
	TLS_SEALED, /* a record in the place of a second hello that is one, or was encrypted: the next one tells */
	TLS_END,
};

enum tls_number {
	TLS_CONTENT_CIPHER_CHANGE = 20,
	TLS_CONTENT_ALERT = 21,
	TLS_CONTENT_HANDSHAKE = 22,
	TLS_CONTENT_DATA = 23,
	TLS_CLIENT_HELLO = 1,
	TLS_EXTENSION_NAME = 0,
	TLS_EXTENSION_EARLY = 42,
	TLS_EXTENSION_VERSIONS = 43,
	TLS_EXTENSION_ECH = 0xfe0d,
};

struct tls_hello {
	u32 result; /* enum tls_result */
	u32 reason; /* enum tls_reason */
	u32 flags;  /* enum tls_flag */
	u32 over;   /* nothing that follows is looked at */
	u32 header; /* bytes of the record's header that are missing */
	u32 record; /* bytes of the record that are missing */
	u32 skip;   /* bytes that tell nothing */
	u32 field;  /* enum tls_field: what is read now */
	u32 want;   /* bytes of it that are missing */
	u32 number; /* those that are there */
	u32 body;   /* bytes of the hello that no field has taken yet */
	u32 kind;   /* of the extension */
	u32 inner;  /* its size */
	u32 passed; /* the record is passed over whole */
	u32 same;   /* of a second hello: bytes of its name that are the first one's */
	u32 small;  /* the message has no more than one small record so far */
	u64 seen;   /* extensions: bit 63 is ECH, the others their numbers */
	struct domain name;
};

static __always_inline void tls_expect(struct tls_hello *h, u32 field, u32 want)
{
	h->field = field;
	h->want = want;
	h->number = 0;
}

static __always_inline void tls_message(struct tls_hello *h)
{
	h->header = TLS_HEADER;
	h->record = h->skip = h->passed = h->body = 0;
	h->kind = h->inner = h->same = h->small = 0;
	h->seen = 0;
	tls_expect(h, TLS_KIND, 1);
}

static __always_inline void tls_begin(struct tls_hello *h)
{
	h->result = TLS_MORE;
	h->reason = TLS_FINE;
	h->flags = h->over = 0;
	domain_begin(&h->name);
	tls_message(h);
}

static __always_inline void tls_stop(struct tls_hello *h, u32 result, u32 reason)
{
	h->result = result;
	h->reason = reason;
	h->over = 1;
}

static __always_inline void tls_refuse(struct tls_hello *h, u32 reason)
{
	tls_stop(h, TLS_REFUSED, reason);
}

/*
 * This is no hello, for any server. After a first one it may be the Finished of a resumed TLS 1.2, encrypted, of which
 * one of 256 begins like one: a small record, with none of its kind behind it.
 */
static __always_inline void tls_wrong(struct tls_hello *h, u32 reason)
{
	if (!(h->flags & TLS_SECOND) || h->flags & TLS_EARLY || !h->small) {
		tls_refuse(h, reason);
		return;
	}
	h->field = TLS_SEALED;
	h->skip = 0;
	h->passed = h->record != 0;
}

/* A field takes its bytes of the hello, or the hello is refused. */
static __always_inline bool tls_reserve(struct tls_hello *h, u32 size)
{
	if (size > h->body) {
		tls_wrong(h, TLS_LENGTH);
		return false;
	}
	h->body -= size;
	return true;
}

static __always_inline void tls_read(struct tls_hello *h, u32 field, u32 want)
{
	if (tls_reserve(h, want))
		tls_expect(h, field, want);
}

static __always_inline bool tls_pass(struct tls_hello *h, u32 size)
{
	if (!tls_reserve(h, size))
		return false;
	h->skip = size;
	return true;
}

/* After a first hello, in the place of a second one. Servers pass over cipher changes and alerts while they wait for it. */
static __always_inline void tls_between(struct tls_hello *h, u8 content)
{
	h->passed = 1;
	if (content == TLS_CONTENT_CIPHER_CHANGE || content == TLS_CONTENT_ALERT)
		return;
	if (content != TLS_CONTENT_DATA)
		tls_refuse(h, TLS_RECORD);
	else if (!(h->flags & TLS_EARLY))
		h->over = 1;
}

/*
 * Inside of what looks like a second hello. Data is never inside of one: then it was a Finished that began like one.
 * Servers that were offered early data and do not want it may pass over it there, too.
 */
static __always_inline void tls_inside(struct tls_hello *h, u8 content)
{
	if (content == TLS_CONTENT_DATA && !(h->flags & TLS_EARLY))
		h->over = 1;
	else
		tls_refuse(h, TLS_RECORD);
}

static __always_inline void tls_content(struct tls_hello *h, u8 content)
{
	if (content == TLS_CONTENT_HANDSHAKE) {
		if (h->field == TLS_SEALED)
			tls_refuse(h, TLS_LENGTH);
		return;
	}
	if (!(h->flags & TLS_SECOND)) {
		if (h->field == TLS_KIND)
			tls_stop(h, TLS_FOREIGN, TLS_FINE);
		else
			tls_refuse(h, TLS_RECORD);
		return;
	}
	if (h->field == TLS_KIND)
		tls_between(h, content);
	else
		tls_inside(h, content);
}

static __always_inline void tls_version(struct tls_hello *h, u8 major)
{
	if (major == 3)
		return;
	if (h->field == TLS_KIND && !(h->flags & TLS_SECOND))
		tls_stop(h, TLS_FOREIGN, TLS_FINE);
	else
		tls_refuse(h, TLS_RECORD);
}

static __always_inline void tls_header(struct tls_hello *h, u8 byte)
{
	h->header--;
	if (h->header == 4)
		tls_content(h, byte);
	else if (h->header == 3)
		tls_version(h, byte);
	else if (h->header == 1)
		h->record = (u32)byte << 8;
	else if (h->header == 0)
		h->record |= byte;
	if (h->header || h->over)
		return;
	h->small = h->field == TLS_KIND && h->record <= TLS_FINISHED_MAX;
	if (!h->record || (h->record > TLS_RECORD_MAX && !h->passed))
		tls_refuse(h, TLS_RECORD);
}

static __always_inline void tls_kind(struct tls_hello *h)
{
	if (h->number == TLS_CLIENT_HELLO)
		tls_expect(h, TLS_SIZE, 3);
	else if (h->flags & TLS_SECOND)
		h->over = 1; /* the handshake went on: there is no second hello */
	else
		tls_refuse(h, TLS_OTHER);
}

static __always_inline void tls_size(struct tls_hello *h)
{
	h->body = h->number;
	if (h->number > TLS_HELLO_MAX)
		tls_wrong(h, TLS_LONG);
	else
		tls_read(h, TLS_VERSION, 2);
}

static __always_inline void tls_session(struct tls_hello *h)
{
	if (h->number > 32)
		tls_wrong(h, TLS_LENGTH);
	else if (tls_pass(h, h->number))
		tls_read(h, TLS_CIPHERS, 2);
}

static __always_inline void tls_ciphers(struct tls_hello *h)
{
	if (h->number < 2 || h->number & 1)
		tls_wrong(h, TLS_LENGTH);
	else if (tls_pass(h, h->number))
		tls_read(h, TLS_COMPRESSION, 1);
}

/* Clients before TLS 1.3 may leave extensions out altogether. */
static __always_inline void tls_compression(struct tls_hello *h)
{
	if (h->number < 1) {
		tls_wrong(h, TLS_LENGTH);
		return;
	}
	if (!tls_pass(h, h->number))
		return;
	if (h->body)
		tls_read(h, TLS_EXTENSIONS, 2);
	else
		tls_expect(h, TLS_END, 0);
}

static __always_inline void tls_extension_next(struct tls_hello *h)
{
	if (h->body)
		tls_read(h, TLS_EXTENSION, 2);
	else
		tls_expect(h, TLS_END, 0);
}

static __always_inline void tls_extensions(struct tls_hello *h)
{
	if (h->number != h->body)
		tls_wrong(h, TLS_LENGTH);
	else
		tls_extension_next(h);
}

/* bound: of extensions that nobody asks for here and whose number is above 62, a second one is not noticed. */
static __always_inline void tls_extension(struct tls_hello *h)
{
	u64 bit = h->number < 63 ? 1ull << (h->number & 63) : 0;

	if (h->number == TLS_EXTENSION_ECH)
		bit = 1ull << 63;
	if (h->seen & bit) {
		tls_refuse(h, TLS_TWICE);
		return;
	}
	h->seen |= bit;
	h->kind = h->number;
	if (h->kind == TLS_EXTENSION_EARLY)
		h->flags |= TLS_EARLY;
	tls_read(h, TLS_EXTENSION_SIZE, 2);
}

/* The smallest server_name has a list's length, a type, a name's length and one byte. */
static __always_inline void tls_extension_size(struct tls_hello *h)
{
	h->inner = h->number;
	if (h->inner > h->body) {
		tls_wrong(h, TLS_LENGTH);
		return;
	}
	if (h->kind == TLS_EXTENSION_NAME) {
		if (h->inner < 6)
			tls_refuse(h, TLS_NAMES);
		else
			tls_read(h, TLS_NAME_LIST, 2);
		return;
	}
	if (h->kind == TLS_EXTENSION_ECH) {
		if (!h->inner)
			tls_refuse(h, TLS_LENGTH); /* servers without ECH would not mind */
		else
			tls_read(h, TLS_ECH_KIND, 1);
		return;
	}
	if (tls_pass(h, h->inner))
		tls_extension_next(h);
}

static __always_inline void tls_name_list(struct tls_hello *h)
{
	if (h->number + 2 != h->inner)
		tls_wrong(h, TLS_LENGTH);
	else
		tls_read(h, TLS_NAME_KIND, 1);
}

static __always_inline void tls_name_kind(struct tls_hello *h)
{
	if (h->number)
		tls_refuse(h, TLS_NAMES);
	else
		tls_read(h, TLS_NAME_SIZE, 2);
}

static __always_inline void tls_name_size(struct tls_hello *h)
{
	if (h->number + 5 > h->inner)
		tls_wrong(h, TLS_LENGTH);
	else if (h->number + 5 < h->inner || !h->number)
		tls_refuse(h, TLS_NAMES);
	else
		tls_read(h, TLS_NAME, h->number);
}

static __always_inline void tls_ech_kind(struct tls_hello *h)
{
	h->flags |= TLS_ECH;
	if (h->number)
		tls_refuse(h, TLS_INNER);
	else if (tls_pass(h, h->inner - 1))
		tls_extension_next(h);
}

static __always_inline void tls_name_end(struct tls_hello *h)
{
	if (h->flags & TLS_SECOND) {
		if (h->same != h->name.length)
			tls_refuse(h, TLS_CHANGED);
	} else {
		domain_end(&h->name);
		if (h->name.fault)
			tls_refuse(h, TLS_DOMAIN);
		else if (domain_numeric(&h->name))
			tls_refuse(h, TLS_ADDRESS);
	}
	if (h->over)
		return;
	h->flags |= TLS_ASKED;
	tls_extension_next(h);
}

static __always_inline void tls_name(struct tls_hello *h, u8 byte)
{
	if (!(h->flags & TLS_SECOND)) {
		domain_text(&h->name, byte);
	} else {
		if (h->same >= h->name.length || h->name.text[WITHIN(h->same, DOMAIN_TEXT)] != byte_lower(byte))
			tls_refuse(h, TLS_CHANGED);
		h->same++;
	}
	h->want--;
	if (!h->want && !h->over)
		tls_name_end(h);
}

/* A number is whole. */
static __always_inline void tls_number(struct tls_hello *h)
{
	switch (h->field) {
	case TLS_KIND:
		return tls_kind(h);
	case TLS_SIZE:
		return tls_size(h);
	case TLS_VERSION:
		if (tls_pass(h, 32))
			tls_read(h, TLS_SESSION, 1);
		return;
	case TLS_SESSION:
		return tls_session(h);
	case TLS_CIPHERS:
		return tls_ciphers(h);
	case TLS_COMPRESSION:
		return tls_compression(h);
	case TLS_EXTENSIONS:
		return tls_extensions(h);
	case TLS_EXTENSION:
		return tls_extension(h);
	case TLS_EXTENSION_SIZE:
		return tls_extension_size(h);
	case TLS_NAME_LIST:
		return tls_name_list(h);
	case TLS_NAME_KIND:
		return tls_name_kind(h);
	case TLS_NAME_SIZE:
		return tls_name_size(h);
	case TLS_ECH_KIND:
		return tls_ech_kind(h);
	}
}

/*
 * The hello is whole. What follows is looked at as long as it may be a second one, after a HelloRetryRequest: servers
 * take its name as well. Only TLS 1.3 has that.
 */
static __always_inline void tls_end(struct tls_hello *h)
{
	u32 result = h->seen & (1 << TLS_EXTENSION_NAME) ? TLS_NAMED : TLS_NAMELESS;

	if (h->record) {
		tls_refuse(h, TLS_TRAILING);
		return;
	}
	if (h->flags & TLS_SECOND && h->result != result) {
		tls_refuse(h, TLS_CHANGED);
		return;
	}
	h->result = result;
	h->flags |= TLS_SECOND;
	h->over = !(h->seen >> TLS_EXTENSION_VERSIONS & 1);
	tls_message(h);
}

static __always_inline void tls_byte(struct tls_hello *h, u8 byte)
{
	if (h->field == TLS_NAME) {
		tls_name(h, byte);
		return;
	}
	h->number = h->number << 8 | byte;
	h->want--;
	if (!h->want)
		tls_number(h);
}

/*
 * Takes the next of the client's bytes, and returns how many of the left ones it has taken: more than one where they
 * tell nothing. Called until none is left; the result may be looked at any time, and may still become a refusal after
 * the first hello.
 */
static __always_inline u32 tls_take(struct tls_hello *h, u8 byte, u32 left)
{
	u32 run = 1;

	if (h->over)
		return left;
	if (h->header) {
		tls_header(h, byte);
		return 1;
	}
	if (h->passed)
		run = smaller(h->record, left);
	else if (h->skip)
		run = smaller(smaller(h->skip, h->record), left);
	h->record -= run;
	if (!h->record)
		h->header = TLS_HEADER;
	if (h->passed) {
		h->passed = h->record != 0;
		return run;
	}
	if (h->skip)
		h->skip -= run;
	else
		tls_byte(h, byte);
	if (!h->skip && h->field == TLS_END && !h->over)
		tls_end(h);
	return run;
}
