/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether an object may get another name, by a rename or by a link: not where the old place refuses something that the new
 * one would not. Of a folder all that may lie below counts, which the states tell in which its two names end; nor may it
 * bring along what could not be written where it comes to lie. Pure: reads the table and the text, nothing else.
 * KEEP-SYNC move v1 (enforce/move.go, enforce/match/move.go)
 */
#pragma once

#include "rule.h"

static __always_inline void place_take(struct place *place, const struct walk *w)
{
	for (u32 i = 0; i < ENGINE_AUTOMATA; i++)
		place->at[i] = w->at[i];
	place->groups = w->reg.word[0];
	place->matched = w->reg.word[PATH_WORDS];
	place->but = w->reg.word[PATH_WORDS + 1];
}

/* Where the walk of a name ends: its label, and for a folder the states behind the '/' that follows. */
static __always_inline void place_walk(const u8 *table, const u8 *text, u32 offset, bool folder, struct place *place)
{
	u64 mask = cfg_table_size - sizeof(u32);
	struct walk w;

	walk_begin(&w, table, ENGINE_PATHS);
	w.text = text;
	w.offset = offset;
	bpf_loop(TEXT_MAX / WALK_STRIDE, walk_paths_stride, &w, 0);
	place_take(place, &w);
	walk_end(&w, ENGINE_PATHS, PATH_WORDS);
	place->label = w.reg.word[0];
	if (!folder || offset == TEXT_MAX - 2)
		return;
	w.reg.word[0] = place->groups;
	w.reg.word[PATH_WORDS] = place->matched;
	w.reg.word[PATH_WORDS + 1] = place->but;
	walk_emit(&w, w.at, mask, PATH_WORDS);
	walk_byte(table, w.at, ENGINE_PATHS, mask, '/');
	place_take(place, &w);
}

/* Groups of the atoms whose bits are set: one look-up a byte of them. */
static __always_inline u64 move_fold(const u8 *table, u64 atoms)
{
	u32 folds = ENGINE(table, ENGINE_PATHS, folds);
	u64 groups = 0;

	if (!atoms || !folds)
		return 0;
	for (u32 i = 0; i < 8; i++)
		groups |= table_u64(table, folds + (i * 256 + ((atoms >> (i * 8)) & 0xff)) * PATH_WORDS * 8);
	return groups;
}

/* A field of the future of a state. */
static __always_inline u64 move_future(const u8 *table, u32 state, u32 field)
{
	u32 id = table_u32(table, state + 4);

	return table_u64(table, ENGINE(table, ENGINE_PATHS, futures) + id * sizeof(struct table_future) + field);
}

#define FUTURE(table, state, field) move_future(table, state, __builtin_offsetof(struct table_future, field))

/* What a folder may lose below itself on its way; what it may gain is the same the other way round. */
static __always_inline u64 move_lost(const u8 *table, const struct place *from, const struct place *to)
{
	u64 before = from->matched & ~from->but;
	u64 after = to->matched & ~to->but;
	u64 lost = from->groups;
	u64 kept = to->groups;

	for (u32 i = 0; i < ENGINE_AUTOMATA; i++) {
		if (from->at[i] != to->at[i])
			lost |= FUTURE(table, from->at[i], reach) | FUTURE(table, to->at[i], buts);
		kept |= FUTURE(table, to->at[i], holds);
	}
	lost |= move_fold(table, (before & ~after) | (to->but & ~from->but));
	return lost & ~kept;
}

/* One field of the rows that speak of the subject. */
struct stake_walk {
	const u8 *table;
	const struct subject *who;
	u64 groups;
	u32 field;
	u32 reserved;
};

static __always_inline void stake_add(struct stake_walk *w, u32 taint)
{
	u32 principal = w->who->principal;
	u32 any = row_offset(w->table, w->who, PRINCIPAL_ANY, taint);
	u32 own = row_offset(w->table, w->who, principal & ~PRINCIPAL_UNPINNED, taint);
	u32 agents = principal & PRINCIPAL_UNPINNED ? row_offset(w->table, w->who, PRINCIPAL_AGENT, taint) : 0;

	if (any)
		w->groups |= table_u64(w->table, any + w->field);
	if (own)
		w->groups |= table_u64(w->table, own + w->field);
	if (agents)
		w->groups |= table_u64(w->table, agents + w->field);
}

static long stake_step(u32 taint, struct stake_walk *w)
{
	if (w->who->taints & (1u << (taint & 31)))
		stake_add(w, taint + 1);
	return 0;
}

/* bound: TAINTS_MAX. */
static __always_inline u64 move_stake(const u8 *table, const struct subject *who, u32 field)
{
	struct stake_walk w = { .table = table, .who = who, .field = field };

	stake_add(&w, 0);
	if (who->taints)
		bpf_loop(TAINTS_MAX, stake_step, &w, 0);
	return w.groups;
}

#define STAKE(table, who, field) move_stake(table, who, __builtin_offsetof(struct table_row, field))

/*
 * The groups for which a move is refused, 0 where it is let: those that refuse at the old place alone; where a default
 * refuses there, those that allow at the new place alone. marks are taints that reading sets at the old place alone.
 */
static __always_inline u64 rule_move(const u8 *table, const struct subject *who, const struct place *from,
				     const struct place *to, bool folder, u32 *marks)
{
	u32 closed = table_u32(table, role_offset(table, who->role) + __builtin_offsetof(struct table_role, closed));
	u64 lost = from->label & ~to->label;
	u64 gained = to->label & ~from->label;
	u64 stake;
	u64 met;

	if (folder) {
		lost |= move_lost(table, from, to);
		gained |= move_lost(table, to, from);
	}
	if (!lost && !gained)
		return 0;
	rule_path(table, who, OP_FILE_READ, &lost, &met);
	*marks |= rule_marks(table, met);
	stake = lost & STAKE(table, who, refusing);
	if (!stake && closed)
		stake = gained & STAKE(table, who, allowing);
	return stake;
}

/*
 * The groups for which nothing that has names below it may come to a name: those that refuse to make or write some of them,
 * and did not at the old place; where a default refuses that, those that let it at the old place alone.
 */
static __always_inline u64 rule_bring(const u8 *table, const struct subject *who, const struct place *from,
				      const struct place *to)
{
	u32 closed = table_u32(table, role_offset(table, who->role) + __builtin_offsetof(struct table_role, closed));
	u64 stake = move_lost(table, to, from) & STAKE(table, who, barring);

	if (!stake && (closed & CLOSED_WRITING))
		stake = move_lost(table, from, to) & STAKE(table, who, writable);
	return stake;
}
