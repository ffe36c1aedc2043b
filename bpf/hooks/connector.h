/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connectors and agents as they start. A connector is known by its command: what the agent's own program executes, with no other
 * exec between, is asked for by the host's path of its program and all of its arguments, byte for byte. argv[0] is what the
 * agent makes of it, and does not count. One that is called like a command which somebody configured, and is another program, is a
 * connector that nobody knows, and so is what only looks like a command that a configuration leaves open to a variable.
 *
 * What is executed is noted at the check, where its path is named; the arguments are read at the commit, from the new stack,
 * which nobody else can write. What `#!` puts in front of them does not count either, and the task stays the connector over the
 * execs that follow.
 */
#pragma once

#include "line.h"
#include "task.h"

/* What the task is about to execute. Kept from the check to the commit, so that who lives long keeps nothing. */
static __always_inline struct starting *starting_now(u64 flags)
{
	return bpf_task_storage_get(&startings, bpf_get_current_task_btf(), NULL, flags);
}

#define NANOSECONDS 0x3fffffff

/* When an inode was last changed: nobody but root sets it back. */
static __always_inline void file_changed(struct start *file, struct inode *inode)
{
	struct inode___six *six = (void *)inode;
	struct inode___before *before = (void *)inode;

	if (bpf_core_field_exists(inode->i_ctime_sec)) {
		file->changed = BPF_CORE_READ(inode, i_ctime_sec);
		file->changed_ns = BPF_CORE_READ(inode, i_ctime_nsec) & NANOSECONDS; /* since 6.13 with a flag */
	} else if (bpf_core_field_exists(six->__i_ctime)) {
		file->changed = BPF_CORE_READ(six, __i_ctime.tv_sec);
		file->changed_ns = BPF_CORE_READ(six, __i_ctime.tv_nsec);
	} else {
		file->changed = BPF_CORE_READ(before, i_ctime.tv_sec);
		file->changed_ns = BPF_CORE_READ(before, i_ctime.tv_nsec);
	}
}

/* Nothing is known of what is executed. */
static __always_inline void connector_forget(void)
{
	struct starting *starting = bpf_get_current_task_btf()->bpf_storage ? starting_now(0) : NULL;

	if (starting)
		starting->length = 0;
}

/*
 * The file that is executed is named in the buffer. What has no host name, or a very long one, is no connector that anybody
 * declared. false where there is no room.
 */
static __always_inline bool connector_note(struct buffer *buffer, struct inode *inode)
{
	struct starting *starting = starting_now(BPF_LOCAL_STORAGE_GET_F_CREATE);
	u32 length = buffer->name.length;

	if (!starting)
		return false;
	starting->length = 0;
	if (buffer->name.view != VIEW_HOST || length >= COMMAND_PATH)
		return true;
	bpf_probe_read_kernel(starting->path, length & (COMMAND_PATH - 1),
			      buffer->text + (buffer->name.offset & (TEXT_MAX - 1)));
	starting->path[length & (COMMAND_PATH - 1)] = 0;
	starting->length = length + 1;
	starting->file.inode = inode->i_ino;
	starting->file.device = inode->i_sb->s_dev;
	starting->file.size = BPF_CORE_READ(inode, i_size);
	file_changed(&starting->file, inode);
	return true;
}

/* The exec's arguments as they are read, one after the other. */
struct argument {
	struct starting *starting;
	u64 address;
	u32 left;
	u32 skip; /* argv[0], and what `#!` put in */
	u32 failed;
	u32 reserved;
};

/* bound: COMMAND_ARGS. Those that no room is left for leave `left` as it is. */
static long argument_take(u32 index, struct argument *arg)
{
	struct command *command = &arg->starting->command;
	u32 at = command->length;
	long size;

	if (!arg->left || at >= COMMAND_TEXT)
		return 1;
	size = bpf_probe_read_user_str(command->text + (at & (COMMAND_TEXT - 1)), COMMAND_TEXT, (void *)arg->address);
	if (size <= 0 || (arg->skip && size == COMMAND_TEXT)) {
		arg->failed = 1;
		return 1;
	}
	arg->address += size;
	if (arg->skip) {
		arg->skip--;
		return 0;
	}
	command->length += size;
	arg->left--;
	return 0;
}

#define ZEROS 256

/* What follows the text, to the end of its room: whatever was read beyond, and what was there before. */
static long argument_clear(u32 index, struct argument *arg)
{
	struct command *command = &arg->starting->command;
	static const u8 zeros[ZEROS];
	u32 at = command->length;

	at += index * ZEROS;
	if (at >= COMMAND_TEXT)
		return 1;
	return bpf_probe_read_kernel(command->text + (at & (COMMAND_TEXT - 1)), ZEROS, zeros) != 0;
}

