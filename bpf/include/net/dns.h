/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What does a DNS message ask, and which addresses does it give the name that it asks for? RFC 1035, 2181, 3596, 6891.
 *
 * A message is walked step by step, where it lies: names are compared in place, through their compression pointers,
 * byte by byte and without regard to case. An address counts if its owner is the question's name or is reached from it
 * by CNAMEs, in whichever order the records come; of two CNAMEs of one owner the first counts. Each such address has the
 * smallest time to live of the way to it. Authority and additional records of answers are not looked at.
 *
 * Stricter than resolvers, on purpose: one question, of class IN, its name without pointers and of letters, digits,
 * hyphen and underscore alone; pointers lead backwards; what cannot be walked is malformed, and counts no further.
 */
#pragma once

#include "domain.h"

/* bound: of a longer message only this much is looked at, so that its answer is malformed where it goes on. */
#define DNS_MESSAGE_MAX 4096
/* bound: addresses and CNAMEs of an answer; those after them are not learned (DNS_CUT). */
#define DNS_RECORDS_MAX 64
/* bound: CNAMEs in a row, as BIND and unbound follow them. */
#define DNS_CHAIN_MAX 12
/* bound: work; ten times what the longest answer of an honest server takes. A costlier one is refused. */
#define DNS_STEPS_MAX 16384
/* Bytes of a question's label that are taken at once, and how often one step does so. */
#define DNS_STRIDE 8
#define DNS_WORDS 8
#define DNS_HEADER 12
#define DNS_NAME_MAX 255

enum dns_result {
	DNS_MORE,
	DNS_FINE,
	DNS_MALFORMED, /* see the reason; what was found before it stands */
	DNS_REFUSED,   /* well formed, and not what is understood here: see the reason */
};

enum dns_reason {
	DNS_NO_REASON,
	DNS_SHORT,	/* the message ends inside of something */
	DNS_LABEL,	/* a label of a type that is no more, or never was */
	DNS_POINTER,	/* that leads forward, or to itself */
	DNS_NAME_LONG,	/* of more than 255 bytes */
	DNS_DATA,	/* a record whose data has not the size that its type has */
	DNS_TRAILING,	/* bytes behind the message */
	DNS_QUESTIONS,	/* not exactly one */
	DNS_COMPRESSED, /* a question that points elsewhere */
	DNS_ODD,	/* a byte that no name of a host has */
	DNS_CLASS,	/* not IN */
	DNS_OPCODE,	/* of an answer: not QUERY */
	DNS_COSTLY,	/* more than DNS_STEPS_MAX steps */
};

enum dns_flag {
	DNS_ANSWER = 1,	   /* QR */
	DNS_TRUNCATED = 2, /* TC */
	DNS_PLAIN = 4,	   /* a question for the resolver and nothing else: no records but one OPT */
	DNS_CUT = 8,	   /* more than DNS_RECORDS_MAX records */
};

enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_IN = 1,
};

enum dns_phase {
	DNS_PHASE_HEADER,
	DNS_PHASE_QUESTION,
	DNS_PHASE_OWNER,
	DNS_PHASE_RECORD,
	DNS_PHASE_TARGET,
	DNS_PHASE_SCAN,
	DNS_PHASE_COMPARE,
};

/* verifier: fields in groups of eight bytes. */
struct dns_record {
	u16 type;
	u16 owner; /* where its name is, after the first pointers */
	u16 data;  /* an address, or the name that a CNAME gives */
	u16 chain; /* of addresses: 1 for one of the question's name, 2 behind one CNAME, and so on; 0: not the question's */
	u32 ttl; /* seconds; with chain, the smallest of the way */
	u32 used;
};

/* A name that is walked. */
struct dns_walk {
	u32 at;
	u32 first; /* where its first label is */
	u32 bound; /* pointers lead before it */
	u32 end;   /* behind the name where it began; 0: not known yet */
	u32 length;
	u32 reserved;
};

/* Two names that are compared; both were walked before. */
struct dns_compare {
	u32 a;
	u32 b;
	u32 label; /* bytes of the label that are left */
	u32 reserved;
};

