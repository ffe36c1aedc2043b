/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where does somebody in a session want to go, and may they? By the names that answers gave the address, where there are such;
 * else by its number. The question and what was found lie in the buffer's flow; every function here is a whole one of its own
 * (verifier: global, as name_of), because programs that see packets have as little stack as any other.
 */
#pragma once

#include "repeat.h"
#include "spell.h"

#define DOMAIN_LABELS ((DOMAIN_MAX + 1) / 2)

/* What an answer of flow_ask() has beside the action. */
#define FLOW_MET 0x100	 /* a rule spoke, no default */
#define FLOW_AGAIN 0x200 /* the table has changed */
#define FLOW_ACTION(answer) ((u32)(answer) & 0xff)

/* A domain name, by words; what is behind it is not copied, and means nothing anywhere. */
static __always_inline void name_copy(u8 *to, const u8 *from, u32 length)
{
	for (u32 i = 0; i < DOMAIN_TEXT_ / 8 && i * 8 < length; i++)
		((u64 *)to)[i] = ((const u64 *)from)[i];
}

static __always_inline void spell_protocol(struct buffer *buffer, u32 protocol)
{
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
		spell_byte(buffer, 'p');
		spell_byte(buffer, protocol == IPPROTO_TCP ? 'c' : 'd');
		spell_byte(buffer, protocol == IPPROTO_TCP ? 't' : 'u');
	} else {
		spell_number(buffer, protocol);
	}
}

/* /a/tcp/443/4c6120001; the first word says whether a name led there. */
__noinline int spell_address(struct buffer *buffer, u32 reached)
{
	bool four;

	if (!buffer)
		return 0;
	four = address_is_four(buffer->flow.address);
	spell_begin(buffer);
	for (u32 i = 0; i < 4 && !(four && i); i++)
		spell_hex(buffer, ((const u32 *)buffer->flow.address)[3 - i]);
	spell_byte(buffer, four ? '4' : '6');
	spell_byte(buffer, '/');
	spell_number(buffer, buffer->flow.port);
	spell_byte(buffer, '/');
	spell_protocol(buffer, buffer->flow.protocol);
	spell_byte(buffer, '/');
	spell_byte(buffer, reached);
	spell_byte(buffer, '/');
	spell_end(buffer);
	return 0;
}

/* In each byte that is a dot its highest bit; those behind the first one may be wrong. */
static __always_inline u64 dots(u64 word)
{
	u64 other = word ^ WORD_ONES * '.';

	return (other - WORD_ONES) & ~other & WORD_ONES << 7;
}

/* How many bytes are before the first that dots() found. */
static __always_inline u32 dots_before(u64 found)
{
	return (((found - 1) & ~found & WORD_ONES) * WORD_ONES >> 56) - 1;
}

/* Bytes up to the dot behind the name's label that begins there. The last label ends with the name, before that. */
static __always_inline u32 label_size(const struct flow *flow, u32 from)
{
	for (u32 i = 0; i < DOMAIN_LABEL_MAX; i += sizeof(u64)) {
		u64 found = dots(*(const u64 *)(flow->name + ((from + i) & (DOMAIN_TEXT_ - 1))));

		if (found)
			return i + dots_before(found);
	}
	return DOMAIN_LABEL_MAX;
}

/*
 * The label that ends there, in front of the text: by words from its end on, since what they have besides comes to lie before it,
 * where nothing is yet. verifier: `now` is the word in front of the name.
 */
static __always_inline void label_copy(struct buffer *buffer, u32 end, u32 size)
{
	const u8 *before = (const u8 *)&buffer->flow.now;
	u32 to = buffer->name.offset - sizeof(u64);

	_Static_assert(__builtin_offsetof(struct flow, name) - __builtin_offsetof(struct flow, now) == sizeof(u64),
		       "now");
	for (u32 i = 0; i <= DOMAIN_LABEL_MAX && i < size; i += sizeof(u64))
		*(u64 *)(buffer->text + ((to - i) & (TEXT_MAX - 1))) =
			*(const u64 *)(before + ((end - i) & (DOMAIN_TEXT_ - 1)));
	buffer->name.offset -= size;
}

/* The next label goes in front of those before it. */
static long spell_label(u32 index, struct buffer **context)
{
	struct buffer *buffer = *context;
	struct flow *flow = &buffer->flow;
	u32 from = flow->from;
	u32 size = smaller(label_size(flow, from), flow->length - from);

	label_copy(buffer, from + size, size);
	spell_byte(buffer, '/');
	flow->from = from + size + 1;
	return flow->from > flow->length;
}

