/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way to a name: along typed pointers, which costs a load a step, where path.h reads each step through a helper.
 * It gives the first try of name_of() what its walk would have found, or nothing: where a folder compares names by itself,
 * where the way ends elsewhere than at the root, and for names that are deep or long, the walk is made.
 */
#pragma once

#include "path.h"

/*
 * The name that lies in its dentry, to where the offset ends: whole words, by way of the buffer's beginning, which a name
 * of usual length leaves free. What they have in front of the name is written over by the next component, or lies in front
 * of the text. verifier: typed pointers have constant offsets only, and a stack's words are aligned.
 */
static __always_inline void climb_short(struct buffer *buffer, u32 offset, u32 length, struct dentry *dentry)
{
	const u8 *from = buffer->text + (length & (NAME_SHORT - 1));
	u8 *to = buffer->text + ((offset - NAME_SHORT) & (TEXT_MAX - 1));
	u8 *name = buffer->text + NAME_SHORT;

	if (bpf_core_field_exists(dentry->d_iname))
		copy_words(name, dentry->d_iname, NAME_SHORT);
	else
		copy_words(name, ((struct dentry___shortname *)dentry)->d_shortname.string, NAME_SHORT);
	FORGET();
	copy_words(to, from, NAME_SHORT);
}

/* One component in front of those that the buffer has; offset 0 says that there is no room. */
static __always_inline void climb_component(struct buffer *buffer, struct dentry *dentry)
{
	u32 offset = buffer->name.offset;
	u32 length = dentry->d_name.len;

	if (length >= NAME_SHORT)
		offset = name_component(buffer, offset, length, dentry->d_name.name);
	else if (offset < 3 * NAME_SHORT)
		offset = 0;
	else {
		climb_short(buffer, offset, length, dentry);
		offset -= length + 1;
		buffer->text[offset & (TEXT_MAX - 1)] = '/';
	}
	buffer->name.offset = offset;
}

/*
 * Up to the root. bound: PRINT_DEPTH components. verifier: what changes lies in the buffer, so that it is not followed.
 * KEEP-SYNC print v1 (label.h:print_of, path.h:name_step)
 */
static __noinline int climb(struct buffer *buffer, struct dentry *dentry)
{
	struct dentry *root = dentry->d_sb->s_root;
	struct name *name = &buffer->name;
	u64 print = cfg_key;

	name->offset = TEXT_END;
	for (u32 i = 0; i < PRINT_DEPTH; i++) {
		struct dentry *parent = dentry->d_parent;

		print = print_link(print, dentry->d_seq.seqcount.sequence, dentry->d_name.hash);
		if (dentry == root) {
			name->print = print;
			buffer->source.climbed = 1;
			return 0;
		}
		if (parent == dentry || (dentry->d_flags & DCACHE_OP_COMPARE))
			return 0;
		climb_component(buffer, dentry);
		FORGET();
		if (!name->offset)
			return 0;
		dentry = parent;
	}
	return 0;
}

/* Names what source_of() has found by way of its dentry. race: as name_still, whose first try this begins. */
static __always_inline void name_at(struct buffer *buffer, struct dentry *dentry)
{
	buffer->source.renames = rename_sequence();
	climb(buffer, dentry);
	FORGET();
	name_of(buffer);
}