/* The arguments behind what the command begins with. false where they cannot be read. */
static __always_inline bool command_arguments(struct starting *starting, struct linux_binprm *bprm, u32 argc, u64 start)
{
	struct command *command = &starting->command;
	struct argument arg = { .starting = starting, .address = start };

	command->argc = arg.left = argc - 1;
	arg.skip = bprm->argc - arg.left;
	bpf_loop(COMMAND_ARGS, argument_take, &arg, 0);
	bpf_loop(COMMAND_TEXT / ZEROS, argument_clear, &arg, 0);
	if (arg.left || command->length > COMMAND_TEXT)
		command->length = COMMAND_LONGER;
	return !arg.failed;
}

struct component {
	struct starting *starting;
	u32 from; /* where the last one begins */
	u32 ended;
};

/* bound: COMMAND_TEXT bytes. */
static long component_byte(u32 index, struct component *last)
{
	u8 byte = last->starting->command.text[index & (COMMAND_TEXT - 1)];

	if (byte == '/')
		last->from = index + 1;
	last->ended = !byte;
	return !byte;
}

/* The last component of what the agent asked to execute. false: that is longer than anybody means it, or cannot be read. */
static __always_inline bool command_name(struct starting *starting, struct linux_binprm *bprm)
{
	struct command *command = &starting->command;
	const char *asked = BPF_CORE_READ(bprm, filename);
	struct component last = { .starting = starting };
	long size;

	size = bpf_probe_read_kernel_str(command->text, COMMAND_TEXT, asked);
	if (size <= 0 || size >= COMMAND_TEXT)
		return false;
	bpf_loop(COMMAND_TEXT, component_byte, &last, 0);
	size = bpf_probe_read_kernel_str(command->text, COMMAND_PATH, asked + (last.from & (COMMAND_TEXT - 1)));
	if (!last.ended || size <= 0)
		return false;
	command->length = size;
	return true;
}

/*
 * The command by that name: there is no other way to say which configuration it follows, for where a bare name leads is up to
 * PATH.
 */
static __always_inline bool command_by_name(struct starting *starting, struct linux_binprm *bprm, u32 argc, u64 start)
{
	return command_name(starting, bprm) && command_arguments(starting, bprm, argc, start);
}

/* The command by the program that is executed, wherever the agent found it. */
static __always_inline bool command_by_path(struct starting *starting, struct linux_binprm *bprm, u32 argc, u64 start)
{
	struct command *command = &starting->command;

	bpf_probe_read_kernel(command->text, COMMAND_PATH, starting->path);
	command->length = starting->length;
	return command_arguments(starting, bprm, argc, start);
}

/* Who has the command for a connector: the session's user, else everybody. */
static __always_inline struct start *command_find(struct command *command, u32 uid)
{
	struct start *found;

	command->uid = uid;
	found = bpf_map_lookup_elem(&commands, command);
	if (found)
		return found;
	command->uid = COMMAND_ANYONE;
	return bpf_map_lookup_elem(&commands, command);
}

/*
 * Whether the exec is one of a connector; what is known of it then is in starting->known. Every command that user space knows is
 * there by its name too, so that what no configuration has is found out at once. What is asked for by a very long name is
 * nobody's everyday program, and counts as a connector that nobody knows, as does what cannot be read. verifier: a frame of its own, beside the judgement's.
 */
static __noinline int connector_find(struct starting *starting, struct linux_binprm *bprm, u32 uid, u32 argc, u64 start)
{
	static const struct start nobody;
	struct start *found, *by_path;

	starting->known = nobody;
	if (!command_by_name(starting, bprm, argc, start))
		return true;
	found = command_find(&starting->command, uid);
	if (!found)
		return false;
	starting->known = *found;
	if (!starting->length)
		return true;
	if (!command_by_path(starting, bprm, argc, start))
		return true;
	by_path = command_find(&starting->command, uid);
	if (by_path)
		starting->known = *by_path;
	return true;
}

/* The command as far as its text goes, as one that is left open. */
static __always_inline void command_cut(struct starting *starting, u32 fixed)
{
	struct argument arg = { .starting = starting };

	bpf_loop(COMMAND_TEXT / ZEROS, argument_clear, &arg, 0);
	starting->command.length = COMMAND_OPEN;
	starting->command.fixed = fixed;
}

/*
 * Whether the exec is one that a configuration leaves open: its arguments have a variable, and what the agent puts there user
 * space does not know. What is certain is the program's name, the number of arguments and what stands before the first
 * variable: how much that is, one entry says, and by so much another one is found. It is a connector that nobody knows. Asked
 * only where nobody has the command itself, so the text is made anew. verifier: a frame of its own.
 */
