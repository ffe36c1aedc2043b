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
	u32 engine; /* byte offset of struct table_engine */
	u32 at[ENGINE_AUTOMATA];
	u32 masks;
	u32 left; /* bytes of text from here on */
	const u8 *text;
	u32 offset;
	u32 reserved;
	struct walk_register reg;
};


#define ENGINE(w, field) table_u32((w)->table, (w)->engine + __builtin_offsetof(struct table_engine, field))

static __always_inline void walk_or(struct walk *w, u32 set, u32 words)
{
	u32 mask = w->masks + set * (words + 2) * 8;

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

/* One byte. Sets are emitted by the states before it: at '/' in paths, at every byte in command lines. */
static __always_inline void walk_byte(struct walk *w, u8 byte, u32 words)
{
	u32 column = table_u16(w->table, w->engine + byte * 2);

	for (u32 i = 0; i < ENGINE_AUTOMATA; i++) {
		if (words == LINE_WORDS || byte == '/') {
			u32 set = table_u32(w->table, w->at[i]) >> 16;

			if (set)
				walk_or(w, set, words);
		}
		w->at[i] = table_u32(w->table, w->at[i] + column);
	}
}

/* The accept sets of the last states, then the atoms: rules that matched and whose excepts did not. */
static __always_inline void walk_end(struct walk *w, u32 words)
{
	u32 folds;
	u64 atoms;

	for (u32 i = 0; i < ENGINE_AUTOMATA; i++) {
		u32 set = table_u32(w->table, w->at[i]) & 0xffff;

		if (set)
			walk_or(w, set, words);
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

/* bound: 16 bytes a call; texts end at TEXT_MAX, lines come in pieces of at most that. */
#define WALK_STRIDE 16

static __always_inline long walk_stride(struct walk *w, u32 words)
{
#pragma clang loop unroll(full)
	for (u32 i = 0; i < WALK_STRIDE; i++) {
		if (!w->left)
			return 1;
		walk_byte(w, w->text[w->offset & (TEXT_MAX - 1)], words);
		w->offset++;
		w->left--;
	}
	return 0;
}

static long walk_path_stride(u32 index, struct walk *w)
{
	return walk_stride(w, PATH_WORDS);
}

static long walk_line_stride(u32 index, struct walk *w)
{
	return walk_stride(w, LINE_WORDS);
}

/* text has TEXT_MAX readable bytes, of which length from offset on are walked. */
static __always_inline void walk_path(struct walk *w, const u8 *text, u32 offset, u32 length)
{
	w->text = text;
	w->offset = offset;
	w->left = length;
	bpf_loop(TEXT_MAX / WALK_STRIDE + 1, walk_path_stride, w, 0);
}

static __always_inline void walk_line(struct walk *w, const u8 *text, u32 offset, u32 length)
{
	w->text = text;
	w->offset = offset;
	w->left = length;
	bpf_loop(TEXT_MAX / WALK_STRIDE + 1, walk_line_stride, w, 0);
}