struct dns {
	u32 result; /* enum dns_result */
	u32 reason; /* enum dns_reason */
	u32 size;   /* of the message */
	u32 phase;  /* enum dns_phase */
	u32 at;
	u32 id;
	u32 flags; /* enum dns_flag */
	u32 opcode;
	u32 rcode;   /* without the upper bits of an OPT */
	u32 type;    /* of the question */
	u32 options; /* bytes of options of a question's OPT */
	u32 left;    /* answers that were not walked yet */
	u32 others;  /* authority records */
	u32 additional;
	u32 count; /* of records */
	u32 open;  /* of them, those that may yet be found to be of the chain, or lead on */
	u32 index; /* of the one that is looked at */
	u32 chain; /* names of the chain so far */
	u32 next;  /* the name after it, 0: none */
	u32 owner; /* the name that is looked for */
	u32 ttl;   /* of the way to it */
	u32 next_ttl;
	u32 ending; /* result that the walk ended with */
	u32 reserved;
	struct dns_walk walk;
	struct dns_compare compare;
	struct domain name; /* its text alone: whether it is a number is not asked */
	/* verifier: behind the name, at whose last byte a word may begin for all that it knows. */
	struct dns_record records[DNS_RECORDS_MAX];
} __attribute__((aligned(8)));

/* size: bytes of the message that are at hand, at most DNS_MESSAGE_MAX. */
static __always_inline void dns_begin(struct dns *d, u32 size)
{
	/* By words: DNS_MORE, DNS_NO_REASON, DNS_PHASE_HEADER. */
	__builtin_memset(d, 0, __builtin_offsetof(struct dns, walk));
	d->size = smaller(size, DNS_MESSAGE_MAX);
	d->compare.label = 0;
	domain_begin(&d->name);
}

/* verifier: message is DNS_MESSAGE_MAX bytes; at is below size wherever this is called. */
static __always_inline u8 dns_byte(const u8 *message, u32 at)
{
	return message[WITHIN(at, DNS_MESSAGE_MAX)];
}

/* verifier: behind the message there are more bytes than a word has. */
static __always_inline u64 dns_word(const u8 *message, u32 at)
{
	return word_load(message + WITHIN(at, DNS_MESSAGE_MAX));
}

/* Numbers, as they lie on the wire. */
static __always_inline u32 dns_u16(const u8 *message, u32 at)
{
	return __builtin_bswap16(pair_load(message + WITHIN(at, DNS_MESSAGE_MAX)));
}

static __always_inline u64 dns_u64(const u8 *message, u32 at)
{
	return __builtin_bswap64(dns_word(message, at));
}

static __always_inline void dns_end(struct dns *d, u32 result, u32 reason)
{
	d->result = result;
	d->reason = reason;
}

static __always_inline bool dns_has(const struct dns *d, u32 bytes)
{
	return d->at + bytes <= d->size;
}

static __always_inline struct dns_record *dns_record(struct dns *d, u32 index)
{
	return &d->records[WITHIN(index, DNS_RECORDS_MAX)];
}

/* What was found so far is put together; then the message ends like this. */
static __always_inline void dns_finish(struct dns *d, u32 result, u32 reason)
{
	d->ending = result;
	d->reason = reason;
	if (!d->open)
		d->result = result;
	d->phase = DNS_PHASE_SCAN;
	d->owner = DNS_HEADER;
	d->ttl = 0xffffffff;
	d->chain = 1;
	d->index = 0;
	d->next = 0;
}

static __always_inline void dns_malformed(struct dns *d, u32 reason)
{
	dns_finish(d, DNS_MALFORMED, reason);
}