/* /443/com/example/www; without a port where the name is only looked up. */
__noinline int spell_domain(struct buffer *buffer, u32 port)
{
	if (!buffer)
		return 0;
	spell_begin(buffer);
	buffer->flow.from = 0;
	bpf_loop(DOMAIN_LABELS, spell_label, &buffer, 0);
	if (port)
		spell_number(buffer, port);
	else
		spell_byte(buffer, '-');
	spell_byte(buffer, '/');
	spell_end(buffer);
	return 0;
}

/* What the table says of the object whose groups were found. Not by another table. */
__noinline int flow_rule(struct buffer *buffer, u32 op)
{
	const u8 *table = table_now();
	struct asked ask = {};
	struct session *session;
	struct subject who;
	u32 action;

	if (!buffer || !table)
		return ACTION_DENY;
	session = flow_session(&buffer->flow);
	if (!session)
		return ACTION_DENY;
	who = flow_subject(&buffer->flow, session);
	who.masks = buffer->masks;
	if (rule_switched(&who, op)) {
		buffer->flow.switched = op;
		return ACTION_DENY | FLOW_MET;
	}
	if (buffer->name.policy != policy_of(table))
		return FLOW_AGAIN;
	buffer->flow.label = buffer->name.groups;
	ask.field = net_field(op);
	ask.fallback = buffer->flow.reached ? ACTION_ALLOW : rule_default(table, &who, BOUNDED(op, OP_NET_FAMILY));
	action = rule_decide(table, &who, &buffer->flow.label, &ask, PATH_WORDS);
	return action | (ask.met ? FLOW_MET : 0);
}

/*
 * The action on the object that is spelt, and whether a rule spoke. race: as judge_buffer. verifier: the walk and the rules beside each
 * other, for their frames would not fit over each other.
 */
static __always_inline int flow_ask(struct buffer *buffer, u32 op)
{
	int answer;

	net_walk(buffer);
	answer = flow_rule(buffer, op);
	if (answer != FLOW_AGAIN)
		return answer;
	net_walk(buffer);
	answer = flow_rule(buffer, op);
	return answer == FLOW_AGAIN ? ACTION_DENY : answer;
}

/* What nobody asked before of the name, and of the address. verifier: global, as name_of. */
__noinline int flow_domain_first(struct buffer *buffer, u32 port)
{
	int answer;

	if (!buffer)
		return ACTION_DENY;
	spell_domain(buffer, port);
	answer = flow_ask(buffer, OP_NET_DOMAIN);
	flow_keep(&buffer->flow, OP_NET_DOMAIN, answer);
	return answer;
}

__noinline int flow_address_first(struct buffer *buffer, u32 op)
{
	int answer;

	if (!buffer)
		return ACTION_DENY;
	spell_address(buffer, buffer->flow.reached ? 'n' : 'a');
	answer = flow_ask(buffer, op);
	flow_keep(&buffer->flow, op, answer);
	return answer;
}

/* What the table says of the flow's name, at that port; 0: that it is looked up. */
static __always_inline int flow_domain(struct buffer *buffer, u32 port)
{
	int answer = flow_domain_again(buffer, port);

	return answer != REPEAT_NONE ? answer : flow_domain_first(buffer, port);
}

/* The same of what is only looked up, as datagrams do one by one: without a call for what was said before. */
static __always_inline int flow_domain_asked(struct buffer *buffer)
{
	int answer = flow_domain_found(&buffer->flow, 0);

	return answer != REPEAT_NONE ? answer : flow_domain_first(buffer, 0);
}

/* What it says of the flow's address. */
static __always_inline int flow_address(struct buffer *buffer, u32 op)
{
	int answer = flow_address_again(buffer, op);

	return answer != REPEAT_NONE ? answer : flow_address_first(buffer, op);
}

/* The decision so far gives way to a stricter one. */
static __always_inline void flow_settle(struct flow *flow, u32 op, u32 action, u32 reason)
{
	if (action >= flow->action)
		return;
	flow->op = op;
	flow->action = action;
	flow->reason = reason;
	flow->decided = flow->label;
}

/* By its number: what no name led to. Returns as flow_ask(). */
static __always_inline int flow_number(struct buffer *buffer, u32 reason)
{
	int answer = flow_address(buffer, OP_NET_ADDR);

	flow_settle(&buffer->flow, OP_NET_ADDR, FLOW_ACTION(answer), reason);
	return answer;
}

