/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From subject, operation and label to an action. Pure: reads the table, nothing else.
 * KEEP-SYNC rule v2 (enforce/decide.go)
 */
#pragma once

#include "walk.h"

/* Who acts, as far as policy asks. */
struct subject {
	u32 role;
	u32 principal;
	u32 taints;
	u32 reserved;
	u64 denied; /* of the session */
	u64 *masks; /* room, where rules are asked: ACTIONS words, ACTIONS * LINE_WORDS for command lines */
};

#define HEADER(table, field) FIELD(table, u32, __builtin_offsetof(struct table_header, field))

static __always_inline u32 role_offset(const u8 *table, u32 role)
{
	if (role >= HEADER(table, roles))
		role = 0;
	return HEADER(table, role_table) + role * sizeof(struct table_role);
}

/* Byte offset of the row for (role, principal, taint); taint 0 is "none of them". Row 0 is empty. */
static __always_inline u32 row_offset(const u8 *table, const struct subject *who, u32 principal, u32 taint)
{
	u32 role = who->role < HEADER(table, roles) ? who->role : 0;
	u32 index;
	u32 row;

	if (principal >= HEADER(table, principals) || taint > HEADER(table, taints))
		return 0;
	index = (role * HEADER(table, principals) + principal) * (HEADER(table, taints) + 1) + taint;
	row = table_u16(table, HEADER(table, row_index) + index * 2);
	return row ? HEADER(table, row_table) + row * sizeof(struct table_row) : 0;
}

static __always_inline void masks_add(const u8 *table, u32 row, u32 field, u32 words, u64 *masks)
{
	u64 mask = cfg_table_size - sizeof(u64);

	if (!row)
		return;
	for (u32 i = 0; i < ACTIONS * words; i++)
		masks[i] |= *(const u64 *)(table + ((row + field + i * 8) & mask));
}

static __always_inline void masks_of_taint(const u8 *table, const struct subject *who, u32 principal, u32 taint,
					   u32 field, u32 words, u64 *masks)
{
	masks_add(table, row_offset(table, who, PRINCIPAL_ANY, taint), field, words, masks);
	masks_add(table, row_offset(table, who, principal, taint), field, words, masks);
}

static __always_inline u32 strictest(const u64 *masks, const u64 *label, u32 words)
{
	for (u32 action = 0; action < ACTIONS; action++)
		for (u32 i = 0; i < words; i++)
			if (masks[action * words + i] & label[i])
				return action;
	return ACTIONS;
}

struct taint_walk {
	const u8 *table;
	const struct subject *who;
	u32 field;
	u32 principal;
};

static __always_inline long taint_step(u32 taint, struct taint_walk *w, u32 words)
{
	if (w->who->taints & (1u << (taint & 31)))
		masks_of_taint(w->table, w->who, w->principal, taint + 1, w->field, words, w->who->masks);
	return 0;
}

static long taint_path_step(u32 taint, struct taint_walk *w)
{
	return taint_step(taint, w, PATH_WORDS);
}

static long taint_line_step(u32 taint, struct taint_walk *w)
{
	return taint_step(taint, w, LINE_WORDS);
}

/* The groups of a label that the masks of its rows speak of. */
static __always_inline u64 masks_meet(const u64 *masks, u64 label)
{
	return label & (masks[0] | masks[1] | masks[2] | masks[3] | masks[4]);
}

/* What holds where no rule of the role's speaks. */
static __always_inline u32 rule_default(const u8 *table, const struct subject *who, u32 op)
{
	u32 field = __builtin_offsetof(struct table_role, fallback);

	return table_u8(table, role_offset(table, who->role) + field + op);
}

/* What is asked of the rows: a field of theirs, and what holds where none of them speaks. */
struct asked {
	u32 field;
	u32 fallback;
	u64 met; /* answer: the groups of the label's first word of which they speak */
};

/*
 * One principal's answer, by the masks of all rows that apply, OR-ed action by action. bound: TAINTS_MAX; a session without taints
 * pays one test. verifier: the masks lie where the caller has room, which is a map, or each way to each of
 * them would be walked on; families have theirs on the stack of a global function.
 */
static __always_inline u32 rule_as(const u8 *table, const struct subject *who, u32 principal, const u64 *label,
				   struct asked *ask, u32 words)
{
	struct taint_walk taints = {
		.table = table,
		.who = who,
		.field = ask->field,
		.principal = principal,
	};
	u64 *masks = who->masks;
	u32 action;

	__builtin_memset(masks, 0, ACTIONS * words * sizeof(*masks));
	masks_of_taint(table, who, principal, 0, ask->field, words, masks);
	if (who->taints)
		bpf_loop(TAINTS_MAX, words == PATH_WORDS ? taint_path_step : taint_line_step, &taints, 0);
	FORGET();
	ask->met |= masks_meet(masks, label[0]);
	action = strictest(masks, label, words);
	return action == ACTIONS ? ask->fallback : action;
}

