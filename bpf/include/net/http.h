/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which host does a client ask for by HTTP/1 (RFC 9112)? The Host of each request of a connection, as long as it can be
 * told where one ends and the next begins: bodies are passed over by their Content-Length, or chunk by chunk. Bytes come
 * one at a time, so a packet may end anywhere.
 *
 * Stricter than servers, on purpose: lines end with CR LF, none goes on in the next one; Host comes exactly once and is a
 * host; a target that names a host names the same one; a body has one length, given one way. What two servers could
 * read differently is refused. bound: after an Upgrade nothing can be told (HTTP_BLIND).
 */
#pragma once

#include "authority.h"

/* bound: a longer head is refused; servers take 8 to 32 KB. */
#define HTTP_HEAD_MAX 16384
#define HTTP_METHOD_MAX 16
#define HTTP_AUTHORITY_MAX 256

enum http_result {
	HTTP_MORE,    /* bytes that are to come decide */
	HTTP_HEAD,    /* a request's head is over, and this is its host */
	HTTP_BLIND,   /* what comes now may be another protocol */
	HTTP_FOREIGN, /* this is not HTTP */
	HTTP_REFUSED, /* see the reason */
};

enum http_reason {
	HTTP_FINE,
	HTTP_LONG,    /* a head of more than HTTP_HEAD_MAX bytes */
	HTTP_METHOD,  /* CONNECT */
	HTTP_TARGET,  /* a target of no form that is known, or a byte that no URI has */
	HTTP_OLD,     /* HTTP/0.9: no version */
	HTTP_TWO,     /* the preface of HTTP/2 */
	HTTP_VERSION, /* neither 1.0 nor 1.1 */
	HTTP_LINE,    /* CR or LF by itself */
	HTTP_FOLD,    /* a line that begins with a space */
	HTTP_FIELD,   /* a byte that no field has, a name without a byte, a space before the colon */
	HTTP_NO_HOST,
	HTTP_TWICE,	 /* a second Host, Content-Length or Transfer-Encoding, or one among trailers */
	HTTP_HOST,	 /* no host */
	HTTP_OTHER_HOST, /* the target names another one */
	HTTP_LENGTH,	 /* a Content-Length that is no number */
	HTTP_CODING,	 /* a Transfer-Encoding other than chunked, in HTTP/1.0, or beside a Content-Length */
	HTTP_CHUNK,	 /* a chunk that is none */
};

enum http_flag {
	HTTP_SEEN_HOST = 1,
	HTTP_SEEN_LENGTH = 2,
	HTTP_SEEN_CODING = 4,
	HTTP_UPGRADE = 8,
	HTTP_ABSOLUTE = 16, /* the target names a host */
	HTTP_ONE_ZERO = 32,
	HTTP_TRAILERS = 64,
	HTTP_GAP = 128,	  /* the value at hand has had a space after its begin */
	HTTP_BEGUN = 256, /* it has had a byte */
	HTTP_LATER = 512, /* a request came before this one */
};

enum http_state {
	HTTP_AT_METHOD,
	HTTP_AT_TARGET, /* its first byte */
	HTTP_AT_SCHEME,
	HTTP_AT_AUTHORITY,
	HTTP_AT_PATH,
	HTTP_AT_STAR,
	HTTP_AT_VERSION,
	HTTP_AT_LINE_END, /* the LF */
	HTTP_AT_FIELD,	  /* the first byte of a line */
	HTTP_AT_NAME,
	HTTP_AT_VALUE,
	HTTP_AT_HEAD_END,
	HTTP_AT_BODY,
	HTTP_AT_CHUNK, /* its size */
	HTTP_AT_EXTENSION,
	HTTP_AT_CHUNK_LINE,
	HTTP_AT_DATA,
	HTTP_AT_DATA_CR,
	HTTP_AT_DATA_LF,
};

enum http_field {
	HTTP_FIELD_ANY,
	HTTP_FIELD_HOST,
	HTTP_FIELD_LENGTH,
	HTTP_FIELD_CODING,
};

