/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Agents that are scripts, run as `node agent.js`: what is executed is an interpreter, and the catalogue knows its script.
 * It is the first argument that is no option, as text; what runs later in the process is not looked at.
 *
 * The text is continued from the host's name of the folder that it counts from, the task's root or working folder. Symbolic
 * links in it are not followed: the catalogue names those that installers make. bound: leading ./ and ../, four at most,
 * not those further inside; names of NAME_MAX_ - 2 bytes; the first TEXT_MAX bytes of the line. Beyond is no agent.
 */
#pragma once

#include "line.h"
#include "task.h"

/*
 * Where the argument begins: progress.length. progress.left counts the arguments that have not ended, progress.judged says
 * that one begins. verifier: as line_byte.
 */
static long script_byte(u32 index, struct buffer **context)
{
	struct buffer *buffer = *context;
	struct progress *progress = &buffer->progress;
	u8 byte;

	if (index >= progress->size || !progress->left)
		return 1;
	byte = buffer->text[index & (TEXT_MAX - 1)];
	if (progress->judged && byte != '-') {
		progress->length = index;
		return 1;
	}
	progress->judged = !byte;
	if (!byte)
		progress->left--;
	return 0;
}

/* Finds the argument: its address in the new stack, or 0. The buffer has it among the first bytes of the line. */
static __always_inline u64 script_find(struct buffer *buffer, struct linux_binprm *bprm, u64 start)
{
	struct progress *progress = &buffer->progress;
	u64 end = BPF_CORE_READ(bprm, exec);
	u64 size = start < end ? BOUNDED(end - start, TEXT_MAX) : 0;

	if (!size || user_read(buffer->text, size, start))
		return 0;
	progress->size = size;
	progress->left = bprm->argc;
	progress->judged = 0;
	progress->length = 0;
	bpf_loop(TEXT_MAX, script_byte, &buffer, 0);
	return progress->length ? start + progress->length : 0;
}

/*
 * Names the folder that the argument counts from; the bytes of the argument which that took. progress.failed says that it
 * counts from the root. verifier: global, so that its ways end here.
 */
__noinline int script_folder(struct buffer *buffer)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct dentry *dentry;
	u32 at, taken = 0;

	if (!buffer)
		return 0;
	at = buffer->progress.length;
	buffer->progress.failed = buffer->text[at & (TEXT_MAX - 1)] == '/';
	dentry = buffer->progress.failed ? task->fs->root.dentry : task->fs->pwd.dentry;
	for (u32 i = 0; i < 4; i++) {
		const u8 *text = buffer->text + ((at + taken) & (TEXT_MAX - 1));

		if (text[0] != '.')
			break;
		if (text[1] == '/') {
			taken += 2;
		} else if (text[1] == '.' && text[2] == '/') {
			dentry = dentry->d_parent;
			taken += 3;
		}
	}
	source_of(&buffer->source, dentry, dentry->d_inode);
	name_of(buffer);
	return taken;
}

/* The rest of the argument, behind one slash, to the beginning of the buffer, which a name of usual length leaves free. */
static __always_inline bool script_rest(struct buffer *buffer, u64 address)
{
	u32 slash = !buffer->progress.failed;
	long length;

	if (buffer->name.view != VIEW_HOST || buffer->name.offset < NAME_MAX_)
		return false;
	buffer->text[0] = '/';
	length = bpf_probe_read_user_str(buffer->text + (slash & 1), NAME_MAX_ - 1, (void *)address);
	return length > 1 && length < NAME_MAX_ - 1;
}

/*
 * Walks the folder's name, then what the argument adds. The host's root has no name to put in front. verifier: global, as
 * name_of.
 */
__noinline int script_walk(struct buffer *buffer)
{
	const u8 *table = table_now();
	struct walk w;

	if (!buffer || !table)
		return 0;
	walk_begin(&w, table, ENGINE_AGENTS);
	w.text = buffer->text;
	w.offset = buffer->name.offset;
	if (buffer->name.length > 1)
		bpf_loop(TEXT_MAX / WALK_STRIDE, walk_agents_stride, &w, 0);
	w.offset = 0;
	bpf_loop(NAME_MAX_ / WALK_STRIDE, walk_agents_stride, &w, 0);
	walk_end(&w, ENGINE_AGENTS, PATH_WORDS);
	return lowest(w.reg.word[0]);
}

/* The catalogue's agent whose script the interpreter is given, index + 1; 0 for none. */
static __noinline u32 script_agent(struct linux_binprm *bprm, u64 start)
{
	struct buffer *buffer = buffer_take();
	u64 address;
	u32 row = 0;

	if (!buffer)
		return 0;
	address = script_find(buffer, bprm, start);
	if (address)
		address += script_folder(buffer);
	if (address && script_rest(buffer, address))
		row = script_walk(buffer);
	buffer_give(buffer);
	return agent_interprets(row) ? 0 : row;
}
