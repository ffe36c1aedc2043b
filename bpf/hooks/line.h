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
	u64 address; /* of the next piece, in the new stack */
	u64 end;     /* of all strings; those of the environment follow the arguments */
	u64 length;  /* bytes of arguments seen, their NULs included */
	u32 argc;
	u32 skip; /* arguments that are not judged: argv[0], and what `#!` put in front */
	u32 seen; /* arguments seen whole */
	u32 failed;
};

static __always_inline bool line_byte(struct line *line, u8 byte)
{
	line->length++;
	if (byte) {
		if (line->seen >= line->skip)
			walk_byte(&line->walk, byte, LINE_WORDS);
		return true;
	}
	line->seen++;
	if (line->seen >= line->argc)
		return false;
	if (line->seen >= line->skip)
		walk_byte(&line->walk, ' ', LINE_WORDS);
	return true;
}

/* verifier: eight bytes a call keep the unrolled body of three automata small. */
#define LINE_STRIDE 8

static long line_stride(u32 index, struct line *line)
{
	for (u32 i = 0; i < LINE_STRIDE; i++) {
		u32 at = line->walk.offset;

		if (!line->walk.left)
			return 1;
		line->walk.offset++;
		line->walk.left--;
		if (!line_byte(line, line->buffer->text[at & (TEXT_MAX - 1)])) {
			line->walk.left = 0;
			return 1;
		}
	}
	return 0;
}

static __always_inline u32 line_read(struct line *line, u32 at)
{
	u64 size = line->end - line->address;

	if (line->address >= line->end)
		size = 0;
	if (size > TEXT_MAX)
		size = TEXT_MAX;
	if (!size || bpf_copy_from_user(line->buffer->text + (at & (NAME_MAX_ - 1)), size,
					(void *)line->address)) {
		line->failed = 1;
		return 0;
	}
	line->address += size;
	return size;
}

/* bound: LINE_MAX_ bytes, above what the kernel takes (fs/exec.c:bprm_set_stack_limit). */
static long line_piece(u32 index, struct line *line)
{
	u32 size = line_read(line, 0);

	if (!size)
		return 1;
	line->walk.offset = 0;
	line->walk.left = size;
	bpf_loop(TEXT_MAX / LINE_STRIDE, line_stride, line, 0);
	return line->seen >= line->argc;
}

static __always_inline void line_begin(struct line *line, struct linux_binprm *bprm, const u8 *table,
				       const struct exec_state *exec)
{
	walk_begin(&line->walk, table, __builtin_offsetof(struct table_header, lines));
	line->argc = bprm->argc;
	line->address = bprm->p;
	line->end = BPF_CORE_READ(bprm, exec);
	/* `#!` took argv[0] away and put interpreter, its argument and script in: all but argc's growth was there. */
	line->skip = 1 + line->argc - exec->argc;
}

static __always_inline void line_walk(struct line *line, const struct exec_state *exec)
{
	bpf_probe_read_kernel(line->buffer->text, exec->name & (NAME_MAX_ - 1), exec->text);
	walk_line(&line->walk, line->buffer->text, 0, exec->name & (NAME_MAX_ - 1));
	bpf_loop(LINE_MAX_ / TEXT_MAX, line_piece, line, 0);
	if (line->seen < line->argc)
		line->failed = 1;
	walk_end(&line->walk, LINE_WORDS);
}

static __always_inline void line_kill(u32 counter)
{
	count(counter);
	bpf_send_signal(SIGKILL);
}

/* kill and deny are one here: the exec cannot be undone. An ask that nobody answered is a deny. */
static __always_inline void line_apply(struct session *session, const u8 *table, struct event_header *head)
{
	if (judge_apply(session, table, head) && head->action != ACTION_KILL)
		bpf_send_signal(SIGKILL);
}

static __always_inline u32 line_kept(u64 left)
{
	return left < TEXT_MAX ? left : TEXT_MAX;
}

struct line_record {
	struct line *line;
	u64 left;
};

/* bound: LINE_KEEP bytes, the rest is counted. */
static long line_more(u32 index, struct line_record *record)
{
	struct event_line *event = &record->line->buffer->line;
	u32 size = line_kept(record->left);

	if (!size || bpf_copy_from_user(record->line->buffer->text, size, (void *)record->line->address))
		return 1;
	record->line->address += size;
	record->left -= size;
	event->text = size;
	event->last = !record->left;
	event->head.size = sizeof(*event) + size;
	EVENT_SEND_BY_ACTION(event, sizeof(*event), record->line->buffer, 0, size);
	event->offset += size;
	return !record->left;
}

static __always_inline void line_record(struct line *line, struct linux_binprm *bprm, struct event_exec *event,
					const struct exec_state *exec)
{
	struct line_record record = { .line = line };
	u64 keep = line->length < LINE_KEEP ? line->length : LINE_KEEP;
	u32 name = exec->name & (NAME_MAX_ - 1);
	u32 first = line_kept(keep);
	u32 length;

	if (line->length > LINE_KEEP)
		count(COUNT_LINE_CUT);
	bpf_probe_read_kernel(line->buffer->text, name, exec->text);
	line->address = bprm->p;
	if (bpf_copy_from_user(line->buffer->text + name, first, (void *)line->address))
		first = 0;
	event->name = name;
	event->text = first;
	length = name + first;
	EVENT_SEND_BY_ACTION(event, sizeof(*event), line->buffer, 0, length);
	record.left = keep - first;
	line->buffer->line.head = event->head;
	line->buffer->line.head.kind = EVENT_LINE;
	line->buffer->line.offset = first;
	line->address += first;
	if (record.left)
		bpf_loop(LINE_KEEP / TEXT_MAX, line_more, &record, 0);
}

static __always_inline void line_decide(struct line *line, struct task_state *state, struct session *session,
					const u8 *table, struct event_exec *event)
{
	struct subject who = subject_of(state, session);

	for (u32 i = 0; i < LABEL_WORDS; i++)
		event->label[i] = line->walk.reg.word[i];
	event->head.action = rule_line(table, &who, OP_EXEC_ARGV, event->label, line->buffer->masks);
	if (line->failed && session_enforced(session, table)) {
		event->head.action = ACTION_KILL;
		event->head.view = VIEW_REFUSED;
		count(COUNT_LINE_UNREAD);
	}
	line_apply(session, table, &event->head);
}

static __noinline int line_judge(struct linux_binprm *bprm, struct task_state *state, struct exec_state *exec)
{
	struct session *session = session_of(state);
	const u8 *table = table_now();
	struct buffer *buffer = path_buffer();
	struct event_exec *event;
	struct line line = {};

	if (!session || !table || !buffer) {
		if (!session || session_enforced(session, table))
			line_kill(COUNT_LINE_UNREAD);
		return 0;
	}
	line.buffer = buffer;
	line_begin(&line, bprm, table, exec);
	line_walk(&line, exec);
	event = &buffer->exec;
	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_EXEC, state, session);
	event->head.op = OP_EXEC_ARGV;
	event->head.flags |= exec->depth ? EVENT_SCRIPT : 0;
	event->length = line.length;
	event->argc = line.argc;
	event->skipped = line.skip;
	line_decide(&line, state, session, table, event);
	line_record(&line, bprm, event, exec);
	return 0;
}
