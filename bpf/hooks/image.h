/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files mapped for execution, whoever maps them: the kernel's loader, ld.so started as a program, a library's own
 * loader. Refusing `exec` rules hold here too, so `ld.so PROGRAM` ends where PROGRAM would.
 */
#pragma once

#include "copy.h"
#include "derived.h"

/* include/uapi/linux/auxvec.h */
enum image_auxv {
	AT_NULL = 0,
	AT_BASE = 7, /* where the program's interpreter lies */
	AUXV_PAIRS = 32,
};

/*
 * Whether the program at hand has no interpreter, as ld.so has none when it is started as a program: then what it maps is the program.
 * kernel: fs/binfmt_elf.c:create_elf_tables says so once the kernel's own maps of an exec are made, which count. The words of programs
 * of 32 bits are half as wide, and nobody looks for them there.
 */
static __always_inline bool image_loader(void)
{
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	const unsigned long *auxv;
	u64 pair[2] = {};

	if (!mm || !(mm->task_size >> 32))
		return true;
	auxv = mm->saved_auxv;
	for (u32 i = 0; i < AUXV_PAIRS; i++) {
		if (bpf_probe_read_kernel(pair, sizeof(pair), auxv + 2 * i) || pair[0] == AT_NULL)
			return true;
		if (pair[0] == AT_BASE)
			return !pair[1];
	}
	return true;
}

/*
 * A program of the session's own making that another one maps, as `ld.so PROGRAM` does, or a library: asked as if it were
 * executed. Agents map what they have unpacked themselves. Who maps a library stays who it is, as an interpreter does that reads what
 * the session wrote; but of a connector it can no longer be said what runs.
 */
static __always_inline int image_written(struct task_state *state, struct file *file)
{
	struct question q = { .op = OP_EXEC_WRITTEN, .quiet = QUIET_ALLOWED, .wanted = PROT_EXEC };
	int error = judge_file(state, file, &q);

	if (!error && (state->principal != PRINCIPAL_AGENT || image_loader()))
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
