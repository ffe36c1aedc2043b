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
		name_short(buffer, offset, length, climb_name(dentry));
		offset -= length + 1;
		buffer->text[offset & (TEXT_MAX - 1)] = '/';
	}
	buffer->name.offset = offset;
	return true;
}

/*
 * Up to the root. bound: CLIMB_DEPTH components. verifier: what changes lies in the buffer, so that it is not followed.
 * KEEP-SYNC print v1 (label.h:print_of, path.h:name_step)
 */
static __noinline int climb(struct buffer *buffer, struct dentry *dentry)
{
	struct dentry *root = dentry->d_sb->s_root;
	struct name *name = &buffer->name;
	u64 print = cfg_key;

	name->offset = TEXT_END;
	for (u32 i = 0; i < CLIMB_DEPTH; i++) {
		struct dentry *parent = dentry->d_parent;

		print = print_link(print, dentry->d_seq.seqcount.sequence, dentry->d_name.hash);
		if (dentry == root) {
			name->print = print;
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

/* Names what source_of() has found by way of its dentry. race: as name_still, whose first try this begins. */
static __always_inline void name_at(struct buffer *buffer, struct dentry *dentry)
{
	buffer->source.renames = rename_sequence();
	climb(buffer, dentry);
	FORGET();
	name_of(buffer);
}
