/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way to a name: along typed pointers, which costs a load a step, where path.h reads each step through a helper.
 * It gives the first try of name_of() what its walk would have found, or nothing: where folders compare names by
 * themselves, and for names that are deep or long, the walk is made.
 */
#pragma once

#include "path.h"

#define CLIMB_COPY(to, from)                     \
	for (u32 i = 0; i < NAME_SHORT / 8; i++) \
	(to)[i] = ((const u64 *)(from))[i]

/*
 * The name that lies in its dentry, to where the offset ends. Whole words are copied, from the end of the name backwards: what is
 * in front of it is written over by the next component, or lies in front of the text. verifier: typed pointers have constant
 * offsets only, so it goes by the stack.
 */
static __always_inline void climb_short(struct buffer *buffer, u32 offset, u32 length, struct dentry *dentry)
{
	u64 name[2 * NAME_SHORT / 8] = {};
	u64 *to = (u64 *)(buffer->text + ((offset - NAME_SHORT) & (TEXT_MAX - 1)));
	const u64 *from = (const u64 *)((const u8 *)name + (length & (NAME_SHORT - 1)));

	if (bpf_core_field_exists(dentry->d_iname))
		CLIMB_COPY(name + NAME_SHORT / 8, dentry->d_iname);
	else
		CLIMB_COPY(name + NAME_SHORT / 8, ((struct dentry___shortname *)dentry)->d_shortname.string);
	FORGET();
	CLIMB_COPY(to, from);
}

/* One component in front; its offset, or 0 where there is no room. */
static __always_inline u32 climb_component(struct buffer *buffer, struct dentry *dentry)
{
	u32 offset = buffer->name.offset;
	u32 length = dentry->d_name.len;

	if (length >= NAME_SHORT)
		return name_component(buffer, offset, length, dentry->d_name.name);
	if (offset <= 2 * NAME_SHORT)
		return 0;
	climb_short(buffer, offset, length, dentry);
	offset -= length + 1;
	buffer->text[offset & (TEXT_MAX - 1)] = '/';
	return offset;
}

/* Up to the root. bound: PRINT_DEPTH components. verifier: the offset lies in the buffer, so it is not followed. */
static __noinline int climb(struct buffer *buffer, struct dentry *dentry)
{
	struct dentry *root = dentry->d_sb->s_root;
	struct name *name = &buffer->name;
	u64 print = cfg_key;

	name->offset = TEXT_END;
	for (u32 i = 0; i < PRINT_DEPTH; i++) {
		FORGET();
		print = print_link(print, dentry->d_seq.seqcount.sequence, dentry->d_name.hash);
		if (dentry == root) {
			name->print = print;
			return 1;
		}
		if (dentry->d_flags & DCACHE_OP_COMPARE)
			return 0;
		name->offset = climb_component(buffer, dentry);
		if (!name->offset)
			return 0;
		dentry = dentry->d_parent;
	}
	return 0;
}

/* Names what source_of() has found by way of its dentry. race: as name_still, whose first try this begins. */
static __always_inline void name_at(struct buffer *buffer, struct dentry *dentry)
{
	buffer->source.renames = rename_sequence();
	buffer->source.climbed = climb(buffer, dentry);
	FORGET();
	name_of(buffer);
}