/* A name led there: only rules that speak of the address's number, port or network stand against it, no default. */
static __always_inline int flow_reached(struct buffer *buffer)
{
	int answer;

	buffer->flow.reached = 1;
	answer = flow_address(buffer, OP_NET_ADDR);
	buffer->flow.reached = 0;
	if (answer & FLOW_MET)
		flow_settle(&buffer->flow, OP_NET_ADDR, FLOW_ACTION(answer), NET_BY_RULE);
	return answer;
}

/* One of the names of the address, to the flow: 1; 0 where there is no more; -1 for one that has expired. */
__noinline int answer_take(struct buffer *buffer, u32 index)
{
	struct answer_key key = {};
	struct answer *answer;

	if (!buffer)
		return 0;
	key.slot = buffer->flow.slot;
	key.generation = buffer->flow.generation;
	key.index = index;
	__builtin_memcpy(key.address, buffer->flow.address, sizeof(key.address));
	answer = bpf_map_lookup_elem(&answers, &key);
	if (!answer)
		return 0;
	buffer->flow.more = answer->more;
	if (answer->expires < buffer->flow.now)
		return -1;
	buffer->flow.length = BOUNDED(answer->length, DOMAIN_MAX);
	name_copy(buffer->flow.name, answer->name, buffer->flow.length);
	return 1;
}

/* Whether the answer gave the flow's name. Zeros fill the last word of both. */
static __always_inline bool answer_names(const struct answer *answer, const struct flow *flow)
{
	u64 different = answer->length ^ flow->length;

	for (u32 i = 0; i < DOMAIN_TEXT_ / 8 && i * 8 < flow->length && !different; i++)
		different = ((const u64 *)answer->name)[i] ^ ((const u64 *)flow->name)[i];
	return !different;
}

/* Whether an answer gave the flow's name for its address. */
__noinline int answer_known(struct buffer *buffer)
{
	struct answer_key key = {};

	if (!buffer)
		return 0;
	key.slot = buffer->flow.slot;
	key.generation = buffer->flow.generation;
	__builtin_memcpy(key.address, buffer->flow.address, sizeof(key.address));
	for (u32 i = 0; i < ANSWER_NAMES; i++) {
		struct answer *answer;

		key.index = i;
		answer = bpf_map_lookup_elem(&answers, &key);
		if (!answer)
			return 0;
		if (answer->expires >= buffer->flow.now && answer_names(answer, &buffer->flow))
			return 1;
		if (!answer->more)
			return 0;
	}
	return 0;
}

static __always_inline int answer_learned(void)
{
	count(COUNT_NAMES_LEARNED);
	return 1;
}

/*
 * Of answer_learn() what nearly always is, without a call: the flow's name is the address's first one, and has it longer from now on.
 * race: 0, or another value, where somebody else writes there.
 */
static __always_inline bool answer_renew(struct buffer *buffer, u64 expires)
{
	struct answer_key key = {};
	struct answer *answer;
	u64 before;

	key.slot = buffer->flow.slot;
	key.generation = buffer->flow.generation;
	__builtin_memcpy(key.address, buffer->flow.address, sizeof(key.address));
	answer = bpf_map_lookup_elem(&answers, &key);
	if (!answer)
		return false;
	before = answer->expires;
	return answer_names(answer, &buffer->flow) && before &&
	       __sync_val_compare_and_swap(&answer->expires, before, expires) == before && answer_learned();
}

/* The name in the flow is given the flow's address, until then (CLOCK_BOOTTIME, ns). The one that expires first makes room. */
__noinline int answer_learn(struct buffer *buffer, u64 expires)
{
	static const struct answer none = {};
	struct answer_key key = {};
	struct answer *answer;
	u64 first = ~0ull;
	u32 place = 0;
	u64 before;

	if (!buffer)
		return 0;
	key.slot = buffer->flow.slot;
	key.generation = buffer->flow.generation;
	__builtin_memcpy(key.address, buffer->flow.address, sizeof(key.address));
	for (u32 i = 0; i < ANSWER_NAMES; i++) {
		key.index = i;
		answer = bpf_map_lookup_elem(&answers, &key);
		if (!answer) {
			place = i;
			break;
		}
		before = answer->expires;
		if (answer_names(answer, &buffer->flow)) {
			/* race: 0, or another value, where somebody else writes there */
			if (before && __sync_val_compare_and_swap(&answer->expires, before, expires) == before)
				return answer_learned();
			place = i;
			break;
		}
		if (before < first) {
			first = before;
			place = i;
		}
		answer->more = 1;
	}
	key.index = place;
	if (!bpf_map_lookup_elem(&answers, &key))
		bpf_map_update_elem(&answers, &key, &none, BPF_NOEXIST);
	answer = bpf_map_lookup_elem(&answers, &key);
	if (!answer) {
		count(COUNT_NAMES_DROPPED);
		return 0;
	}
	/* race: whoever reads it meanwhile finds it expired. */
	__sync_lock_test_and_set(&answer->expires, 0);
	name_copy(answer->name, buffer->flow.name, buffer->flow.length);
	answer->length = buffer->flow.length;
	__sync_lock_test_and_set(&answer->expires, expires);
	return answer_learned();
}