struct http {
	u32 result; /* enum http_result */
	u32 reason; /* enum http_reason */
	u32 state;  /* enum http_state */
	u32 flags;  /* enum http_flag */
	u32 field;  /* enum http_field: whose value is read */
	u32 head;   /* bytes of the head */
	u32 digits; /* of the number that is read */
	u32 target; /* bytes of the target's authority */
	u32 same;   /* bytes of Host that are the same */
	u32 reserved;
	u64 body;      /* bytes that are to be passed over */
	u64 method[2]; /* its bytes, the first one lowest */
	struct word word;
	struct authority host;
	u8 authority[HTTP_AUTHORITY_MAX]; /* the target's, in lower case */
};

static __always_inline void http_request(struct http *h)
{
	h->state = HTTP_AT_METHOD;
	h->flags &= HTTP_LATER;
	h->field = h->head = h->digits = h->target = h->same = h->reserved = 0;
	h->body = h->method[0] = h->method[1] = 0;
	word_clear(&h->word);
	authority_begin(&h->host);
}

static __always_inline void http_begin(struct http *h)
{
	h->result = HTTP_MORE;
	h->reason = HTTP_FINE;
	h->flags = 0;
	http_request(h);
}

static __always_inline void http_refuse(struct http *h, u32 reason)
{
	h->result = HTTP_REFUSED;
	h->reason = reason;
}

/* RFC 9110 5.6.2: letters, digits, and !#$%&'*+-.^_`|~ as bits of two words. */
static __always_inline bool http_token(u8 byte)
{
	u64 low = 0x03ff6cfa00000000;
	u64 high = 0x57ffffffc7fffffe;

	if (byte >= 128)
		return false;
	return (byte < 64 ? low >> byte : high >> (byte & 63)) & 1;
}

static __always_inline bool http_printable(u8 byte)
{
	return byte > ' ' && byte < 127;
}

/* A byte of a field's value, but for CR: visible, beyond ASCII, space or tab. */
static __always_inline bool http_value(u8 byte)
{
	return byte == '\t' || (byte >= ' ' && byte != 127);
}

static __always_inline void http_method(struct http *h, u8 byte)
{
	if (http_token(byte) && h->word.length < HTTP_METHOD_MAX) {
		u32 at = h->word.length;

		h->method[WITHIN(at / 8, 2)] |= (u64)byte << (at % 8 * 8);
		word_byte(&h->word, byte);
		return;
	}
	if (byte != ' ' || !h->word.length) {
		if (h->flags & HTTP_LATER)
			http_refuse(h, HTTP_FIELD);
		else
			h->result = HTTP_FOREIGN;
		return;
	}
	if (word_is(&h->word, TEXT8('c', 'o', 'n', 'n', 'e', 'c', 't', 0), 0, 0))
		http_refuse(h, HTTP_METHOD);
	h->state = HTTP_AT_TARGET;
}

static __always_inline bool http_pri(const struct http *h)
{
	return h->method[0] == TEXT8('P', 'R', 'I', 0, 0, 0, 0, 0) && !h->method[1];
}

static __always_inline bool http_options(const struct http *h)
{
	return h->method[0] == TEXT8('O', 'P', 'T', 'I', 'O', 'N', 'S', 0) && !h->method[1];
}

static __always_inline void http_target(struct http *h, u8 byte)
{
	word_clear(&h->word);
	if (byte == '/') {
		h->state = HTTP_AT_PATH;
	} else if (byte == '*') {
		h->state = HTTP_AT_STAR;
		if (http_pri(h))
			http_refuse(h, HTTP_TWO);
		else if (!http_options(h))
			http_refuse(h, HTTP_TARGET);
	} else if ((byte | 0x20) == 'h') {
		h->state = HTTP_AT_SCHEME;
		word_byte(&h->word, byte);
	} else {
		http_refuse(h, HTTP_TARGET);
	}
}

static __always_inline void http_scheme(struct http *h, u8 byte)
{
	word_byte(&h->word, byte);
	if (h->word.length < 7)
		return;
	if (!word_is(&h->word, TEXT8('h', 't', 't', 'p', ':', '/', '/', 0), 0, 0))
		http_refuse(h, HTTP_TARGET);
	h->flags |= HTTP_ABSOLUTE;
	h->state = HTTP_AT_AUTHORITY;
}

static __always_inline void http_target_end(struct http *h, u8 byte)
{
	if (byte == ' ') {
		word_clear(&h->word);
		h->state = HTTP_AT_VERSION;
	} else if (byte == '\r' || byte == '\n') {
		http_refuse(h, HTTP_OLD);
	} else {
		http_refuse(h, HTTP_TARGET);
	}
}

