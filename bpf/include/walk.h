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
	const u8 *text; /* TEXT_MAX bytes, and a stride behind them */
	u32 at[ENGINE_AUTOMATA];
	u32 masks;
	u32 offset; /* of the first byte */
	u32 reserved;
	struct walk_register reg;
};

/* A field of the header: engines are known by their constant offset in it, so that reading one needs no bound. */
#define FIELD(table, type, offset) (*(const type *)((table) + (offset)))
#define ENGINE_PATHS __builtin_offsetof(struct table_header, paths)
#define ENGINE_LINES __builtin_offsetof(struct table_header, lines)
#define ENGINE_AGENTS __builtin_offsetof(struct table_header, agents)
#define ENGINE_NETS __builtin_offsetof(struct table_header, nets)
#define ENGINE(table, engine, field) FIELD(table, u32, (engine) + __builtin_offsetof(struct table_engine, field))

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
	for (u32 i = 0; i < ENGINE_AUTOMATA; i++)
		w->at[i] = ENGINE(table, engine, start[i]);
	w->masks = ENGINE(table, engine, masks);
}

/*
 * The word of the table at an offset that mask bounds; a table that is in force does not change. As assembly, for clang copies table
 * and mask for each word, and a walk reads a hundred of them.
 */
static __always_inline u32 walk_word(const u8 *table, u64 offset, u64 mask)
{
	asm("%0 &= %1\n\t%0 += %2\n\t%0 = *(u32 *)(%0 + 0)" : "+&r"(offset) : "r"(mask), "r"(table));
	return offset;
}

/* The sets that are named by one half of the states' first words. verifier: one branch, for few states have a set. */
static __always_inline void walk_join(struct walk *w, const u32 *at, u64 mask, u32 shift, u32 words)
{
	u32 a = walk_word(w->table, at[0], mask) >> shift & 0xffff;
	u32 b = walk_word(w->table, at[1], mask) >> shift & 0xffff;
	u32 c = walk_word(w->table, at[2], mask) >> shift & 0xffff;

	if (!(a | b | c))
		return;
	walk_or(w, a, words);
	walk_or(w, b, words);
	walk_or(w, c, words);
}

/* Sets are emitted by the states before a byte. */
static __always_inline void walk_emit(struct walk *w, const u32 *at, u64 mask, u32 words)
{
	walk_join(w, at, mask, 16, words);
}

/* mask bounds an offset of a u32, and takes a state's marks away; it is read once for many bytes. */
static __always_inline void walk_byte(const u8 *table, u32 *at, u32 engine, u64 mask, u8 byte)
{
	u32 column = FIELD(table, u16, engine + byte * 2);

	for (u32 i = 0; i < ENGINE_AUTOMATA; i++)
		at[i] = walk_word(table, at[i] + column, mask);
}

/* Not 0 where nothing happens until the component ends, which is most of most. */
static __always_inline u32 walk_idle(const u32 *at)
{
	return at[0] & at[1] & at[2] & STATE_IDLE;
}

static __always_inline void walk_copy(u32 *to, const u32 *from)
{
	for (u32 i = 0; i < ENGINE_AUTOMATA; i++)
		to[i] = from[i];
}

/* The accept sets of the last states, then the atoms: rules that matched and whose excepts did not. */
static __always_inline void walk_end(struct walk *w, u32 engine, u32 words)
{
	u32 folds = ENGINE(w->table, engine, folds);
	u64 atoms;

	walk_join(w, w->at, cfg_table_size - sizeof(u32), 0, words);
	atoms = w->reg.word[words] & ~w->reg.word[words + 1];
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

static __always_inline long walk_stride(u32 index, struct walk *w, u32 engine)
{
	const u8 *text = w->text + ((w->offset + index * WALK_STRIDE) & (TEXT_MAX - 1));
	u64 mask = cfg_table_size - sizeof(u32);
	const u8 *table = w->table;
	u32 at[ENGINE_AUTOMATA];
	long end = 0;
	u32 idle;

	walk_copy(at, w->at);
	idle = walk_idle(at);
#pragma clang loop unroll(full)
	for (u32 i = 0; i < WALK_STRIDE; i++) {
		u8 byte = text[i];

		if (!byte) {
			end = 1;
			break;
		}
		if (byte == '/')
			walk_emit(w, at, mask, PATH_WORDS);
		else if (idle)
			continue;
		walk_byte(table, at, engine, mask, byte);
		idle = walk_idle(at);
	}
	walk_copy(w->at, at);
	return end;
}

static long walk_paths_stride(u32 index, struct walk *w)
{
	return walk_stride(index, w, ENGINE_PATHS);
}

static long walk_agents_stride(u32 index, struct walk *w)
{
	return walk_stride(index, w, ENGINE_AGENTS);
}

static long walk_nets_stride(u32 index, struct walk *w)
{
	return walk_stride(index, w, ENGINE_NETS);
}

/* The label of a path that ends with a NUL at text[TEXT_MAX - 1], by one of the engines over paths. */
static __always_inline u64 walk_path(const u8 *table, u32 engine, const u8 *text, u32 offset)
{
	struct walk w;

	walk_begin(&w, table, engine);
	w.text = text;
	w.offset = offset;
	bpf_loop(TEXT_MAX / WALK_STRIDE,
		 engine == ENGINE_PATHS ? walk_paths_stride :
		 engine == ENGINE_NETS	? walk_nets_stride :
					  walk_agents_stride,
		 &w, 0);
	walk_end(&w, engine, PATH_WORDS);
	return w.reg.word[0];
}
