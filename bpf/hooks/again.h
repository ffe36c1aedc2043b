/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second look behind a check. kernel: a tracing program, fmod_ret among them, is left out while the same one is at work
 * on that processor (__bpf_prog_enter_recur); on a kernel that preempts itself another task's check may stand there for a
 * whole slice of time. Kprobes run with preemption off, and are left out only while somebody's bpf(2) is interrupted amid a
 * map there; tracepoints are taken from the processor too on 7.x, but two programs have to be at once. What a check has not
 * seen is judged here, behind the act and before its result can be used: refusing is SIGKILL.
 */
#pragma once

#include "file.h"
#include "image.h"

extern void *bpf_rdonly_cast(const void *object, u32 type) __ksym __weak;

/* A typed pointer of a kprobe's argument; what it leads to is read, never written. */
#define AGAIN_CAST(type, address) ((type *)bpf_rdonly_cast((void *)(address), bpf_core_type_id_kernel(type)))

/* The registers of an architecture, of which the running kernel has one. */
struct pt_regs___x86 {
	unsigned long di;
	unsigned long si;
} __attribute__((preserve_access_index));

struct user_pt_regs___arm64 {
	u64 regs[31];
} __attribute__((preserve_access_index));

/* verifier: what a context is read at is a constant in the instruction, so clang may not make one read of them. */
#define AGAIN_READ(ctx, type, field)                      \
	({                                                \
		u64 value_ = ((struct type *)ctx)->field; \
		asm volatile("" : "+r"(value_));          \
		value_;                                   \
	})

static __always_inline u64 again_argument(void *ctx, u32 index)
{
	if (bpf_core_type_exists(struct user_pt_regs___arm64))
		return index ? AGAIN_READ(ctx, user_pt_regs___arm64, regs[1]) :
			       AGAIN_READ(ctx, user_pt_regs___arm64, regs[0]);
	return index ? AGAIN_READ(ctx, pt_regs___x86, si) : AGAIN_READ(ctx, pt_regs___x86, di);
}

static __always_inline int again_judge(struct task_state *state, struct file *file, const struct question *q)
{
	count(COUNT_CHECK_LATE);
	if (judge_file(state, file, q) || skill_open(state, file))
		bpf_send_signal(SIGKILL);
	else if (q->op == OP_FILE_WRITE)
		written_note(state, file->f_inode);
	return 0;
}

/*
 * file_ra_state_init: the end of every open that succeeded (fs/open.c:do_dentry_open), with the read-ahead state of the file
 * that is open. Others call it with one of their own; their mapping is another one.
 */
static __always_inline int again_open(u64 readahead, u64 mapping)
{
	struct task_state *state = task_state();
	struct question q;
	struct file *file;

	if (!state)
		return 0;
	file = AGAIN_CAST(struct file, readahead - bpf_core_field_offset(struct file, f_ra));
	if ((state->opened ^ open_mode(file)) == (u64)file->f_path.dentry) {
		state->opened = 0;
		return 0;
	}
	if ((u64)file->f_mapping->host->i_mapping != mapping || (file->f_flags & FMODE_EXEC))
		return 0;
	if (terminal_own(state, file))
		return 0;
	q = question_of_open(file->f_flags, file->f_mode);
	return again_judge(state, file, &q);
}

/* perf_event_mmap: the end of every mmap and mprotect that succeeded, with the map as it is now. */
static __always_inline int again_map(u64 address)
{
	struct question q = { .op = OP_EXEC_MAP, .quiet = QUIET_ALLOWED, .wanted = PROT_EXEC };
	struct task_state *state = task_state();
	struct vm_area_struct *vma;
	struct file *file;

	if (!state)
		return 0;
	vma = AGAIN_CAST(struct vm_area_struct, address);
	file = vma->vm_file;
	if (!(vma->vm_flags & VM_EXEC) || !file)
		return 0;
	if (state->mapped == (u64)file->f_path.dentry) {
		state->mapped = 0;
		return 0;
	}
	return again_judge(state, file, &q);
}
