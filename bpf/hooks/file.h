/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opening files, and getting open ones from others. */
#pragma once

#include "skill.h"
#include "terminal.h"

/*
 * What of an open decides about it: a check that let the same object pass in the same mode is as good as this one's own.
 * One that refused leaves no mark: its open has no end that takes it away. verifier: no arithmetic with a typed pointer, so
 * the address is stored first, which makes a number of it.
 */
static __always_inline u64 open_mode(const struct file *file)
{
	return (u64)(file->f_mode & (FMODE_READ | FMODE_WRITE)) << 48;
}

static __always_inline void open_mark(struct task_state *state, const struct file *file)
{
	volatile u64 *opened = &state->opened;

	*opened = (u64)file->f_path.dentry;
	*opened ^= open_mode(file);
}

/*
 * An overlay opens what lies below it by the name it has there. What is executed or mapped by way of the overlay is seen
 * under the overlay's name alone later (exec and mmap ask for no file below), so this moment asks for both. kernel: 6.1
 * gives the file the overlay's dentry, and the inode below. Later ones give both from below, and FMODE_BACKING, which moved
 * between stable kernels; they do not say whose overlay it is, and of the host's own its name there must decide.
 */
static __always_inline bool open_below(struct file *file)
{
	return file->f_inode != file->f_path.dentry->d_inode;
}

static __always_inline int decide_open_below(struct task_state *state, struct file *file)
{
	struct question q = { .op = OP_EXEC_MAP, .quiet = QUIET_ALLOWED, .wanted = PROT_EXEC };

	if (file->f_flags & FMODE_EXEC)
		q.op = OP_EXEC;
	return judge_file(state, file, &q);
}

/*
 * security_file_open: after resolution, before the opener has the descriptor; every open passes (io_uring, handles,
 * exec). Not file_permission: access is granted at open. An open by exec is judged as exec, in bprm_check. O_PATH does
 * not pass: it reads nothing.
 */
static __always_inline int decide_open(struct file *file)
{
	struct task_state *state = task_state();
	struct question q;
	int error;

	if (!state)
		return 0;
	if (open_below(file)) {
		error = decide_open_below(state, file);
		if (error)
			return error;
	}
	if (file->f_flags & FMODE_EXEC)
		return 0;
	q = question_of_open(file->f_flags, file->f_mode);
	error = terminal_own(state, file) ? 0 : judge_file(state, file, &q);
	if (!error)
		error = skill_open(state, file);
	if (!error && q.op == OP_FILE_WRITE)
		written_note(state, file->f_inode);
	if (cfg_form != FORM_TWICE)
		return error;
	if (error)
		state->opened = 0;
	else
		open_mark(state, file);
	return error;
}

/*
 * security_file_receive: a descriptor comes from another process (SCM_RIGHTS, pidfd_getfd, binder). It was opened with
 * another one's rights, perhaps outside of every session, so it counts as an open; but for a terminal, which somebody shares.
 */
static __always_inline int decide_receive(struct file *file)
{
	struct task_state *state = task_state();
	struct question q;
	int error;

	if (!state || (file->f_mode & FMODE_PATH) || terminal(file->f_inode))
		return 0;
	q = question_of_open(file->f_flags & ~O_TRUNC, file->f_mode);
	q.quiet = QUIET_ALLOWED;
	error = judge_file(state, file, &q);
	if (!error)
		error = skill_open(state, file);
	if (!error && q.op == OP_FILE_WRITE)
		written_note(state, file->f_inode);
	return error;
}
