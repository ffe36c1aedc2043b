/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connectors and agents as they start. A connector is known by its command: what the agent's own program executes, with no other
 * exec between, is asked for by the host's path of its program and all of its arguments, byte for byte. argv[0] is what the
 * agent makes of it, and does not count.
 *
 * What is executed is noted at the check, where its path is named; the arguments are read at the commit, from the new stack,
 * which nobody else can write. What `#!` makes of them does not count either: those of the script's own line are asked for, and the
 * task stays the connector over the execs that follow.
 */
#pragma once

#include "line.h"
#include "task.h"

/* race: none; the storage is the task's own. */
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
		starting->command.length = 0;
}

/*
 * The file that is executed is named in the buffer: its path becomes the beginning of the command. What has no host name, or a very
 * long one, is no connector: length stays 0. false where there is no room.
 */
static __always_inline bool connector_note(struct buffer *buffer, struct inode *inode)
{
	struct starting *starting = starting_now(BPF_LOCAL_STORAGE_GET_F_CREATE);
	u32 length = buffer->name.length;
	struct command *command;

	if (!starting)
		return false;
	command = &starting->command;
	command->length = 0;
	if (buffer->name.view != VIEW_HOST || length >= COMMAND_PATH)
		return true;
	bpf_probe_read_kernel(command->text, length & (COMMAND_PATH - 1),
			      buffer->text + (buffer->name.offset & (TEXT_MAX - 1)));
	command->text[length & (COMMAND_PATH - 1)] = 0;
	command->length = length + 1;
	starting->file.inode = inode->i_ino;
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
};

/* bound: COMMAND_ARGS. A string that does not end in its room leaves `left` as it is. */
static long argument_take(u32 index, struct argument *arg)
{
	struct command *command = &arg->starting->command;
	u32 at = command->length;
	long size;

	if (!arg->left || at >= COMMAND_TEXT)
		return 1;
	size = bpf_probe_read_user_str(command->text + (at & (COMMAND_TEXT - 1)), COMMAND_TEXT, (void *)arg->address);
	if (size <= 0)
		return 1;
	arg->address += size;
	if (arg->skip) {
		arg->skip--;
		return size == COMMAND_TEXT; /* what is skipped and does not end cannot be */
	}
	command->length += size;
	arg->left--;
	return 0;
}

#define ZEROS 256

/* What follows the text, to the end of its room: whatever was read beyond, and what an earlier exec left. */
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

/* The command as a key. false: its program has no name that could be asked for. */
static __always_inline bool command_read(struct starting *starting, struct linux_binprm *bprm, u32 uid, u32 argc, u64 start)
{
	struct command *command = &starting->command;
	struct argument arg = { .starting = starting, .address = start };

	if (!command->length)
		return false;
	command->uid = uid;
	command->argc = argc - 1;
	arg.left = argc - 1;
	arg.skip = bprm->argc - arg.left;
	bpf_loop(COMMAND_ARGS, argument_take, &arg, 0);
	bpf_loop(COMMAND_TEXT / ZEROS, argument_clear, &arg, 0);
	if (arg.left || command->length > COMMAND_TEXT)
		command->length = COMMAND_LONGER;
	return true;
}

/* Who has the command for a connector: the session's user, else everybody. */
static __always_inline struct start *command_find(struct command *command)
{
	struct start *found = bpf_map_lookup_elem(&commands, command);

	if (found)
		return found;
	command->uid = COMMAND_ANYONE;
	return bpf_map_lookup_elem(&commands, command);
}

/* Whether the program is the one that user space looked at when it found the content to be what is declared. */
static __always_inline bool start_pinned(const struct start *known, const struct start *file)
{
	return (known->flags & START_PINNED) && known->inode == file->inode && known->size == file->size &&
	       known->changed == file->changed && known->changed_ns == file->changed_ns;
}

/* Judges the start of what is known by a number, and ends the exec where it is refused. */
static __always_inline void start_judge(struct task_state *state, struct buffer *buffer, u32 op, u32 number, u32 decided)
{
	struct question q = { .op = op, .wanted = number, .flags = decided };

	buffer->question = q;
	if (judge_name(state, buffer))
		bpf_send_signal(SIGKILL);
}

/*
 * An exec by the agent's own program, of no agent: is it a connector's command? What a session wrote is none that anybody
 * declared. Only the agent itself becomes another one: what a connector starts stays that connector.
 */
static __noinline void connector_begin(struct linux_binprm *bprm, struct task_state *state, struct exec_state *exec, u64 start)
{
	struct session *session = session_of(state);
	struct starting *starting = starting_now(0);
	struct buffer *buffer;
	struct start *known;
	u32 principal;

	if (!session || !starting || !command_read(starting, bprm, session->uid, exec->argc, start))
		return;
	known = command_find(&starting->command);
	if (!known)
		return;
	count(COUNT_CONNECTORS);
	principal = exec->written ? PRINCIPAL_ANY : known->principal;
	buffer = buffer_take();
	if (!buffer) {
		if (judge_blind(state, OP_CONNECTOR_START))
			bpf_send_signal(SIGKILL);
		return;
	}
	buffer->name.length = bpf_probe_read_kernel_str(buffer->text, COMMAND_PATH, starting->command.text);
	start_judge(state, buffer, OP_CONNECTOR_START, principal, exec->written ? known->flags & START_REVOKED : known->flags);
	buffer_give(buffer);
	if (principal >= PRINCIPAL_FIRST && state->principal == PRINCIPAL_AGENT)
		state->principal = start_pinned(known, &starting->file) ? principal : principal | PRINCIPAL_UNPINNED;
}

/*
 * A session of an agent has begun, or has been claimed by it: may it start here? row is index + 1 in the catalogue. That its
 * sessions are only observed says nothing of whether they may begin.
 */
static __noinline void agent_begin(struct task_state *state, u32 row)
{
	struct session *session = session_of(state);
	struct buffer *buffer = buffer_take();
	u32 observed;

	if (!session)
		return;
	if (!buffer) {
		if (judge_blind(state, OP_AGENT_START))
			bpf_send_signal(SIGKILL);
		return;
	}
	observed = session->flags & SESSION_OBSERVE & agent_session_flags(row);
	session->flags &= ~observed;
	buffer->name.length = 0;
	start_judge(state, buffer, OP_AGENT_START, row, 0);
	session->flags |= observed;
	buffer_give(buffer);
}
