/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept about a file beside its bytes: mode, owner, times, extended attributes, access lists, flags. And its size. */
#pragma once

#include "../include/judge.h"

static __always_inline int attr_judge(struct dentry *dentry, u32 op, u32 wanted)
{
	struct question q = { .op = op, .wanted = wanted };
	struct task_state *state = task_state();

	return state ? judge(state, dentry, dentry->d_inode, &q) : 0;
}

/* security_inode_setxattr and the like. */
static __always_inline int decide_attr(struct dentry *dentry)
{
	return attr_judge(dentry, OP_FILE_ATTR, 0);
}

/* What is left of a file is another one than whoever made it meant. */
static __always_inline int attr_cut(struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;
	struct task_state *state = task_state();
	int error = attr_judge(dentry, OP_FILE_WRITE, O_TRUNC);

	if (!error && state && inode)
		written_note(state, inode);
	return error;
}

/*
 * security_inode_setattr, the end of chmod, chown, utimes, truncate and ftruncate (fs/attr.c:notify_change). Size is what is
 * in a file, so truncating is writing; with O_TRUNC the open was judged as such. What the kernel changes by itself, as it
 * takes set-user-id away from what is written, is no act of the task's.
 */
static __always_inline int decide_setattr(struct dentry *dentry, struct iattr *attr)
{
	u32 valid = attr->ia_valid;

	if (valid & ATTR_OPEN)
		return 0;
	if (valid & ATTR_SIZE)
		return attr_cut(dentry);
	if ((valid & ATTR_FORCE) || !(valid & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME)))
		return 0;
	return attr_judge(dentry, OP_FILE_ATTR, 0);
}
