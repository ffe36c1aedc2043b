/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way to a name: along typed pointers, which costs a load a step, where path.h reads each step through a helper.
 * It gives the first try of name_of() what its walk would have found, or nothing: where a folder compares names by itself,
 * where the way ends elsewhere than at the root, and for names that are deep or long, the walk is made.
 */
#pragma once

#include "path.h"

enum climb {
	CLIMB_DEPTH = 12, /* components, which the verifier goes through one by one; deeper names are walked */
};

/* A name that lies in its dentry. */
static __always_inline const void *climb_name(struct dentry *dentry)
{
	if (bpf_core_field_exists(dentry->d_iname))
		return dentry->d_iname;
	return ((struct dentry___shortname *)dentry)->d_shortname.string;
}

/* One component in front of those that the buffer has; false where there is no room. */
static __always_inline bool climb_component(struct buffer *buffer, struct dentry *dentry)
{
	u32 offset = buffer->name.offset;
	u32 length = dentry->d_name.len;

	if (length >= NAME_SHORT) {
		offset = name_component(buffer, offset, length, dentry->d_name.name);
		if (!offset)
			return false;
	} else {
		if (offset < SHORT_ROOM)
			return false;
		if (length <= NAME_WORD)
			name_words(buffer, offset, length, climb_name(dentry), NAME_WORD);
		else
			name_words(buffer, offset, length, climb_name(dentry), NAME_SHORT);
		offset -= length + 1;
		buffer->text[offset & (TEXT_MAX - 1)] = '/';
	}
	buffer->name.offset = offset;
	return true;
}

/* Up to the root. bound: CLIMB_DEPTH components. verifier: what changes lies in the buffer, so that it is not followed. */
static __noinline int climb(struct buffer *buffer, struct dentry *dentry)
{
	struct dentry *root = dentry->d_sb->s_root;
	struct name *name = &buffer->name;

	name->offset = TEXT_END;
	for (u32 i = 0; i < CLIMB_DEPTH; i++) {
		struct dentry *parent = dentry->d_parent;

		if (dentry == root) {
			buffer->source.climbed = 1;
			return 0;
		}
		if (parent == dentry || (dentry->d_flags & DCACHE_OP_COMPARE))
			return 0;
		if (!climb_component(buffer, dentry))
			return 0;
		FORGET();
		dentry = parent;
	}
	return 0;
}

/*
 * Names what source_of() has found by way of its dentry, of which print was read. race: as name_still, whose first try this
 * begins. The print is older than the name: where the chain was another one by then, no later print is like it (label.h).
 */
static __always_inline void name_at(struct buffer *buffer, struct dentry *dentry, u64 print)
{
	buffer->name.print = print;
	buffer->source.renames = rename_sequence();
	climb(buffer, dentry);
	FORGET();
	name_of(buffer);
}
