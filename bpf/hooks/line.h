/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Command lines: last component of the executed object, then the arguments, one space between. All of it is judged, in
 * pieces; then up to LINE_KEEP bytes are recorded, so that recording cannot delay or change the verdict.
 */
#pragma once

#include "../include/judge.h"

struct line {
	struct walk walk;
	struct buffer *buffer;
	u64 start;   /* of all strings, in the new stack */
	u64 address; /* of the next piece */
	u64 end;     /* of all strings; those of the environment follow the arguments */
};

/* verifier: the mask is read twice, or the frame grows past 32 bytes. */
static __always_inline void line_walk_byte(struct line *line, u8 byte)
{
	walk_emit(&line->walk, line->walk.at, cfg_table_size - sizeof(u32), LINE_WORDS);
	walk_byte(line->walk.table, line->walk.at, ENGINE_LINES, cfg_table_size - sizeof(u32), byte);
}

/* verifier: one byte a call, its position from the call's index. */
static long line_byte(u32 index, struct line *line)
{
	struct progress *progress = &line->buffer->progress;
	u8 byte;

	if (index >= progress->size)
		return 1;
	byte = line->buffer->text[index & (TEXT_MAX - 1)];
	if (!byte) {
		progress->left--;
		if (!progress->left) {
			progress->length += index + 1;
			return 1;
		}
		if (progress->left > progress->judged)
			return 0;
		byte = ' ';
	} else if (progress->left > progress->judged) {
		return 0;
	}
	line_walk_byte(line, byte);
	return 0;
}

/* The name of the object, before the arguments. bound: NAME_MAX_ bytes. */
static long line_name_byte(u32 index, struct line *line)
{
	if (index >= line->buffer->progress.size)
		return 1;
	line_walk_byte(line, line->buffer->text[index & (TEXT_MAX - 1)]);
	return 0;
}

/* kernel: only sleepable programs may fault a page in; elsewhere what is not there counts as unread. */
static __always_inline long user_read(void *to, u32 size, u64 from)
{
	if (cfg_sleeps)
		return bpf_copy_from_user(to, size, (void *)from);
	return bpf_probe_read_user(to, size, (void *)from);
}

static __always_inline u32 line_read(struct line *line)
{
	u64 size = line->address < line->end ? BOUNDED(line->end - line->address, TEXT_MAX) : 0;

	if (!size || user_read(line->buffer->text, size, line->address)) {
		line->buffer->progress.failed = 1;
		return 0;
	}
	line->address += size;
	return size;
}

/* bound: LINE_MAX_ bytes, above what the kernel takes (fs/exec.c:bprm_set_stack_limit). */
static long line_piece(u32 index, struct line *line)
{
	struct progress *progress = &line->buffer->progress;

	progress->size = line_read(line);
	if (!progress->size)
		return 1;
	bpf_loop(TEXT_MAX, line_byte, line, 0);
	if (!progress->left)
		return 1;
	progress->length += progress->size;
	return 0;
}

static __always_inline void line_begin(struct line *line, struct linux_binprm *bprm, const u8 *table,
				       const struct exec_state *exec)
{
	struct progress *progress = &line->buffer->progress;

	walk_begin(&line->walk, table, ENGINE_LINES);
	line->address = line->start;
	line->end = BPF_CORE_READ(bprm, exec);
	progress->length = 0;
	progress->failed = 0;
	progress->left = bprm->argc;
	/* `#!` put interpreter, its argument and script in the place of argv[0]: the arguments are as many as before. */
	progress->judged = exec->argc - 1;
}

static __always_inline void line_walk(struct line *line, const struct exec_state *exec)
{
	struct progress *progress = &line->buffer->progress;

	bpf_probe_read_kernel(line->buffer->text, exec->name & (NAME_MAX_ - 1), exec->text);
	progress->size = exec->name;
	bpf_loop(NAME_MAX_, line_name_byte, line, 0);
	bpf_loop(LINE_MAX_ / TEXT_MAX, line_piece, line, 0);
	if (progress->left)
		progress->failed = 1;
	walk_end(&line->walk, ENGINE_LINES, LINE_WORDS);
}

static __always_inline void line_kill(u32 counter)
{
	count(counter);
	if (form_holds(OP_EXEC_ARGV))
		bpf_send_signal(SIGKILL);
}