static __noinline int connector_open(struct starting *starting, struct linux_binprm *bprm, u32 uid, u32 argc, u64 start)
{
	struct command *command = &starting->command;
	struct start *found;
	u32 name, fixed;

	if (!command_name(starting, bprm))
		return true;
	name = command->length;
	command->argc = argc - 1;
	command_cut(starting, 0);
	found = command_find(command, uid);
	if (!found)
		return false;
	fixed = found->size;
	if (fixed) {
		command->length = name;
		if (!command_arguments(starting, bprm, argc, start))
			return true;
		command->length = name + fixed;
		command_cut(starting, fixed);
		found = bpf_map_lookup_elem(&commands, command);
		command->fixed = 0;
	}
	if (found)
		starting->known.flags = found->flags;
	return found != NULL;
}

/* Whether the program is the one that user space looked at when it found the content to be what is declared. */
static __always_inline bool start_pinned(const struct start *known, const struct start *file)
{
	return (known->flags & START_PINNED) && known->inode == file->inode && known->device == file->device &&
	       known->size == file->size && known->changed == file->changed && known->changed_ns == file->changed_ns;
}

/* Judges the start of what is known by a number, and ends the exec where it is refused. */
static __always_inline void start_judge(struct task_state *state, struct buffer *buffer, u32 op, u32 number,
					u32 decided)
{
	struct question q = { .op = op, .wanted = number, .flags = decided };

	buffer->question = q;
	if (judge_name(state, buffer))
		bpf_send_signal(SIGKILL);
}

/* What starts could not be looked at. */
static __always_inline void start_refuse(const struct task_state *state, u32 op)
{
	if (form_holds(op) && judge_blind(state, op))
		bpf_send_signal(SIGKILL);
}

/*
 * An exec by the agent's own program, of no agent: is it a connector's command? What a session wrote is none that anybody
 * declared. Only the agent itself becomes another one: what a connector starts stays that connector.
 */
static __noinline void connector_begin(struct linux_binprm *bprm, struct task_state *state, struct exec_state *exec,
				       u64 start)
{
	struct starting *starting = starting_now(BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct session *session = session_of(state);
	struct buffer *buffer;
	struct start *known;

	if (!session)
		return;
	if (!starting) {
		count(COUNT_NO_BUFFER);
		start_refuse(state, OP_CONNECTOR_START);
		return;
	}
	if (!connector_find(starting, bprm, session->uid, exec->argc, start) &&
	    !connector_open(starting, bprm, session->uid, exec->argc, start))
		return;
	count(COUNT_CONNECTORS);
	known = &starting->known;
	if (exec->written) {
		known->principal = PRINCIPAL_ANY;
		known->flags &= START_REVOKED;
	}
	buffer = buffer_take();
	if (!buffer) {
		start_refuse(state, OP_CONNECTOR_START);
		return;
	}
	buffer->name.length = starting->length ? starting->length - 1 : 0;
	bpf_probe_read_kernel(buffer->text, COMMAND_PATH, starting->path);
	start_judge(state, buffer, OP_CONNECTOR_START, known->principal, known->flags);
	buffer_give(buffer);
	if (known->principal >= PRINCIPAL_FIRST && state->principal == PRINCIPAL_AGENT)
		state->principal = known->principal | (start_pinned(known, &starting->file) ? 0 : PRINCIPAL_UNPINNED);
}

static __always_inline void connector_end(void)
{
	bpf_task_storage_delete(&startings, bpf_get_current_task_btf());
}

/* What was decided about the session's agent: for its user, else for everybody. */
static __always_inline u32 agent_decided(const struct session *session)
{
	struct decided_key key = { .uid = session->uid, .agent = session->agent };
	u32 *found = bpf_map_lookup_elem(&decided, &key);

	if (!found) {
		key.uid = COMMAND_ANYONE;
		found = bpf_map_lookup_elem(&decided, &key);
	}
	return found ? *found : 0;
}

/*
 * A session of an agent has begun, or has been claimed by it: may it start here? row is index + 1 in the catalogue. That its
 * sessions are only observed says nothing of whether they may begin.
 */
static __noinline void agent_begin(struct task_state *state, u32 row)
{
	struct session *session = session_of(state);
	struct buffer *buffer;
	u32 observed;

	if (!session)
		return;
	buffer = buffer_take();
	if (!buffer) {
		start_refuse(state, OP_AGENT_START);
		return;
	}
	observed = session->flags & SESSION_OBSERVE & agent_session_flags(row);
	session->flags &= ~observed;
	buffer->name.length = 0;
	start_judge(state, buffer, OP_AGENT_START, row, agent_decided(session));
	session->flags |= observed;
	buffer_give(buffer);
}
