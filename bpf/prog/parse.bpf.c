// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * For tests alone: the parsers of packets as programs, so that the verifier has its word, and their answers can be
 * compared with those of the same lines in user space. Nothing is attached to anything.
 *
 * verifier: the context of a loop holds pointers and nothing that changes; what changes is in maps. 6.18 and newer walk
 * a counter on the stack value by value.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "../include/net/address.h"
#include "../include/net/dns_stream.h"
#include "../include/net/http.h"
#include "../include/net/tls.h"

char terms[] SEC("license") = "Dual BSD/GPL";

/* bytes of a packet, or of a message */
#define INPUT_MAX 4096

struct ask {
	u32 size;  /* of the input, at most INPUT_MAX */
	u32 begin; /* a connection begins */
	u32 taken; /* answer: bytes of the input that were taken */
	u32 value; /* answer */
};

struct input {
	u32 size;
	u32 at;
	u8 text[INPUT_MAX];
	u8 behind[8]; /* verifier: a word may begin at the last byte, as far as it knows */
};

/* The addresses of the records of an answer, as the sensor learns them. */
struct addresses {
	u8 address[DNS_RECORDS_MAX][16];
};

#define MAP_OF_ONE(name, what)                    \
	struct {                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(max_entries, 1);           \
		__type(key, u32);                 \
		__type(value, struct what);       \
	} name SEC(".maps")

MAP_OF_ONE(inputs, input);
MAP_OF_ONE(messages, dns);
MAP_OF_ONE(streams, dns_stream);
MAP_OF_ONE(hellos, tls_hello);
MAP_OF_ONE(requests, http);
MAP_OF_ONE(learned, addresses);

/* bpf2go looks for enumerations that something uses. */
const union {
	struct ask ask;
	enum domain_fault domain_fault;
	enum address_class address_class;
	enum authority_kind authority_kind;
	enum dns_result dns_result;
	enum dns_reason dns_reason;
	enum dns_flag dns_flag;
	enum dns_stream_result dns_stream_result;
	enum tls_result tls_result;
	enum tls_reason tls_reason;
	enum tls_flag tls_flag;
	enum http_result http_result;
	enum http_reason http_reason;
	enum http_flag http_flag;
} *parse_types __attribute__((unused));

static __always_inline void *only(void *map)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(map, &zero);
}

static __always_inline struct input *input_begin(const struct ask *ask)
{
	struct input *input = only(&inputs);

	if (!input)
		return NULL;
	input->size = smaller(ask->size, INPUT_MAX);
	input->at = 0;
	return input;
}

static __always_inline u8 input_byte(const struct input *input)
{
	return input->text[WITHIN(input->at, INPUT_MAX)];
}

static __always_inline bool input_over(const struct input *input)
{
	return input->at >= input->size;
}

struct dns_loop {
	struct dns *dns;
	struct input *input;
};

static long dns_loop_step(u32 index, struct dns_loop *loop)
{
	dns_step(loop->dns, loop->input->text);
	return loop->dns->result != DNS_MORE;
}

SEC("syscall")
int parse_dns(struct ask *ask)
{
	struct dns_loop loop = { .dns = only(&messages), .input = input_begin(ask) };

	if (!loop.dns || !loop.input)
		return -1;
	dns_begin(loop.dns, ask->size);
	bpf_loop(DNS_STEPS_MAX, dns_loop_step, &loop, 0);
	dns_stop(loop.dns);
	return 0;
}

struct learn_loop {
	struct dns *dns;
	struct input *input;
	struct addresses *addresses;
};

static long learn_step(u32 index, struct learn_loop *loop)
{
	u32 at = WITHIN(index, DNS_RECORDS_MAX);
	const struct dns_record *r = &loop->dns->records[at];

	if (index >= loop->dns->count)
		return 1;
	if (r->chain)
		dns_address(r, loop->input->text, loop->addresses->address[at]);
	return 0;
}

/* After parse_dns(). */
SEC("syscall")
int learn_dns(struct ask *ask)
{
	struct learn_loop loop = { .dns = only(&messages), .input = only(&inputs), .addresses = only(&learned) };

	if (!loop.dns || !loop.input || !loop.addresses)
		return -1;
	bpf_loop(DNS_RECORDS_MAX, learn_step, &loop, 0);
	return 0;
}

struct stream_loop {
	struct dns_stream *stream;
	struct input *input;
};

static long stream_step(u32 index, struct stream_loop *loop)
{
	struct input *input = loop->input;

	input->at += dns_stream_take(loop->stream, input_byte(input), input->size - input->at);
	return input_over(input) || loop->stream->result != DNS_STREAM_MORE;
}

SEC("syscall")
int parse_stream(struct ask *ask)
{
	struct stream_loop loop = { .stream = only(&streams), .input = input_begin(ask) };

	if (!loop.stream || !loop.input)
		return -1;
	if (ask->begin)
		dns_stream_begin(loop.stream);
	if (!input_over(loop.input))
		bpf_loop(INPUT_MAX, stream_step, &loop, 0);
	ask->taken = loop.input->at;
	return 0;
}

struct hello_loop {
	struct tls_hello *hello;
	struct input *input;
};

static long hello_step(u32 index, struct hello_loop *loop)
{
	struct input *input = loop->input;

	input->at += tls_take(loop->hello, input_byte(input), input->size - input->at);
	return input_over(input);
}

SEC("syscall")
int parse_hello(struct ask *ask)
{
	struct hello_loop loop = { .hello = only(&hellos), .input = input_begin(ask) };

	if (!loop.hello || !loop.input)
		return -1;
	if (ask->begin)
		tls_begin(loop.hello);
	if (!input_over(loop.input))
		bpf_loop(INPUT_MAX, hello_step, &loop, 0);
	ask->taken = loop.input->at;
	return 0;
}

struct http_loop {
	struct http *http;
	struct input *input;
};

static long http_step(u32 index, struct http_loop *loop)
{
	struct input *input = loop->input;

	input->at += http_take(loop->http, input_byte(input), input->size - input->at);
	return input_over(input) || loop->http->result != HTTP_MORE;
}

SEC("syscall")
int parse_http(struct ask *ask)
{
	struct http_loop loop = { .http = only(&requests), .input = input_begin(ask) };

	if (!loop.http || !loop.input)
		return -1;
	if (ask->begin)
		http_begin(loop.http);
	if (!input_over(loop.input))
		bpf_loop(INPUT_MAX, http_step, &loop, 0);
	ask->taken = loop.input->at;
	return 0;
}

/* The class of the address that the input is. */
SEC("syscall")
int class_address(struct ask *ask)
{
	struct input *input = only(&inputs);

	if (!input)
		return -1;
	ask->value = address_class(input->text);
	return 0;
}
