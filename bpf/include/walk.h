/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walk: three automata over a text, together, to its label. Pure: reads the table and the text, nothing else.
 * KEEP-SYNC walk v1 (enforce/match/walk.go)
 */
#pragma once

#include "maps.h"

/* verifier: a constant mask, so every read of the table is known to be inside. Offsets come from the table itself. */
static __always_inline u32 table_u32(const u8 *table, u32 offset)
{
	return *(const u32 *)(table + (offset & (cfg_table_size - 4)));
}

static __always_inline u64 table_u64(const u8 *table, u32 offset)
{
	return *(const u64 *)(table + (offset & (cfg_table_size - 8)));
}

static __always_inline u32 table_u16(const u8 *table, u32 offset)
{
	return *(const u16 *)(table + (offset & (cfg_table_size - 2)));
}

static __always_inline u32 table_u8(const u8 *table, u32 offset)
{
	return *(const u8 *)(table + (offset & (cfg_table_size - 1)));
}

/* groups[words], then P and N. */
struct walk_register {
	u64 word[LABEL_WORDS + 2];
};

struct walk {
	const u8 *table;
	const u8 *text; /* TEXT_MAX bytes */
	u32 engine;	/* byte offset of struct table_engine */
	u32 at[ENGINE_AUTOMATA];
	u32 masks;
	u32 offset; /* of the first byte */
	struct walk_register reg;
};

#define ENGINE(w, field) table_u32((w)->table, (w)->engine + __builtin_offsetof(struct table_engine, field))

static __always_inline void walk_or(struct walk *w, u32 set, u32 words)
{
	u32 mask = w->masks + set * (words + 2) * 8;

#pragma clang loop unroll(full)
	for (u32 i = 0; i < words + 2; i++)
		w->reg.word[i] |= table_u64(w->table, mask + i * 8);
}

static __always_inline void walk_begin(struct walk *w, const u8 *table, u32 engine)
{
	__builtin_memset(w, 0, sizeof(*w));
	w->table = table;
	w->engine = engine;
	for (u32 i = 0; i < ENGINE_AUTOMATA; i++)
		w->at[i] = ENGINE(w, start[i]);
	w->masks = ENGINE(w, masks);
}

/* Sets are emitted by the states before a byte. verifier: one branch, for few states have a set. */
static __always_inline void walk_emit(struct walk *w, u32 words)
{
	u32 a = table_u32(w->table, w->at[0]) >> 16;
	u32 b = table_u32(w->table, w->at[1]) >> 16;
	u32 c = table_u32(w->table, w->at[2]) >> 16;

	if (!(a | b | c))
		return;
	walk_or(w, a, words);
	walk_or(w, b, words);
	walk_or(w, c, words);
}

static __always_inline void walk_byte(struct walk *w, u8 byte, u32 words)
{
	u32 column = table_u16(w->table, w->engine + byte * 2);

	if (words == LINE_WORDS || byte == '/')
		walk_emit(w, words);
	for (u32 i = 0; i < ENGINE_AUTOMATA; i++)
		w->at[i] = table_u32(w->table, w->at[i] + column);
}

/* The accept sets of the last states, then the atoms: rules that matched and whose excepts did not. */
static __always_inline void walk_end(struct walk *w, u32 words)
{
	u32 folds;
	u64 atoms;

	for (u32 i = 0; i < ENGINE_AUTOMATA; i++) {
		walk_or(w, table_u32(w->table, w->at[i]) & 0xffff, words);
	}
	atoms = w->reg.word[words] & ~w->reg.word[words + 1];
	folds = ENGINE(w, folds);
	if (!atoms || !folds)
		return;
	for (u32 i = 0; i < 8; i++) {
		u32 row = folds + (i * 256 + ((atoms >> (i * 8)) & 0xff)) * words * 8;

		for (u32 j = 0; j < words; j++)
			w->reg.word[j] |= table_u64(w->table, row + j * 8);
	}
}

/*
 * Sixteen bytes of a path a call; its end is the NUL. verifier: the position comes from the call's index, for a counter
 * in the context would be walked value by value. bound: TEXT_MAX bytes.
 */
#define WALK_STRIDE 16

static long walk_stride(u32 index, struct walk *w)
{
	u32 from = w->offset + index * WALK_STRIDE;

#pragma clang loop unroll(full)
	for (u32 i = 0; i < WALK_STRIDE; i++) {
		u8 byte = w->text[(from + i) & (TEXT_MAX - 1)];

		if (!byte)
			return 1;
		walk_byte(w, byte, PATH_WORDS);
	}
	return 0;
}

/* A path that ends with a NUL at text[TEXT_MAX - 1]. */
static __always_inline void walk_path(struct walk *w, const u8 *text, u32 offset)
{
	w->text = text;
	w->offset = offset;
	bpf_loop(TEXT_MAX / WALK_STRIDE, walk_stride, w, 0);
}
