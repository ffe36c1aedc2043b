// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * For tests alone: the kernel's decision as a function, over the table in force, so that it can be compared with the
 * oracle on any number of cases. It calls what the hooks call.
 */
#include "../hooks/line.h"
#include "../include/move.h"

char terms[] SEC("license") = "Dual BSD/GPL";

/* bytes of an object; enough for any that is made up, and little to copy */
#define PROBE_TEXT 1024

struct ask {
	u32 role;
	u32 principal;
	u32 taints;
	u32 op;
	u32 view;
	u32 length;
	u32 action;		/* answer */
	u32 marks;		/* answer */
	u32 wanted;		/* of a family of sockets: struct question; of a bare name: its number */
	u32 decided;		/* of a bare name: enum start_flag */
	u64 label[LABEL_WORDS]; /* answer */
	u8 text[PROBE_TEXT];
};

struct ask_move {
	u32 role;
	u32 principal;
	u32 taints;
	u32 folder;
	u32 from_length;
	u32 to_length;
	u32 marks; /* answer */
	u32 reserved;
	u64 lost;    /* answer */
	u64 brought; /* answer; of folders alone */
	u8 from[PROBE_TEXT];
	u8 to[PROBE_TEXT];
};

const union {
	struct ask ask;
	struct ask_move move;
} *probe_types __attribute__((unused));

/* The text to the end of the buffer; where it begins there. */
static __always_inline u32 probe_text(const u8 *text, u32 length, struct buffer *buffer)
{
	u32 left = BOUNDED(length, PROBE_TEXT);
	u32 offset = TEXT_END - left;
	u32 begin = offset;

	for (u32 i = 0; i < PROBE_TEXT / NAME_MAX_ && left; i++) {
		u32 piece = BOUNDED(left, NAME_MAX_);

		bpf_probe_read_kernel(buffer->text + (offset & (TEXT_MAX - 1)), piece, text + i * NAME_MAX_);
		offset += piece;
		left -= piece;
	}
	buffer->text[TEXT_END] = 0;
	return begin;
}

static __always_inline void probe_path(struct ask *ask, const u8 *table, u32 engine, struct buffer *buffer, u64 *label)
{
	u32 begin = probe_text(ask->text, ask->length, buffer);

	label[0] = walk_path(table, engine, buffer->text, begin);
}

static __always_inline void probe_line(struct ask *ask, const u8 *table, struct buffer *buffer, u64 *label)
{
	struct line line = { .buffer = buffer };

	bpf_probe_read_kernel(buffer->text, BOUNDED(ask->length, PROBE_TEXT), ask->text);
	buffer->progress.size = ask->length;
	walk_begin(&line.walk, table, ENGINE_LINES);
	bpf_loop(TEXT_MAX, line_name_byte, &line, 0);
	walk_end(&line.walk, ENGINE_LINES, LINE_WORDS);
	for (u32 i = 0; i < LABEL_WORDS; i++)
		label[i] = line.walk.reg.word[i];
}

SEC("syscall")
int decide(struct ask *ask)
{
	struct subject who = { .role = ask->role, .principal = ask->principal, .taints = ask->taints };
	struct buffer *buffer = buffer_take();
	const u8 *table = table_now();
	u64 label[LABEL_WORDS] = {};
	u32 marks = 0;

	if (!buffer)
		return -1;
	if (!table) {
		buffer_give(buffer);
		return -1;
	}
	who.masks = buffer->masks;
	if (ask->op == OP_EXEC_ARGV) {
		probe_line(ask, table, buffer, label);
		ask->action = rule_line(table, &who, OP_EXEC_ARGV, label);
	} else if (op_of_net(ask->op)) {
		struct question q = { .op = ask->op, .wanted = ask->wanted };

		probe_path(ask, table, ENGINE_NETS, buffer, label);
		ask->action = net_action(table, &who, &q, label[0]);
		if (ask->op == OP_NET_ADDR && ask->text[1] == 'n')
			ask->action = rule_reached(table, &who, label);
	} else if (op_of_name(ask->op)) {
		name_rule(table, &who, ask->op, ask->wanted, ask->decided, &buffer->access);
		label[0] = buffer->access.label[0];
		ask->action = name_action(buffer->access.head.action, ask->decided);
	} else {
		if (ask->view == VIEW_HOST)
			probe_path(ask, table, ENGINE_PATHS, buffer, label);
		ask->action = judge_op(table, &who, ask->op, ask->view, label, &marks);
		ask->marks = marks;
	}
	for (u32 i = 0; i < LABEL_WORDS; i++)
		ask->label[i] = label[i];
	buffer_give(buffer);
	return 0;
}

SEC("syscall")
int move(struct ask_move *ask)
{
	struct subject who = { .role = ask->role, .principal = ask->principal, .taints = ask->taints };
	struct buffer *buffer = buffer_take();
	const u8 *table = table_now();
	struct place from = {}, to = {};
	u32 marks = 0;
	u32 begin;

	if (!buffer)
		return -1;
	if (!table) {
		buffer_give(buffer);
		return -1;
	}
	who.masks = buffer->masks;
	begin = probe_text(ask->from, ask->from_length, buffer);
	place_walk(table, buffer->text, begin, ask->folder, &from);
	begin = probe_text(ask->to, ask->to_length, buffer);
	place_walk(table, buffer->text, begin, ask->folder, &to);
	ask->lost = rule_move(table, &who, &from, &to, ask->folder, &marks);
	ask->brought = ask->folder ? rule_bring(table, &who, &from, &to) : 0;
	ask->marks = marks;
	buffer_give(buffer);
	return 0;
}