/* Clients send bytes beyond ASCII as people type them, which no URI has and every server takes. */
static __always_inline void http_path(struct http *h, u8 byte)
{
	if ((!http_printable(byte) && byte < 128) || byte == '#')
		http_target_end(h, byte);
}

/* What it is, Host tells: it must be the same, byte by byte (RFC 9112 3.2.2). */
static __always_inline void http_authority(struct http *h, u8 byte)
{
	if (byte == '/' || byte == '?') {
		h->state = HTTP_AT_PATH;
		return;
	}
	if (!http_printable(byte) || byte == '#') {
		http_target_end(h, byte);
		return;
	}
	if (h->target >= HTTP_AUTHORITY_MAX - 1) {
		http_refuse(h, HTTP_TARGET);
		return;
	}
	h->authority[WITHIN(h->target, HTTP_AUTHORITY_MAX)] = byte_lower(byte);
	h->target++;
}

static __always_inline void http_version(struct http *h, u8 byte)
{
	u64 one = TEXT8('h', 't', 't', 'p', '/', '1', '.', '1');
	u64 zero = TEXT8('h', 't', 't', 'p', '/', '1', '.', '0');

	if (byte != '\r') {
		bool letter = h->word.length < 4;

		if (byte == '\n')
			http_refuse(h, HTTP_LINE);
		else if (letter ? byte_lower(byte) == byte : !http_printable(byte))
			http_refuse(h, HTTP_VERSION);
		else if (h->word.length >= 8)
			http_refuse(h, HTTP_VERSION);
		word_byte(&h->word, byte);
		return;
	}
	h->state = HTTP_AT_LINE_END;
	if (word_is(&h->word, zero, 0, 0))
		h->flags |= HTTP_ONE_ZERO;
	else if (!word_is(&h->word, one, 0, 0))
		http_refuse(h, HTTP_VERSION);
}

static __always_inline void http_field_begin(struct http *h, u8 byte)
{
	if (byte == '\r') {
		h->state = HTTP_AT_HEAD_END;
		return;
	}
	if (byte == ' ' || byte == '\t') {
		http_refuse(h, HTTP_FOLD);
		return;
	}
	if (!http_token(byte)) {
		http_refuse(h, byte == '\n' ? HTTP_LINE : HTTP_FIELD);
		return;
	}
	word_clear(&h->word);
	word_byte(&h->word, byte);
	h->state = HTTP_AT_NAME;
}

/* A field of which there is one at most, and none among trailers. */
static __always_inline void http_once(struct http *h, u32 field, u32 seen)
{
	if (h->flags & (seen | HTTP_TRAILERS))
		http_refuse(h, HTTP_TWICE);
	h->field = field;
	h->flags |= seen;
}