static __always_inline void dns_header(struct dns *d, const u8 *message)
{
	u64 first;
	u16 bits;

	if (!dns_has(d, DNS_HEADER)) {
		dns_end(d, DNS_MALFORMED, DNS_SHORT);
		return;
	}
	first = dns_u64(message, 0);
	bits = first >> 32;
	d->id = first >> 48;
	d->opcode = bits >> 11 & 15;
	d->rcode = bits & 15;
	d->flags |= bits & 0x8000 ? DNS_ANSWER : 0;
	d->flags |= bits & 0x0200 ? DNS_TRUNCATED : 0;
	d->left = (u16)first;
	d->others = dns_u16(message, 8);
	d->additional = dns_u16(message, 10);
	d->at = DNS_HEADER;
	if (d->flags & DNS_ANSWER && d->opcode)
		dns_end(d, DNS_REFUSED, DNS_OPCODE);
	else if ((u16)(first >> 16) != 1)
		dns_end(d, DNS_REFUSED, DNS_QUESTIONS);
	else
		d->phase = DNS_PHASE_QUESTION;
}

static __always_inline void dns_walk(struct dns *d, u32 phase)
{
	d->phase = phase;
	d->walk.at = d->at;
	d->walk.first = 0;
	d->walk.bound = d->at;
	d->walk.end = 0;
	d->walk.length = 1; /* the root's */
}

/* An owner. Nearly all are a pointer to the question's name, and nothing else: that name was walked. */
static __always_inline void dns_owned(struct dns *d, const u8 *message)
{
	if (!dns_has(d, 2) || dns_u16(message, d->at) != (0xc000 | DNS_HEADER)) {
		dns_walk(d, DNS_PHASE_OWNER);
		return;
	}
	d->walk.first = DNS_HEADER;
	d->at += 2;
	d->phase = DNS_PHASE_RECORD;
}

/* Of a question: the root's name, type OPT, a size, a version, options, and the end of the message. */
static __always_inline void dns_opt(struct dns *d, const u8 *message)
{
	if (!dns_has(d, 11)) {
		dns_end(d, DNS_MALFORMED, DNS_SHORT);
		return;
	}
	if (dns_byte(message, d->at) || dns_u16(message, d->at + 1) != DNS_OPT) {
		dns_end(d, DNS_FINE, DNS_NO_REASON);
		return;
	}
	d->options = dns_u16(message, d->at + 9);
	if (d->at + 11 + d->options != d->size) {
		dns_end(d, DNS_MALFORMED, d->at + 11 + d->options > d->size ? DNS_SHORT : DNS_TRAILING);
		return;
	}
	d->flags |= DNS_PLAIN;
	dns_end(d, DNS_FINE, DNS_NO_REASON);
}

/* Behind the question. */
static __always_inline void dns_asked(struct dns *d, const u8 *message)
{
	if (d->flags & DNS_ANSWER) {
		if (d->rcode || !d->left)
			dns_finish(d, DNS_FINE, DNS_NO_REASON);
		else
			dns_owned(d, message);
		return;
	}
	if (d->opcode || d->flags & DNS_TRUNCATED || d->left || d->others || d->additional > 1) {
		dns_end(d, DNS_FINE, DNS_NO_REASON); /* a question, and not a plain one */
		return;
	}
	if (d->additional) {
		dns_opt(d, message);
		return;
	}
	if (d->at != d->size) {
		dns_end(d, DNS_MALFORMED, DNS_TRAILING);
		return;
	}
	d->flags |= DNS_PLAIN;
	dns_end(d, DNS_FINE, DNS_NO_REASON);
}

static __always_inline void dns_question_end(struct dns *d, const u8 *message)
{
	u32 class;

	if (!dns_has(d, 5)) {
		dns_end(d, DNS_MALFORMED, DNS_SHORT);
		return;
	}
	d->type = dns_u16(message, d->at + 1);
	class = dns_u16(message, d->at + 3);
	d->at += 5;
	if (d->name.fault == DOMAIN_LONG)
		dns_end(d, DNS_MALFORMED, DNS_NAME_LONG);
	else if (d->name.fault)
		dns_end(d, DNS_REFUSED, DNS_ODD);
	else if (class != DNS_IN)
		dns_end(d, DNS_REFUSED, DNS_CLASS);
	else
		dns_asked(d, message);
}