/* kill and deny are one here: the exec cannot be undone. An ask that nobody answered is a deny. */
static __always_inline void line_apply(struct session *session, const u8 *table, const struct subject *who,
				       struct event_header *head)
{
	if (judge_apply(session, table, who, head) && head->action != ACTION_KILL)
		bpf_send_signal(SIGKILL);
}

static __always_inline u32 line_kept(u64 left)
{
	return BOUNDED(left, TEXT_MAX);
}

/* bound: LINE_KEEP bytes, the rest is counted. verifier: what is left lies in the buffer (name_walk). */
static long line_more(u32 index, struct line *line)
{
	struct progress *progress = &line->buffer->progress;
	struct event_line *event = &line->buffer->line;
	u32 size = line_kept(progress->left);

	if (!size || user_read(line->buffer->text, size, line->address))
		return 1;
	line->address += size;
	progress->left -= size;
	FORGET();
	event->text = size;
	event->last = !progress->left;
	EVENT_SEND_TEXT(event, line->buffer, size);
	event->offset += size;
	FORGET();
	return !progress->left;
}

static __always_inline void line_record(struct line *line, struct linux_binprm *bprm, struct event_exec *event,
					const struct exec_state *exec)
{
	u64 keep = event->length < LINE_KEEP ? event->length : LINE_KEEP;
	u32 name = exec->name & (NAME_MAX_ - 1);
	u32 first = line_kept(keep);
	u32 length;

	if (event->length > LINE_KEEP)
		count(COUNT_LINE_CUT);
	bpf_probe_read_kernel(line->buffer->text, name, exec->text);
	line->address = line->start;
	if (user_read(line->buffer->text + name, first, line->address))
		first = 0;
	event->name = name;
	event->text = first;
	length = name + first;
	EVENT_SEND_TEXT(event, line->buffer, length);
	line->buffer->progress.left = keep - first;
	line->buffer->line.head = event->head;
	line->buffer->line.head.kind = EVENT_LINE;
	line->buffer->line.offset = first;
	line->address += first;
	FORGET();
	if (line->buffer->progress.left)
		bpf_loop(LINE_KEEP / TEXT_MAX, line_more, line, 0);
}

static __always_inline void line_decide(struct line *line, struct task_state *state, struct session *session,
					const u8 *table, struct event_exec *event)
{
	struct subject who = subject_of(state, session);

	who.masks = line->buffer->masks;
	for (u32 i = 0; i < LABEL_WORDS; i++)
		event->label[i] = line->walk.reg.word[i];
	event->head.action = rule_line(table, &who, OP_EXEC_ARGV, event->label);
	if (rule_switched(&who, OP_EXEC_ARGV))
		event->head.action = ACTION_DENY;
	if (line->buffer->progress.failed && session_enforced(session, table, OP_EXEC_ARGV)) {
		event->head.action = ACTION_KILL;
		event->head.view = VIEW_REFUSED;
		count(COUNT_LINE_UNREAD);
	}
	judge_seen(session, 1ull << OP_EXEC_ARGV | (form_holds(OP_EXEC) ? 0 : 1ull << OP_EXEC));
	line_apply(session, table, &who, &event->head);
}

static __always_inline void line_judge_in(struct line *line, struct linux_binprm *bprm, struct task_state *state,
					  struct session *session, const u8 *table, struct exec_state *exec)
{
	struct event_exec *event = &line->buffer->exec;

	line_begin(line, bprm, table, exec);
	line_walk(line, exec);
	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_EXEC, state, session);
	event->head.op = OP_EXEC_ARGV;
	event->head.flags |= exec->depth ? EVENT_SCRIPT : 0;
	event->length = line->buffer->progress.length;
	event->argc = bprm->argc;
	event->skipped = bprm->argc - line->buffer->progress.judged;
	line_decide(line, state, session, table, event);
	line_record(line, bprm, event, exec);
}

static __noinline int line_judge(struct linux_binprm *bprm, struct task_state *state, struct exec_state *exec,
				 u64 start)
{
	struct session *session = session_of(state);
	const u8 *table = table_now();
	struct line line = { .start = start };

	if (session && table)
		line.buffer = buffer_take();
	if (!session || !table || !line.buffer) {
		if (!session || session_enforced(session, table, OP_EXEC_ARGV))
			line_kill(COUNT_LINE_UNREAD);
		return 0;
	}
	line_judge_in(&line, bprm, state, session, table, exec);
	buffer_give(line.buffer);
	return 0;
}
