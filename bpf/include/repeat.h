/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the table said before of where somebody wants to go. Programs go to the same few places all day, and ask for the same few
 * names. An answer is a function of the table, of who asks and of what about; these make one word, with a key that nobody knows, and
 * the answer is kept at a place that the word chooses. Whoever comes there next takes the place.
 */
#pragma once

#include "judge.h"
#include "wire.h"

#define REPEAT_NONE (-1)

static __always_inline struct session *flow_session(const struct flow *flow)
{
	struct session *session = session_at(flow->slot);

	return session && session->generation == flow->generation && session->tasks ? session : NULL;
}

static __always_inline struct subject flow_subject(const struct flow *flow, const struct session *session)
{
	struct subject who = {
		.role = session->role,
		.principal = flow->principal,
		.taints = session->taints,
		.denied = session_denied(session),
	};

	return who;
}

/*
 * Table, operation and who asks. 0 where the answer is not to be kept: a switch of the session is no matter of the table. way tells
 * apart what is asked of one operation.
 */
static __always_inline u64 repeat_of(const u8 *table, const struct subject *who, u32 op, u32 way)
{
	u64 print;

	if (who->denied)
		return 0;
	print = print_mix(cfg_key, policy_of(table) << 8 ^ op << 1 ^ way);
	return print_mix(print, (u64)who->role << 48 ^ (u64)who->principal << 32 ^ who->taints);
}

static __always_inline struct repeat *repeat_at(u64 print)
{
	u32 place = print >> (64 - REPEATS_BITS);

	return print ? bpf_map_lookup_elem(&repeats, &place) : NULL;
}

/*
 * The answer, and its label. race: the place is given to another one while it is read; its three words then do not make an
 * answer.
 */
static __always_inline int repeat_find(u64 print, u64 *label)
{
	struct repeat *repeat = repeat_at(print);
	u64 answer;

	if (!repeat || repeat->print != print)
		return REPEAT_NONE;
	*label = repeat->label;
	answer = repeat->sealed ^ print_mix(print, *label);
	return answer < REPEAT_ANSWERS ? answer : REPEAT_NONE;
}

/* For the next one. */
static __always_inline void repeat_keep(u64 print, u64 label, u32 answer)
{
	struct repeat *repeat = repeat_at(print);

	if (!repeat || answer >= REPEAT_ANSWERS)
		return;
	repeat->print = print;
	repeat->label = label;
	repeat->sealed = print_mix(print, label) ^ answer;
}

static __always_inline u64 flow_asker(const struct flow *flow, u32 op)
{
	struct session *session = flow_session(flow);
	const u8 *table = table_now();
	struct subject who;

	if (!session || !table)
		return 0;
	who = flow_subject(flow, session);
	return repeat_of(table, &who, op, flow->reached);
}

static __always_inline int flow_find(struct flow *flow, u64 print)
{
	u64 label;
	int answer = repeat_find(print, &label);

	flow->print = print;
	if (answer != REPEAT_NONE)
		flow->label = label;
	return answer;
}

/* What was said of the flow's name, at that port. */
static __always_inline int flow_domain_found(struct flow *flow, u32 port)
{
	u64 print;

	flow->asker = print = flow_asker(flow, OP_NET_DOMAIN);
	if (!print)
		return REPEAT_NONE;
	for (u32 i = 0; i < DOMAIN_TEXT_ / 8 && i * 8 < flow->length; i++)
		print = print_mix(print, ((const u64 *)flow->name)[i]);
	return flow_find(flow, print_mix(print, port));
}

/* verifier: global, as name_of. */
__noinline int flow_domain_again(struct buffer *buffer, u32 port)
{
	return buffer ? flow_domain_found(&buffer->flow, port) : REPEAT_NONE;
}

/* What was said of the flow's address. verifier: global, as name_of. */
__noinline int flow_address_again(struct buffer *buffer, u32 op)
{
	struct flow *flow;
	u64 print;

	if (!buffer)
		return REPEAT_NONE;
	flow = &buffer->flow;
	flow->asker = print = flow_asker(flow, op);
	if (!print)
		return REPEAT_NONE;
	print = print_mix(print, address_half(flow->address, 0));
	print = print_mix(print, address_half(flow->address, 1));
	return flow_find(flow, print_mix(print, (u64)flow->port << 32 | flow->protocol));
}

/* race: of who changed meanwhile, by what was read or by another table, it is not known which one was asked. */
static __always_inline void flow_keep(const struct flow *flow, u32 op, u32 answer)
{
	if (flow->asker && flow_asker(flow, op) == flow->asker)
		repeat_keep(flow->print, flow->label, answer);
}
