/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Provenance: which files a session wrote. A file is known by device, inode and generation, whatever it is called later; who
 * opened it for writing wrote it, whether or not a byte came. It is asked where something is executed.
 */
#pragma once

#include "task.h"

#define NSEC_PER_SEC 1000000000ull

static __always_inline struct written_key written_key(struct inode *inode)
{
	struct written_key key = {
		.inode = inode->i_ino,
		.device = inode->i_sb->s_dev,
		.generation = inode->i_generation,
	};

	return key;
}

static __always_inline struct written_by *written_find(struct inode *inode)
{
	struct written_key key = written_key(inode);

	return bpf_map_lookup_elem(&written, &key);
}

static __always_inline u64 *written_began(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&written_since, &zero);
}

/* When an inode was last changed, in seconds of the wall's clock. Nobody but root sets it back. */
static __always_inline u64 inode_changed(struct inode *inode)
{
	if (bpf_core_field_exists(inode->i_ctime_sec))
		return inode->i_ctime_sec;
	if (bpf_core_field_exists(((struct inode___six *)inode)->__i_ctime))
		return ((struct inode___six *)inode)->__i_ctime.tv_sec;
	return ((struct inode___before *)inode)->i_ctime.tv_sec;
}

/*
 * As written_find, for those who only tell: bystanders map libraries all the time, and what was last changed before any session
 * wrote anything is no session's. It costs them a few instructions in place of the look-up. Where the wall's clock is set back
 * meanwhile, some are not told.
 */
static __always_inline struct written_by *written_lately(struct inode *inode)
{
	u64 *began = written_began();

	if (!began || !*began || inode_changed(inode) < *began)
		return NULL;
	return written_find(inode);
}

/* The last writer counts. One that writes on costs the look-up alone. */
static __always_inline void written_by_session(const struct task_state *state, struct inode *inode)
{
	struct written_key key;
	struct written_by *known;
	struct session *session;
	struct written_by by = {};
	u64 *began;

	session = session_of(state);
	if (!session)
		return;
	key = written_key(inode);
	known = bpf_map_lookup_elem(&written, &key);
	if (known && known->session == session->id && known->principal == state->principal)
		return;
	began = written_began();
	if (began && !*began)
		*began = cfg_booted + bpf_ktime_get_boot_ns() / NSEC_PER_SEC;
	by.session = session->id;
	by.time = bpf_ktime_get_boot_ns();
	by.principal = state->principal;
	if (!bpf_map_update_elem(&written, &key, &by, BPF_ANY) && !known)
		count(COUNT_WRITTEN);
}

static __always_inline void written_note(const struct task_state *state, struct inode *inode)
{
	if ((inode->i_mode & S_IFMT) == S_IFREG)
		written_by_session(state, inode);
}

/*
 * What runs what the session wrote is no longer the agent itself, nor a connector that is known by its content, and passes that on
 * to what it starts.
 */
static __always_inline void written_become(struct task_state *state)
{
	if (state->principal == PRINCIPAL_AGENT)
		state->principal = PRINCIPAL_WRITTEN;
	else if (state->principal >= PRINCIPAL_FIRST)
		state->principal |= PRINCIPAL_UNPINNED;
}