static __always_inline u32 flow_ask_name(struct buffer *buffer)
{
	return FLOW_ACTION(flow_domain(buffer, buffer->flow.port));
}

/*
 * By the names that are known for the address: which of them is asked for is seen later, if at all, so the mildest answer
 * counts, and its name is the flow's. 0 where none is known. verifier: the best so far, its action and one before its name's number,
 * lies in the buffer, or the way to each of the names would be walked for every one before it.
 */
static __always_inline int flow_names(struct buffer *buffer)
{
	struct flow *flow = &buffer->flow;
	u32 last = 0;
	u32 best;

	flow->names = flow->best = 0;
	for (u32 i = 0; i < ANSWER_NAMES; i++) {
		int taken = answer_take(buffer, i);
		u32 action;

		if (!taken)
			break;
		if (taken > 0) {
			action = flow_ask_name(buffer) + 1;
			flow->names++;
			last = i;
			if (action > flow->best / ANSWER_NAMES)
				flow->best = action * ANSWER_NAMES + i;
		}
		FORGET();
		if (!flow->more)
			break;
	}
	FORGET();
	best = flow->best;
	if (!best)
		return 0;
	if (best % ANSWER_NAMES != last) {
		answer_take(buffer, best % ANSWER_NAMES);
		best = (flow_ask_name(buffer) + 1) * ANSWER_NAMES;
	}
	flow_settle(flow, OP_NET_DOMAIN, best / ANSWER_NAMES - 1, NET_BY_RULE);
	return best / ANSWER_NAMES;
}

static __always_inline void flow_begin(struct flow *flow)
{
	flow->op = OP_NET_ADDR;
	flow->action = ACTIONS;
	flow->reason = NET_BY_RULE;
	flow->detail = flow->names = flow->length = 0;
	flow->switched = OP_NONE;
	flow->asks = 0;
	flow->label = flow->decided = 0;
	flow->now = bpf_ktime_get_boot_ns();
}

/* The port of TLS, by UDP: QUIC, whose hello nobody reads. Only a rule that speaks of the address lets it pass. */
static __always_inline bool flow_quic(const struct flow *flow)
{
	return flow->protocol == IPPROTO_UDP && flow->port == PORT_TLS;
}

/* A connection, or a datagram: decided by its destination. */
__noinline int flow_reach(struct buffer *buffer)
{
	int answer;

	if (!buffer)
		return 0;
	flow_begin(&buffer->flow);
	if (flow_quic(&buffer->flow)) {
		answer = flow_address(buffer, OP_NET_ADDR);
		if (!(answer & FLOW_MET))
			flow_settle(&buffer->flow, OP_NET_ADDR, ACTION_DENY, NET_QUIC);
		flow_settle(&buffer->flow, OP_NET_ADDR, FLOW_ACTION(answer), NET_BY_RULE);
		return 0;
	}
	if (flow_names(buffer))
		flow_reached(buffer);
	else
		flow_number(buffer, NET_NO_NAME);
	return 0;
}

/*
 * What a connection asks for is known: the flow's name. One that no answer gave for the address leaves it to the address's
 * number, but for rules that speak of the name.
 */
__noinline int flow_named(struct buffer *buffer)
{
	struct flow *flow;
	bool known;
	int answer;

	if (!buffer)
		return 0;
	flow = &buffer->flow;
	known = answer_known(buffer);
	answer = flow_domain(buffer, flow->port);
	if (known || answer & FLOW_MET)
		flow_settle(flow, OP_NET_DOMAIN, FLOW_ACTION(answer), known ? NET_BY_RULE : NET_OTHER_NAME);
	if (known)
		flow_reached(buffer);
	else
		flow_number(buffer, NET_OTHER_NAME);
	return known;
}

/* Somebody answers here. */
__noinline int flow_listen(struct buffer *buffer)
{
	int answer;

	if (!buffer)
		return 0;
	flow_begin(&buffer->flow);
	answer = flow_address(buffer, OP_NET_LISTEN);
	flow_settle(&buffer->flow, OP_NET_LISTEN, FLOW_ACTION(answer), NET_BY_RULE);
	return 0;
}
