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

/* What an executed file is to the catalogue. */
struct found {
	u32 row;   /* index + 1; 0 is nothing */
	u32 built; /* known by its build */
};

enum elf {
	ELF_MAGIC = 0x464c457f, /* \x7f ELF */
};

/* verifier: no branch in the loop; the bytes are in the buffer's slack, which no name reaches. */
static __always_inline bool build_same(const struct build *build, struct buffer *buffer, struct linux_binprm *bprm)
{
	const u64 *ours = (const u64 *)build->head;
	u64 *theirs = (u64 *)(buffer->text + TEXT_MAX + SLACK - BUILD_HEAD);
	u64 differ = 0;

	if (bpf_probe_read_kernel(theirs, BUILD_HEAD, bprm->buf))
		return false;
	for (u32 i = 0; i < BUILD_HEAD / sizeof(u64); i++)
		differ |= ours[i] ^ theirs[i];
	return !differ;
}

/* The build that a program is, or NULL. */
static __always_inline struct build *build_find(struct linux_binprm *bprm, struct buffer *buffer)
{
	u32 owner = bprm->file->f_inode->i_uid.val;
	struct build_key key = {};
	struct build *build;
	u32 magic = 0;

	bpf_probe_read_kernel(&magic, sizeof(magic), bprm->buf);
	if (magic != ELF_MAGIC)
		return NULL;
	bpf_probe_read_kernel(&key.entry, sizeof(key.entry), bprm->buf + 24);
	key.size = bprm->file->f_inode->i_size;
	build = bpf_map_lookup_elem(&builds, &key);
	if (build && (owner || (build->flags & BUILD_SHIPPED)) && build_same(build, buffer, bprm))
		return build;
	if (!owner)
		return NULL;
	key.owner = owner;
	build = bpf_map_lookup_elem(&builds, &key);
	return build && build_same(build, buffer, bprm) ? build : NULL;
}

/* The row of an agent's executed files, which is the first of its rows; index + 1, 0 where the catalogue in force has none. */
static __always_inline u32 build_row(u32 agent)
{
	const u8 *table = table_now();
	u32 rows = table ? HEADER(table, agent_count) : 0;

	for (u32 row = 1; row <= AGENTS_MAX; row++) {
		if (row > rows)
			break;
		if (agent_id(row) == agent)
			return agent_executed(row);
	}
	return 0;
}

/* The catalogue's row of the agent whose build is executed, index + 1; 0 for none. verifier: a frame of its own. */
static __noinline u32 build_of(struct linux_binprm *bprm, struct buffer *buffer)
{
	struct build *build = build_find(bprm, buffer);

	return build ? build_row(build->agent) : 0;
}