/* The length of a label of the question. compare.label is what is left of the label at hand. */
static __always_inline void dns_question_label(struct dns *d, const u8 *message, u8 length)
{
	if (!length) {
		dns_question_end(d, message);
		return;
	}
	if (length > DOMAIN_LABEL_MAX) {
		if (length >= 0xc0)
			dns_end(d, DNS_REFUSED, DNS_COMPRESSED);
		else
			dns_end(d, DNS_MALFORMED, DNS_LABEL);
		return;
	}
	if (d->name.label)
		domain_dot(&d->name);
	d->compare.label = length;
	d->at++;
}

/* Some bytes of a label of the question. */
static __always_inline void dns_question_bytes(struct dns *d, const u8 *message)
{
	u32 left = smaller(smaller(d->compare.label, d->size - d->at), DNS_STRIDE);

	d->compare.label -= left;
	for (u32 i = 0; i < left; i++) {
		domain_byte(&d->name, dns_byte(message, d->at));
		d->at++;
	}
}

/*
 * Up to eight bytes of a label, as the functions above take them one by one; false, and nothing is taken, where that is left to
 * them: what no name has, the end, and what is near the end of what a name may be. Without a fault the text is what lies in the
 * message behind the first length, with dots for the lengths; the first one's comes to lie behind all that a name may be. The word
 * is the one that ends with the bytes: the message may end there too, and has begun long before. verifier: all is kept in the
 * message's state, so that no way to a word is walked for each of those before it.
 */
static __always_inline bool dns_question_word(struct dns *d, const u8 *message)
{
	u32 left = d->compare.label, at = d->at;
	u32 bytes, to;
	u64 word;

	if (d->name.fault || !dns_has(d, 1))
		return false;
	if (!left) {
		left = dns_byte(message, at);
		if (!left || left > DOMAIN_LABEL_MAX)
			return false;
		d->name.text[WITHIN(at - DNS_HEADER - 1, DOMAIN_TEXT)] = '.';
		at++;
	}
	if (at + left > d->size || at + left > DNS_HEADER + DOMAIN_MAX - DNS_STRIDE)
		return false;
	bytes = smaller(left, DNS_STRIDE);
	word = dns_word(message, at + bytes - DNS_STRIDE) >> (64 - 8 * bytes);
	if (!word_spelt(&word, bytes))
		return false;
	to = at - DNS_HEADER - 1;
	word_store(d->name.text + WITHIN(to, DOMAIN_TEXT), word);
	d->name.length = to + bytes;
	d->name.label = bytes;
	d->compare.label = left - bytes;
	d->at = at + bytes;
	return true;
}

static __always_inline void dns_question(struct dns *d, const u8 *message)
{
	u32 i = 0;

	while (i < DNS_WORDS && dns_question_word(d, message))
		i++;
	if (i == DNS_WORDS)
		return;
	if (!dns_has(d, 1)) {
		dns_end(d, DNS_MALFORMED, DNS_SHORT);
		return;
	}
	if (!d->compare.label)
		dns_question_label(d, message, dns_byte(message, d->at));
	if (d->compare.label && dns_has(d, 1))
		dns_question_bytes(d, message);
}

/* Sets *over where it leads to the question's name, which was walked before. */
static __always_inline u32 dns_pointer(struct dns *d, const u8 *message, bool *over)
{
	struct dns_walk *w = &d->walk;
	u32 target;

	if (w->at + 2 > d->size)
		return DNS_SHORT;
	target = dns_u16(message, w->at) & 0x3fff;
	if (!w->end)
		w->end = w->at + 2;
	if (target >= w->bound || target < DNS_HEADER)
		return DNS_POINTER;
	w->at = w->bound = target;
	if (target == DNS_HEADER && !w->first) {
		w->first = DNS_HEADER;
		*over = true;
	}
	return DNS_NO_REASON;
}

