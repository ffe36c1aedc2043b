/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opening files. */
#pragma once

#include "../include/judge.h"

/*
 * security_file_open: after resolution, before the opener has the descriptor; every open passes (io_uring, handles,
 * exec). Not file_permission: access is granted at open. An open by exec is judged as exec, in bprm_check. O_PATH does
 * not pass: it reads nothing.
 */
static __always_inline int decide_open(struct file *file)
{
	struct task_state *state = task_state();
	struct question q = { .op = OP_FILE_READ };
	u32 flags, mode;
	bool write;

	if (!state)
		return 0;
	flags = file->f_flags;
	mode = file->f_mode;
	if (flags & FMODE_EXEC)
		return 0;
	write = (mode & FMODE_WRITE) || (flags & O_TRUNC);
	if (write) {
		q.op = OP_FILE_WRITE;
		q.second = mode & FMODE_READ ? OP_FILE_READ : OP_NONE;
	}
	q.wanted = flags;
	return judge(state, file, &q);
}
