/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files mapped for execution, whoever maps them: the kernel's loader, ld.so started as a program, a library's own
 * loader. Refusing `exec` rules hold here too, so `ld.so PROGRAM` ends where PROGRAM would.
 */
#pragma once

#include "copy.h"
#include "derived.h"

/*
 * A program of the session's own making that another one maps, as `ld.so PROGRAM` does, or a library: asked as if it were
 * executed. Agents map what they have unpacked themselves.
 */
static __always_inline int image_written(struct task_state *state, struct file *file)
{
	struct question q = { .op = OP_EXEC_WRITTEN, .quiet = QUIET_ALLOWED, .wanted = PROT_EXEC };
	int error = judge_file(state, file, &q);

	if (!error)
		written_become(state);
	return error;
}

/* Which session wrote it, as far as that matters of what the task maps: the look-up serves whoever asks. */
static __always_inline struct written_by *image_by(const struct task_state *state, struct file *file)
{
	if (!state)
		return written_lately(file->f_inode);
	return state->flags & TASK_AGENT ? NULL : written_find(file->f_inode);
}

static __always_inline int decide_image(struct file *file, unsigned long prot)
{
	struct task_state *state = task_state();
	struct question q = { .op = OP_EXEC_MAP, .quiet = QUIET_ALLOWED };
	struct written_by *by;
	int error;

	if (!file)
		return 0;
	by = image_by(state, file);
	if (by)
		derived_map(state, file, by);
	if (!state)
		return 0;
	q.wanted = prot;
	error = judge_file(state, file, &q);
	if (!error && by)
		error = image_written(state, file);
	if (!error)
		error = copy_mapped(state, file);
	if (cfg_form == FORM_TWICE)
		state->mapped = error ? 0 : (u64)file->f_path.dentry;
	return error;
}

/* security_mmap_file: file is NULL for anonymous memory, whatever the verifier of the running kernel thinks. */
static __always_inline int decide_mmap(struct file *file, unsigned long prot)
{
	if (!(prot & PROT_EXEC))
		return 0;
	return decide_image(file, prot);
}

/*
 * security_mmap_file, the function: it works out what the hooks are told (security/security.c:mmap_prot), so the
 * personality that makes readable memory executable is asked here. A file on a noexec mount counts as well.
 */
static __always_inline int decide_mmap_asked(struct file *file, unsigned long prot)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if ((prot & PROT_READ) && (task->personality & READ_IMPLIES_EXEC))
		prot |= PROT_EXEC;
	return decide_mmap(file, prot);
}

/* security_file_mprotect: a map made readable first and executable later. */
static __always_inline int decide_mprotect(struct vm_area_struct *vma, unsigned long prot)
{
	if (!(prot & PROT_EXEC))
		return 0;
	return decide_image(vma->vm_file, prot);
}