/* One label or pointer of a name; sets *over where it was the last one. Returns enum dns_reason. */
static __always_inline u32 dns_name_step(struct dns *d, const u8 *message, bool *over)
{
	struct dns_walk *w = &d->walk;
	u32 length;

	*over = false;
	if (w->at >= d->size)
		return DNS_SHORT;
	length = dns_byte(message, w->at);
	if (length >= 0xc0)
		return dns_pointer(d, message, over);
	if (length > DOMAIN_LABEL_MAX)
		return DNS_LABEL;
	if (!w->first)
		w->first = w->at;
	if (!length) {
		if (!w->end)
			w->end = w->at + 1;
		*over = true;
		return DNS_NO_REASON;
	}
	w->length += length + 1;
	if (w->length > DNS_NAME_MAX)
		return DNS_NAME_LONG;
	w->at += length + 1;
	return w->at > d->size ? DNS_SHORT : DNS_NO_REASON;
}

static __always_inline void dns_next_record(struct dns *d, const u8 *message)
{
	d->left--;
	if (d->left)
		dns_owned(d, message);
	else
		dns_finish(d, DNS_FINE, DNS_NO_REASON);
}

static __always_inline void dns_owner(struct dns *d, const u8 *message)
{
	bool over;
	u32 reason = dns_name_step(d, message, &over);

	if (reason) {
		dns_malformed(d, reason);
		return;
	}
	if (over) {
		d->at = d->walk.end;
		d->phase = DNS_PHASE_RECORD;
	}
}

static __always_inline bool dns_kept(u32 type, u32 class)
{
	return class == DNS_IN && (type == DNS_A || type == DNS_AAAA || type == DNS_CNAME);
}

/*
 * An address of the question's name is its own whatever else the answer holds. verifier: the record is written whatever comes of
 * it; count tells which ones are.
 */
static __always_inline void dns_keep(struct dns *d, u32 type, u32 ttl)
{
	struct dns_record *r = dns_record(d, d->count);
	bool met = type != DNS_CNAME && d->walk.first == DNS_HEADER;

	r->type = type;
	r->owner = d->walk.first;
	r->data = d->at + 10;
	r->chain = r->used = met;
	r->ttl = ttl >> 31 ? 0 : ttl; /* RFC 2181 8 */
}

static __always_inline void dns_data(struct dns *d, const u8 *message, u32 type, u32 class, u32 size)
{
	if (class == DNS_IN && ((type == DNS_A && size != 4) || (type == DNS_AAAA && size != 16))) {
		dns_malformed(d, DNS_DATA);
		return;
	}
	d->at += 10;
	if (class == DNS_IN && type == DNS_CNAME) {
		dns_walk(d, DNS_PHASE_TARGET);
		d->next = d->at + size; /* where the name must end */
		return;
	}
	d->at += size;
	if (dns_kept(type, class)) {
		d->count++;
		d->open += d->walk.first != DNS_HEADER;
	}
	dns_next_record(d, message);
}

static __always_inline void dns_record_fixed(struct dns *d, const u8 *message)
{
	u16 type, class, size;
	u64 first;

	if (!dns_has(d, 10)) {
		dns_malformed(d, DNS_SHORT);
		return;
	}
	first = dns_u64(message, d->at);
	type = first >> 48;
	class = first >> 32;
	size = dns_u16(message, d->at + 8);
	if (!dns_has(d, 10 + size)) {
		dns_malformed(d, DNS_SHORT);
		return;
	}
	if (dns_kept(type, class)) {
		if (d->count >= DNS_RECORDS_MAX) {
			d->flags |= DNS_CUT;
			dns_finish(d, DNS_FINE, DNS_NO_REASON);
			return;
		}
		dns_keep(d, type, first);
	}
	dns_data(d, message, type, class, size);
}

static __always_inline void dns_target(struct dns *d, const u8 *message)
{
	bool over;
	u32 reason = dns_name_step(d, message, &over);

	if (reason) {
		dns_malformed(d, reason);
		return;
	}
	if (!over)
		return;
	if (d->walk.end != d->next) {
		dns_malformed(d, DNS_DATA);
		return;
	}
	dns_record(d, d->count)->data = d->walk.first;
	d->count++;
	d->open++;
	d->at = d->next;
	d->next = 0;
	dns_next_record(d, message);
}

