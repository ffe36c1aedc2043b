/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Labels that were found before. A label is a function of the name, the mounts and the table; the name is what a dentry
 * and its parents up to the root are called. So an entry carries a print of this chain: of each dentry its d_seq, which
 * every move changes (fs/dcache.c:__d_move), and the hash of its name, which tells apart what takes the same memory later.
 * Nobody has to be told of a rename, so renames cost nobody anything, and those that no hook sees (of network file systems)
 * count as well.
 *
 * A print is read without a lock. Where it equals the one that was kept, every link of the chain was at its reading what it
 * had been then; so at the first of these moments the whole chain was, and the label is that of this moment. It may be read
 * before the name that the label is of: what moved in between has another print for ever.
 */
#pragma once

#include "count.h"

enum print {
	PRINT_DEPTH = 24, /* components; deeper names are found anew each time */
};

static __always_inline u64 print_mix(u64 print, u64 word)
{
	print = (print ^ word) * 0x9e3779b97f4a7c15ull;
	return print ^ print >> 29;
}

/*
 * One link of the chain. kernel: the hash has the parent's address in it (fs/namei.c:full_name_hash), so nobody outside the
 * kernel finds another name with the same one; 6.1 would not let hash and length be read at once.
 */
static __always_inline u64 print_link(u64 print, u32 sequence, u32 hash)
{
	return print_mix(print, (u64)sequence << 32 | hash);
}

/*
 * 0 for a chain that is too deep. One that ends elsewhere than at a file system's root has a print that no entry has, for none
 * is kept of it (path.h:name_once); it cannot be told here without two more loads. KEEP-SYNC print v2 (path.h:name_step)
 */
static __always_inline u64 print_of(struct dentry *dentry)
{
	u64 print = cfg_key;

	for (u32 i = 0; i < PRINT_DEPTH; i++) {
		struct dentry *parent = dentry->d_parent;

		print = print_link(print, dentry->d_seq.seqcount.sequence, dentry->d_name.hash);
		if (parent == dentry)
			return print | 1;
		dentry = parent;
	}
	return 0;
}

static __always_inline u32 places_now(void)
{
	u32 zero = 0;
	u32 *generation = bpf_map_lookup_elem(&places, &zero);

	return generation ? *generation : 0;
}

/*
 * Tells the mixture of two entries from one. Prints are random; of the same print's entries, which were made under one table and
 * among one set of mounts each, those words must not make up for each other's difference.
 */
static __always_inline u64 label_check(const struct label *label)
{
	u64 moment = label->policy << 8 ^ (u64)label->places << 32 ^ label->view;

	return print_mix(label->print, moment) ^ label->groups;
}

/* The entry of a dentry, if it holds. */
static __always_inline struct label *label_recall(const void *dentry, u64 print, u64 policy, u32 now)
{
	struct label *label;

	if (!print)
		return NULL;
	label = bpf_map_lookup_elem(&labels, &dentry);
	if (!label || label->print != print || label->policy != policy || label->places != now ||
	    label->check != label_check(label))
		return NULL;
	return label;
}