static __always_inline void http_named(struct http *h)
{
	const struct word *w = &h->word;

	h->field = HTTP_FIELD_ANY;
	if (word_is(w, TEXT8('h', 'o', 's', 't', 0, 0, 0, 0), 0, 0))
		http_once(h, HTTP_FIELD_HOST, HTTP_SEEN_HOST);
	else if (word_is(w, TEXT8('c', 'o', 'n', 't', 'e', 'n', 't', '-'), TEXT8('l', 'e', 'n', 'g', 't', 'h', 0, 0),
			 0))
		http_once(h, HTTP_FIELD_LENGTH, HTTP_SEEN_LENGTH);
	else if (word_is(w, TEXT8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r'),
			 TEXT8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n'), 'g'))
		http_once(h, HTTP_FIELD_CODING, HTTP_SEEN_CODING);
	else if (word_is(w, TEXT8('u', 'p', 'g', 'r', 'a', 'd', 'e', 0), 0, 0))
		h->flags |= HTTP_UPGRADE;
}

static __always_inline void http_name(struct http *h, u8 byte)
{
	if (http_token(byte)) {
		word_byte(&h->word, byte);
		return;
	}
	if (byte != ':') {
		http_refuse(h, byte == '\r' || byte == '\n' ? HTTP_LINE : HTTP_FIELD);
		return;
	}
	http_named(h);
	word_clear(&h->word);
	h->digits = 0;
	h->flags &= ~(HTTP_GAP | HTTP_BEGUN);
	h->state = HTTP_AT_VALUE;
}

static __always_inline void http_host_byte(struct http *h, u8 byte)
{
	if (h->flags & HTTP_ABSOLUTE) {
		if (h->same >= h->target || h->authority[WITHIN(h->same, HTTP_AUTHORITY_MAX)] != byte_lower(byte))
			http_refuse(h, HTTP_OTHER_HOST);
		h->same++;
	}
	authority_byte(&h->host, byte);
}

/* bound: 18 digits, which are less than 2^63. */
static __always_inline void http_length_byte(struct http *h, u8 byte)
{
	if (!byte_digit(byte) || h->digits >= 18)
		http_refuse(h, HTTP_LENGTH);
	h->body = h->body * 10 + (byte - '0');
	h->digits++;
}

static __always_inline u32 http_field_fault(u32 field)
{
	if (field == HTTP_FIELD_HOST)
		return HTTP_HOST;
	return field == HTTP_FIELD_LENGTH ? HTTP_LENGTH : HTTP_CODING;
}

static __always_inline void http_value_end(struct http *h)
{
	h->state = HTTP_AT_LINE_END;
	if (h->field == HTTP_FIELD_HOST) {
		authority_end(&h->host);
		if (h->host.kind == AUTHORITY_NONE)
			http_refuse(h, HTTP_HOST);
		else if (h->same != h->target)
			http_refuse(h, HTTP_OTHER_HOST);
	} else if (h->field == HTTP_FIELD_LENGTH) {
		if (!h->digits)
			http_refuse(h, HTTP_LENGTH);
	} else if (h->field == HTTP_FIELD_CODING) {
		if (!word_is(&h->word, TEXT8('c', 'h', 'u', 'n', 'k', 'e', 'd', 0), 0, 0))
			http_refuse(h, HTTP_CODING);
	}
}

static __always_inline void http_value_byte(struct http *h, u8 byte)
{
	if (byte == '\r') {
		http_value_end(h);
		return;
	}
	if (!http_value(byte)) {
		http_refuse(h, byte == '\n' ? HTTP_LINE : HTTP_FIELD);
		return;
	}
	if (h->field == HTTP_FIELD_ANY)
		return;
	if (byte == ' ' || byte == '\t') {
		if (h->flags & HTTP_BEGUN)
			h->flags |= HTTP_GAP;
		return;
	}
	if (h->flags & HTTP_GAP) {
		http_refuse(h, http_field_fault(h->field));
		return;
	}
	h->flags |= HTTP_BEGUN;
	if (h->field == HTTP_FIELD_HOST)
		http_host_byte(h, byte);
	else if (h->field == HTTP_FIELD_LENGTH)
		http_length_byte(h, byte);
	else
		word_byte(&h->word, byte);
}

static __always_inline void http_line_end(struct http *h, u8 byte)
{
	if (byte != '\n')
		http_refuse(h, HTTP_LINE);
	h->state = HTTP_AT_FIELD;
}

/* What comes after the head, or after the trailers. */
static __always_inline void http_after(struct http *h)
{
	if (h->flags & HTTP_TRAILERS) {
		h->flags |= HTTP_LATER;
		http_request(h);
	} else if (h->flags & HTTP_UPGRADE) {
		h->result = HTTP_BLIND;
	} else if (h->flags & HTTP_SEEN_CODING) {
		h->state = HTTP_AT_CHUNK;
		h->body = h->digits = 0;
	} else if (h->body) {
		h->state = HTTP_AT_BODY;
	} else {
		h->flags |= HTTP_LATER;
		http_request(h);
	}
}

static __always_inline void http_head_end(struct http *h, u8 byte)
{
	if (byte != '\n') {
		http_refuse(h, HTTP_LINE);
		return;
	}
	if (h->flags & HTTP_TRAILERS) {
		http_after(h);
		return;
	}
	if (!(h->flags & HTTP_SEEN_HOST)) {
		http_refuse(h, HTTP_NO_HOST);
		return;
	}
	if (h->flags & HTTP_SEEN_CODING && h->flags & (HTTP_SEEN_LENGTH | HTTP_ONE_ZERO)) {
		http_refuse(h, HTTP_CODING);
		return;
	}
	h->result = HTTP_HEAD;
}

/* bound: 15 digits. Leading zeros count. */
static __always_inline void http_chunk(struct http *h, u8 byte)
{
	u32 value = byte_hex(byte);

	if (value < 16 && h->digits < 15) {
		h->body = h->body << 4 | value;
		h->digits++;
		return;
	}
	if (!h->digits || (byte != '\r' && byte != ';'))
		http_refuse(h, HTTP_CHUNK);
	h->state = byte == '\r' ? HTTP_AT_CHUNK_LINE : HTTP_AT_EXTENSION;
	h->head = 0;
}

static __always_inline void http_extension(struct http *h, u8 byte)
{
	if (byte == '\r')
		h->state = HTTP_AT_CHUNK_LINE;
	else if (!http_value(byte))
		http_refuse(h, HTTP_CHUNK);
}

static __always_inline void http_chunk_line(struct http *h, u8 byte)
{
	if (byte != '\n')
		http_refuse(h, HTTP_CHUNK);
	if (h->body) {
		h->state = HTTP_AT_DATA;
		return;
	}
	h->flags |= HTTP_TRAILERS;
	h->state = HTTP_AT_FIELD;
}

static __always_inline void http_data_cr(struct http *h, u8 byte)
{
	if (byte != '\r')
		http_refuse(h, HTTP_CHUNK);
	h->state = HTTP_AT_DATA_LF;
}

static __always_inline void http_data_lf(struct http *h, u8 byte)
{
	if (byte != '\n')
		http_refuse(h, HTTP_CHUNK);
	h->state = HTTP_AT_CHUNK;
	h->digits = 0;
}

static __always_inline void http_line(struct http *h, u8 byte)
{
	switch (h->state) {
	case HTTP_AT_METHOD:
		return http_method(h, byte);
	case HTTP_AT_TARGET:
		return http_target(h, byte);
	case HTTP_AT_SCHEME:
		return http_scheme(h, byte);
	case HTTP_AT_AUTHORITY:
		return http_authority(h, byte);
	case HTTP_AT_PATH:
		return http_path(h, byte);
	case HTTP_AT_STAR:
		return http_target_end(h, byte);
	case HTTP_AT_VERSION:
		return http_version(h, byte);
	case HTTP_AT_LINE_END:
		return http_line_end(h, byte);
	case HTTP_AT_FIELD:
		return http_field_begin(h, byte);
	case HTTP_AT_NAME:
		return http_name(h, byte);
	case HTTP_AT_VALUE:
		return http_value_byte(h, byte);
	case HTTP_AT_HEAD_END:
		return http_head_end(h, byte);
	}
}

static __always_inline void http_chunked(struct http *h, u8 byte)
{
	switch (h->state) {
	case HTTP_AT_CHUNK:
		return http_chunk(h, byte);
	case HTTP_AT_EXTENSION:
		return http_extension(h, byte);
	case HTTP_AT_CHUNK_LINE:
		return http_chunk_line(h, byte);
	case HTTP_AT_DATA_CR:
		return http_data_cr(h, byte);
	case HTTP_AT_DATA_LF:
		return http_data_lf(h, byte);
	}
}

/* Bytes of a body, or of a chunk. */
static __always_inline u32 http_pass(struct http *h, u32 left)
{
	u32 run = h->body < left ? (u32)h->body : left;

	h->body -= run;
	if (h->body)
		return run;
	if (h->state == HTTP_AT_DATA) {
		h->state = HTTP_AT_DATA_CR;
	} else {
		h->flags |= HTTP_LATER;
		http_request(h);
	}
	return run;
}

/*
 * Takes the next of the client's bytes, and returns how many of the left ones it has taken. Stop at HTTP_HEAD to judge
 * the request; the next call goes on behind its head, and has no host until the next head is over.
 */
static __always_inline u32 http_take(struct http *h, u8 byte, u32 left)
{
	if (h->result == HTTP_HEAD) {
		h->result = HTTP_MORE;
		http_after(h);
	}
	if (h->result != HTTP_MORE)
		return left;
	if (h->state == HTTP_AT_BODY || h->state == HTTP_AT_DATA)
		return http_pass(h, left);
	h->head++;
	if (h->head > HTTP_HEAD_MAX) {
		http_refuse(h, HTTP_LONG);
		return 1;
	}
	if (h->state < HTTP_AT_BODY)
		http_line(h, byte);
	else
		http_chunked(h, byte);
	return 1;
}
