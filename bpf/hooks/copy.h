/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Copies: is a file the content of a program that policy refuses, under a name of which no rule speaks? User space compares what
 * sessions wrote and says of which program a file is a copy; here it is judged by that program's name as well as by its own, so
 * that the rule which refuses the one refuses the other.
 *
 * An entry is of a file, whatever it is called, and holds as long as the file is as large as it was when it was compared. Writing to it
 * does not end the entry: user space looks again once it is closed, and takes the entry away if it is no copy any more. Till then,
 * and where no daemon runs, what was a copy is refused still.
 */
#pragma once

#include "../include/judge.h"

/* Of which program the file in the buffer is a copy; NULL where it is of none. The buffer's alias is the same file. */
static __always_inline struct copy *copy_find(const struct source *source)
{
	const struct inode *inode = (const struct inode *)source->node;
	struct written_key key = {
		.inode = source->inode,
		.device = source->device,
		.generation = source->generation,
	};
	struct copy *copy = bpf_map_lookup_elem(&copies, &key);

	return copy && copy->size == (u64)BPF_CORE_READ(inode, i_size) ? copy : NULL;
}

/*
 * The program's name before the file's own, a NUL between them: what walks the text sees the first one, and the record has both. Where a
 * very long name leaves no room the record has the first alone.
 */
static __always_inline void copy_name(struct buffer *buffer, const struct copy *copy)
{
	u32 length = BOUNDED(copy->length, COPY_PATH - 1);
	struct name *name = &buffer->name;
	u32 own = name->offset;

	if (own <= length || own > TEXT_END)
		own = TEXT_END + 1;
	buffer->text[(own - 1) & (TEXT_MAX - 1)] = 0;
	name->offset = own - 1 - length;
	name->length = TEXT_END - name->offset;
	name->view = VIEW_HOST;
	name->print = 0; /* the label is not that of the file's own dentry */
	bpf_probe_read_kernel(buffer->text + (name->offset & (TEXT_MAX - 1)), length, copy->path);
}

/*
 * The file is named in the buffer, and its own name was judged. The buffer has its question afterwards, and both names.
 * race: as judge_buffer. verifier: global, as name_of.
 */
__noinline int copy_judge(struct task_state *state, struct buffer *buffer, u32 op)
{
	int error = JUDGE_AGAIN;
	struct copy *copy;
	u32 asked;

	if (!state || !buffer)
		return -EPERM;
	copy = copy_find(&buffer->source);
	if (!copy)
		return 0;
	copy_name(buffer, copy);
	asked = buffer->question.op;
	buffer->question.op = op;
	buffer->question.flags = EVENT_COPY;
	buffer->question.quiet = QUIET_ALLOWED;
	for (u32 try = 0; try < 2 && error == JUDGE_AGAIN; try++) {
		label_walk(buffer);
		error = judge_labelled(state, buffer);
	}
	buffer->question.op = asked;
	buffer->question.flags = 0;
	return error;
}

/* The same of a file that has no name yet: most are no copies, and cost the look-up. */
static __always_inline int copy_mapped(struct task_state *state, struct file *file)
{
	struct written_key key = written_key(file->f_inode);
	struct buffer *buffer;
	int error;

	if (!bpf_map_lookup_elem(&copies, &key))
		return 0;
	buffer = buffer_take();
	if (!buffer)
		return judge_blind(state, OP_EXEC_MAP);
	source_of(&buffer->source, file->f_path.dentry, file->f_inode);
	name_of(buffer);
	buffer->question.second = OP_NONE;
	buffer->question.wanted = PROT_EXEC;
	error = copy_judge(state, buffer, OP_EXEC_MAP);
	buffer_give(buffer);
	return error;
}