/* All records were held against one name of the chain: on to the next one. */
static __always_inline void dns_chain(struct dns *d)
{
	if (!d->next || d->chain > DNS_CHAIN_MAX) {
		d->result = d->ending;
		return;
	}
	d->owner = d->next;
	d->ttl = d->next_ttl;
	d->next = 0;
	d->index = 0;
	d->chain++;
}

static __always_inline void dns_met(struct dns *d)
{
	struct dns_record *r = dns_record(d, d->index);
	u32 ttl = smaller(r->ttl, d->ttl);

	r->used = 1;
	if (r->type != DNS_CNAME) {
		r->chain = d->chain;
		r->ttl = ttl;
	} else if (!d->next) {
		d->next = r->data;
		d->next_ttl = ttl;
	}
}

static __always_inline void dns_compared(struct dns *d, bool equal)
{
	if (equal)
		dns_met(d);
	d->index++;
	d->phase = DNS_PHASE_SCAN;
}

static __always_inline void dns_scan(struct dns *d)
{
	struct dns_record *r = dns_record(d, d->index);

	if (d->index >= d->count) {
		dns_chain(d);
		return;
	}
	if (r->used) {
		d->index++;
		return;
	}
	if (r->owner == d->owner) {
		dns_compared(d, true);
		return;
	}
	d->compare.a = r->owner;
	d->compare.b = d->owner;
	d->compare.label = 0;
	d->phase = DNS_PHASE_COMPARE;
}

/* At the begin of a label, in both names. */
static __always_inline void dns_compare_label(struct dns *d, const u8 *message)
{
	struct dns_compare *c = &d->compare;
	u32 a = dns_byte(message, c->a);
	u32 b = dns_byte(message, c->b);

	if (c->a == c->b) {
		dns_compared(d, true);
	} else if (a >= 0xc0) {
		c->a = dns_u16(message, c->a) & 0x3fff;
	} else if (b >= 0xc0) {
		c->b = dns_u16(message, c->b) & 0x3fff;
	} else if (a != b || !a) {
		dns_compared(d, a == b);
	} else {
		c->label = a;
		c->a++;
		c->b++;
	}
}

static __always_inline void dns_compare(struct dns *d, const u8 *message)
{
	struct dns_compare *c = &d->compare;

	if (!c->label) {
		dns_compare_label(d, message);
		return;
	}
	if (byte_lower(dns_byte(message, c->a)) != byte_lower(dns_byte(message, c->b))) {
		dns_compared(d, false);
		return;
	}
	c->a++;
	c->b++;
	c->label--;
}

/*
 * Called until the result is not DNS_MORE, DNS_STEPS_MAX times at most; then dns_stop(). What follows what is tried in the order in
 * which it comes: of nearly all messages the question is one step, with the first record, and each further one another.
 */
static __always_inline void dns_step(struct dns *d, const u8 *message)
{
	if (d->phase == DNS_PHASE_HEADER)
		dns_header(d, message);
	if (d->phase == DNS_PHASE_QUESTION && d->result == DNS_MORE)
		dns_question(d, message);
	if (d->phase == DNS_PHASE_OWNER)
		dns_owner(d, message);
	if (d->phase == DNS_PHASE_RECORD)
		dns_record_fixed(d, message);
	else if (d->phase == DNS_PHASE_TARGET)
		dns_target(d, message);
	else if (d->phase == DNS_PHASE_SCAN)
		dns_scan(d);
	else if (d->phase == DNS_PHASE_COMPARE)
		dns_compare(d, message);
}

static __always_inline void dns_stop(struct dns *d)
{
	if (d->result == DNS_MORE)
		dns_end(d, DNS_REFUSED, DNS_COSTLY);
}

/* The address of a record that has a place in the chain, as sixteen bytes. */
static __always_inline void dns_address(const struct dns_record *r, const u8 *message, u8 *address)
{
	if (r->type == DNS_AAAA) {
		word_store(address, dns_word(message, r->data));
		word_store(address + 8, dns_word(message, r->data + 8));
		return;
	}
	word_store(address, 0);
	word_store(address + 8, 0xffff0000 | (u64)half_load(message + WITHIN(r->data, DNS_MESSAGE_MAX)) << 32);
}
