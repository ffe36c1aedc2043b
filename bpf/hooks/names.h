/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names in folders: made, taken away, moved. The inode_* hooks run within the locks of the folder, after the kernel's own
 * permission checks and before the file system is asked; a dentry that is still negative has its parent and its name
 * already, so what is missing is named like what is there. Not the path_* hooks: an overlay works on the folders below it
 * by these calls alone (fs/overlayfs, vfs_*), and a path is not needed to name a dentry.
 */
#pragma once

#include "../include/judge.h"

/* Making a name is writing there: a file that is missing is judged like one that is there. */
static __always_inline struct question question_of_name(void)
{
	struct question q = { .op = OP_FILE_CREATE, .second = OP_FILE_WRITE };

	return q;
}

/* security_inode_create, _mkdir. */
static __always_inline int decide_create(struct dentry *dentry)
{
	struct question q = question_of_name();
	struct task_state *state = task_state();

	return state ? judge(state, dentry, NULL, &q) : 0;
}

/*
 * security_inode_mknod. A device node is another name for a device, which rules on /dev could not see; overlay's whiteout
 * (0, 0) is none.
 */
static __always_inline int decide_mknod(struct dentry *dentry, u32 mode, u32 device)
{
	struct task_state *state = task_state();
	int error;

	if (!state)
		return 0;
	if (node_of_device(mode) && !node_harmless(mode, device >> 20, device & 0xfffff)) {
		error = judge_blind(state, OP_FILE_CREATE);
		if (error) {
			count(COUNT_NAME_DEVICE);
			return error;
		}
	}
	return decide_create(dentry);
}

/* security_inode_unlink, security_inode_rmdir. */
static __always_inline int decide_delete(struct dentry *dentry)
{
	struct question q = { .op = OP_FILE_DELETE };
	struct task_state *state = task_state();

	return state ? judge(state, dentry, dentry->d_inode, &q) : 0;
}

/* Two names at a time. */
struct names {
	struct buffer *from;
	struct buffer *to;
};

static __always_inline bool names_take(struct names *names)
{
	names->from = buffer_take();
	if (!names->from)
		return false;
	names->to = buffer_take();
	if (names->to && names->to != names->from)
		return true;
	buffer_give(names->from);
	return false;
}

/* What is at the old name goes to the new one: the name is made there, and what held here holds there. */
static __always_inline int move_judge(struct task_state *state, struct buffer *from, struct buffer *to)
{
	int error = judge_as(state, to, OP_FILE_CREATE, OP_FILE_WRITE);

	return error ? error : judge_move(state, from, to);
}

/* security_inode_link: the object gets a second name. */
static __always_inline int decide_link(struct dentry *from, struct dentry *to)
{
	struct task_state *state = task_state();
	struct names names;
	int error;

	if (!state)
		return 0;
	if (!names_take(&names))
		return judge_blind(state, OP_FILE_CREATE);
	name_into(names.from, from);
	name_into(names.to, to);
	error = move_judge(state, names.from, names.to);
	buffer_give(names.to);
	buffer_give(names.from);
	return error;
}

/* The last component of the name becomes one that no rule speaks of in particular. KEEP-SYNC lead v1 (enforce/move.go) */
static __always_inline void name_beside(struct buffer *buffer)
{
	struct dentry *dentry = (struct dentry *)buffer->source.dentry;
	u32 at = TEXT_END - BPF_CORE_READ(dentry, d_name.len);

	buffer->text[at & (TEXT_MAX - 1)] = 1;
	buffer->text[(at + 1) & (TEXT_MAX - 1)] = 0;
}

/* security_inode_symlink: below the link's name are those of what it leads to, whatever that will be. */
static __always_inline int decide_symlink(struct dentry *dentry)
{
	struct task_state *state = task_state();
	struct names names;
	int error;

	if (!state)
		return 0;
	if (!names_take(&names))
		return judge_blind(state, OP_FILE_CREATE);
	name_into(names.from, dentry);
	name_into(names.to, dentry);
	name_beside(names.from);
	error = judge_as(state, names.to, OP_FILE_CREATE, OP_FILE_WRITE);
	if (!error)
		error = judge_lead(state, names.from, names.to);
	buffer_give(names.to);
	buffer_give(names.from);
	return error;
}

static __always_inline int rename_judge(struct task_state *state, struct buffer *from, struct buffer *to)
{
	int error = judge_as(state, from, OP_FILE_RENAME, OP_NONE);

	return error ? error : move_judge(state, from, to);
}

/* security_inode_rename. An exchange moves both ways, the way back first, as the hook is called. */
static __always_inline int decide_rename(struct dentry *from, struct dentry *to, u32 flags)
{
	struct task_state *state = task_state();
	struct names names;
	int error;

	if (!state)
		return 0;
	if (!names_take(&names))
		return judge_blind(state, OP_FILE_RENAME);
	name_into(names.from, from);
	name_into(names.to, to);
	error = flags & RENAME_EXCHANGE ? rename_judge(state, names.to, names.from) : 0;
	if (!error)
		error = rename_judge(state, names.from, names.to);
	buffer_give(names.to);
	buffer_give(names.from);
	return error;
}
