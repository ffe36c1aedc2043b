/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Native agents by their builds: which agent a program is whose file the catalogue does not name. A copy, a link elsewhere and a
 * program in memory are the same bytes; the kernel has read the first of them when it asks, and knows how many there are. Both
 * must be a known build's, byte for byte. What lies between is not read: who changes it, in a file of their own, is taken for the
 * agent, and held as one.
 *
 * A build that was learned from somebody's file counts in files of the same owner; one of root's in everybody's but root's own. So
 * nobody makes programs of the system, or of others, agents by copying one to where the catalogue looks. A build that came with the
 * catalogue counts in every file.
 */
#pragma once

#include "task.h"

enum elf {
	ELF_MAGIC = 0x464c457f, /* \x7f ELF */
	ELF_ENTRY = 24,		/* where an ELF of 64 bits has e_entry */
};

static __always_inline bool build_same(const struct build *build, const struct linux_binprm *bprm)
{
	const u64 *ours = (const u64 *)build->head;
	const u64 *theirs = (const u64 *)bprm->buf;
	u64 differ = 0;

	for (u32 i = 0; i < BUILD_HEAD / sizeof(u64); i++) /* verifier: no branch in it */
		differ |= ours[i] ^ theirs[i];
	return !differ;
}

/* The build that a program is, or NULL. */
static __always_inline struct build *build_find(const struct linux_binprm *bprm)
{
	const struct inode *inode = bprm->file->f_inode;
	u32 owner = inode->i_uid.val;
	struct build_key key = {};
	struct build *build;

	if (*(const u32 *)bprm->buf != ELF_MAGIC)
		return NULL;
	key.size = inode->i_size;
	key.entry = *(const u64 *)(bprm->buf + ELF_ENTRY);
	build = bpf_map_lookup_elem(&builds, &key);
	if (build && (owner || (build->flags & BUILD_SHIPPED)) && build_same(build, bprm))
		return build;
	if (!owner)
		return NULL;
	key.owner = owner;
	build = bpf_map_lookup_elem(&builds, &key);
	return build && build_same(build, bprm) ? build : NULL;
}

/*
 * The first row of an agent, which is that of its executed files; index + 1, 0 where the catalogue in force has none.
 * verifier: global, so that its ways end here.
 */
__noinline int build_row(u32 agent)
{
	const u8 *table = table_now();
	u32 rows = table ? HEADER(table, agent_count) : 0;

	for (u32 i = 0; i < AGENTS_MAX; i++) {
		if (i >= rows)
			break;
		if (table_u32(table, HEADER(table, agent_table) + i * sizeof(struct table_agent)) == agent)
			return i + 1;
	}
	return 0;
}

/* The catalogue's row of the agent whose build is executed, index + 1; 0 for none. */
static __always_inline u32 build_of(const struct linux_binprm *bprm)
{
	struct build *build = build_find(bprm);

	return build ? build_row(build->agent) : 0;
}