/* Who is not known by content gets the stricter one of two answers: its own, and the agent's. */
static __always_inline u32 rule_decide(const u8 *table, const struct subject *who, const u64 *label, struct asked *ask,
				       u32 words)
{
	u32 action = rule_as(table, who, who->principal & ~PRINCIPAL_UNPINNED, label, ask, words);
	u32 agents;

	if (!(who->principal & PRINCIPAL_UNPINNED))
		return action;
	agents = rule_as(table, who, PRINCIPAL_AGENT, label, ask, words);
	return agents < action ? agents : action;
}

/* Where in a row the masks of an operation on networks are. */
static __always_inline u32 net_field(u32 op)
{
	return __builtin_offsetof(struct table_row, nets) + ((op - OP_NET_DOMAIN) & (NET_OPS - 1)) * ACTIONS * 8;
}

/* Where in a row the masks of an operation on bare names are. */
static __always_inline u32 name_field(u32 op)
{
	return __builtin_offsetof(struct table_row, names) + ((op - OP_CONNECTOR_START) & (NAME_OPS - 1)) * ACTIONS * 8;
}

/* On objects with labels of one word. met are the groups of the label that speak of this subject and operation. */
static __always_inline u32 rule_word(const u8 *table, const struct subject *who, u64 label, u32 field, u32 fallback,
				     u64 *met)
{
	struct asked ask = { .field = field, .fallback = fallback };
	u32 action = rule_decide(table, who, &label, &ask, PATH_WORDS);

	*met = ask.met;
	return action;
}

static __always_inline u32 rule_path(const u8 *table, const struct subject *who, u32 op, const u64 *label, u64 *met)
{
	u32 field = __builtin_offsetof(struct table_row, paths) + op * ACTIONS * 8;

	return rule_word(table, who, label[0], field, rule_default(table, who, op), met);
}

/* As rule_path, of an operation on networks. */
static __always_inline u32 rule_net(const u8 *table, const struct subject *who, u32 op, const u64 *label, u32 fallback)
{
	u64 met;

	return rule_word(table, who, label[0], net_field(op), fallback, &met);
}

/* As rule_path, of an operation on bare names. */
static __always_inline u32 rule_name(const u8 *table, const struct subject *who, u32 op, u64 label)
{
	u64 met;

	return rule_word(table, who, label, name_field(op), rule_default(table, who, op), &met);
}

/*
 * An address that a name led to is the name's affair: only what refuses it by its number, its port or its network stands
 * against it, not what refuses all addresses.
 */
static __always_inline u32 rule_reached(const u8 *table, const struct subject *who, const u64 *label)
{
	return rule_net(table, who, OP_NET_ADDR, label, ACTION_ALLOW);
}

static __always_inline bool op_of_net(u32 op)
{
	return op >= OP_NET_DOMAIN && op < OP_NET_DOMAIN + NET_OPS;
}

static __always_inline bool op_of_name(u32 op)
{
	return op >= OP_CONNECTOR_START && op < OP_CONNECTOR_START + NAME_OPS;
}

static __always_inline u32 rule_line(const u8 *table, const struct subject *who, u32 op, const u64 *label)
{
	struct asked ask = {
		.field = __builtin_offsetof(struct table_row, lines),
		.fallback = rule_default(table, who, op),
	};

	return rule_decide(table, who, label, &ask, LINE_WORDS);
}

/*
 * Taints that reading sets: those of the groups that met the object. verifier: no branch in the loop. bound: TAINTS_MAX;
 * an object that no such rule names pays one test.
 */
static __always_inline u32 rule_marks(const u8 *table, u64 met)
{
	u32 marks = 0;

	if (!(FIELD(table, u64, __builtin_offsetof(struct table_header, tainting)) & met))
		return 0;
	for (u32 taint = 0; taint < TAINTS_MAX; taint++) {
		u32 field = __builtin_offsetof(struct table_header, marks) + taint * 8;

		marks |= NONZERO(FIELD(table, u64, field) & met) << taint;
	}
	return marks;
}

/* What no rule can name: a default per role and operation decides. */
static __always_inline u32 rule_view(const u8 *table, const struct subject *who, u32 op, u32 view)
{
	u32 role = role_offset(table, who->role);

	if (view == VIEW_FOREIGN)
		return table_u8(table, role + __builtin_offsetof(struct table_role, foreign) + op);
	if (view == VIEW_NAMELESS)
		return table_u8(table, role + __builtin_offsetof(struct table_role, nameless) + op);
	return ACTION_DENY;
}

/* A switch of the session stands above policy. */
static __always_inline bool rule_switched(const struct subject *who, u32 op)
{
	return who->denied >> (op & 63) & 1;
}

static __always_inline bool action_refuses(u32 action)
{
	return action <= ACTION_ASK;
}
