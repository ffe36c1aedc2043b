/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Programs: which file is executed (bprm_check), with which command line, and whether an agent begins here
 * (bprm_committed_creds).
 */
#pragma once

#include "build.h"
#include "connector.h"
#include "copy.h"
#include "delegated.h"
#include "line.h"
#include "script.h"
#include "skill.h"
#include "task.h"

static __always_inline struct exec_state *exec_state(u64 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!flags && !task->bpf_storage)
		return NULL;
	return bpf_task_storage_get(&execs, task, NULL, flags);
}

/* kernel: interp is filename until `#!` or binfmt_misc changes it (fs/exec.c:alloc_bprm, bprm_change_interp). */
static __always_inline bool exec_first(struct linux_binprm *bprm)
{
	return BPF_CORE_READ(bprm, interp) == BPF_CORE_READ(bprm, filename);
}

/* Last component of the object, for the command line. It ends where the buffer's text ends. */
static __always_inline void exec_name(struct exec_state *exec, struct dentry *dentry)
{
	u32 length = BPF_CORE_READ(dentry, d_name.len);

	if (length > NAME_MAX_ - 1)
		length = NAME_MAX_ - 1;
	exec->name = length;
	bpf_probe_read_kernel(exec->text, length & (NAME_MAX_ - 1), BPF_CORE_READ(dentry, d_name.name));
}

static __always_inline void exec_remember(struct exec_state *exec, struct linux_binprm *bprm, const struct found *found)
{
	u32 agent = agent_executed(found->row);

	if (exec_first(bprm)) {
		exec->argc = bprm->argc;
		exec->agent = 0;
		exec->built = 0;
		exec->depth = 0;
		exec->done = 0;
		exec->written = 0;
		exec->became = 0;
		exec->skill = 0;
		exec_name(exec, bprm->file->f_path.dentry);
	} else {
		exec->depth++;
	}
	exec->last = BPF_CORE_READ(bprm, file, f_inode, i_ino);
	exec->interpreter = agent_interprets(found->row);
	if (found->skill)
		exec->skill = found->skill;
	if (agent) {
		exec->agent = agent;
		exec->built = found->built;
	}
}

/* What is executed here is executed by the agent's own program, and may be a connector. */
static __always_inline bool exec_starts(const struct task_state *state)
{
	return state && (state->flags & (TASK_AGENT | TASK_APPLET)) == TASK_AGENT;
}

/* A program that is no file that could be looked at: in memory alone, or deleted, or that never had a name. */
static __always_inline bool exec_anonymous(const struct buffer *buffer)
{
	return buffer->name.view == VIEW_NAMELESS || !buffer->source.links;
}

/* Further questions about what is executed: where it comes from. */
static __always_inline int exec_judge_origin(struct task_state *state, struct buffer *buffer, struct exec_state *exec,
					     struct file *file)
{
	bool anonymous = exec_anonymous(buffer);
	int error = anonymous ? judge_as(state, buffer, OP_EXEC_ANONYMOUS, OP_NONE) : 0;

	if (!error && written_find(file->f_inode)) {
		exec->written = 1;
		error = judge_as(state, buffer, OP_EXEC_WRITTEN, OP_NONE);
	}
	if (anonymous)
		exec->written = 1;
	return error;
}

static __always_inline int exec_judge(struct task_state *state, struct buffer *buffer, struct exec_state *exec,
				      struct file *file)
{
	struct question q = { .op = OP_EXEC };
	int error;

	buffer->question = q;
	error = judge_buffer(state, buffer);
	if (!error)
		error = exec_judge_origin(state, buffer, exec, file);
	if (!error)
		error = copy_judge(state, buffer, OP_EXEC);
	if (!error && has_aliases(file->f_inode, file->f_path.dentry)) {
		q.second = exec->written ? OP_EXEC_WRITTEN : OP_NONE;
		buffer->question = q;
		error = judge_aliases(state, buffer);
	}
	return error;
}

/*
 * A task outside of sessions keeps nothing of an exec that can begin no agent, nor of an agent's that failed before it. What
 * a script left is kept for its interpreter.
 */
static __always_inline int exec_forget(struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!task->bpf_storage)
		return 0;
	bpf_task_storage_delete(&path_buffers, task);
	if (exec_first(bprm))
		bpf_task_storage_delete(&execs, task);
	return 0;
}

/* What is executed, by the catalogue: its row, by the file's name in the host, else by its build. The buffer has the name too. */
static __always_inline void exec_find(struct linux_binprm *bprm, struct buffer *buffer)
{
	u32 row;

	source_of(&buffer->source, bprm->file->f_path.dentry, bprm->file->f_inode);
	name_of(buffer);
	row = agent_of(buffer);
	buffer->found.built = 0;
	if (!row) {
		row = build_of(bprm);
		buffer->found.built = row;
	}
	buffer->found.row = row;
	buffer->found.skill = 0;
}

static __always_inline int exec_check(struct linux_binprm *bprm, struct task_state *state, struct buffer *buffer)
{
	struct exec_state *exec;

	exec_find(bprm, buffer);
	if (!agent_executed(buffer->found.row))
		derived_exec(state, buffer, bprm->file->f_inode);
	if (!state)
		delegated_exec(buffer);
	if (!state && !buffer->found.row)
		return exec_forget(bprm);
	exec = exec_state(BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!exec) {
		count(COUNT_NO_BUFFER);
		if (state)
			return judge_blind(state, OP_EXEC);
		return agent_executed(buffer->found.row) ? -ENOMEM : 0; /* nobody would watch it */
	}
	if (state)
		buffer->found.skill = skill_of(buffer);
	exec_remember(exec, bprm, &buffer->found);
	if (exec_starts(state) && exec_first(bprm) && !connector_note(buffer, bprm->file->f_inode)) {
		count(COUNT_NO_BUFFER);
		return judge_blind(state, OP_EXEC);
	}
	return state ? exec_judge(state, buffer, exec, bprm->file) : 0;
}

/*
 * An own format of programs (binfmt_misc) may give the interpreter a descriptor of what is executed, whether or not that may
 * be read. The open was an exec's, so this is the moment to ask. kernel: fs/exec.c:exec_binprm, before the interpreter's check.
 */
static __always_inline int exec_hand_over(struct task_state *state, struct linux_binprm *bprm)
{
	struct question q = { .op = OP_FILE_READ };
	struct file *file = bprm->executable;

	return file ? judge_file(state, file, &q) : 0;
}

/*
 * security_bprm_check: once for the file that was named, and once for each interpreter; creds_for_exec would see the
 * first only. Every exec of the host walks the catalogue here.
 */
static __always_inline int decide_exec(struct linux_binprm *bprm)
{
	struct task_state *state = task_state();
	struct buffer *buffer = buffer_take();
	int error;

	if (!buffer)
		return state ? judge_blind(state, OP_EXEC) : 0;
	error = exec_check(bprm, state, buffer);
	buffer_give(buffer);
	return error || !state ? error : exec_hand_over(state, bprm);
}

/* verifier: a frame of its own, or that of who calls grows too large. */
static __noinline void session_announce(u16 kind, const struct task_state *state, const struct session *session)
{
	struct event_session event = {};

	session_record(&event, kind, state, session);
	EVENT_SEND_BARE(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, &event);
}

/* The new session has counted its first task since it began; from an old one it parts here. */
static __always_inline bool exec_enter(struct task_state *state, struct task_state *mark)
{
	if (!state)
		return task_mark(bpf_get_current_task_btf(), mark);
	if (!task_counts(state))
		session_part(state);
	state->principal = mark->principal;
	state->flags = mark->flags;
	task_move(state, mark->slot, mark->generation);
	return true;
}

/*
 * The exec begins a session of its own, inside of its parent's where there is one. race: where the iterator found the
 * task meanwhile, its session stands.
 */
static __always_inline bool exec_begin(struct task_state *state, struct exec_state *exec)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct session *parent = state ? session_of(state) : NULL;
	struct birth birth = {
		.parent = parent,
		.parent_slot = state ? state->slot : 0,
		.agent = agent_id(exec->agent),
		.flags = agent_session_flags(exec->agent),
		.uid = uid_of(task),
		.loginuid = BPF_CORE_READ(task, loginuid.val),
		.pid = task->tgid,
		.started = BPF_CORE_READ(task, group_leader, start_boottime),
		.cause = exec->built ? CAUSE_BUILD : CAUSE_EXEC,
	};
	struct task_state mark = { .principal = PRINCIPAL_AGENT, .flags = TASK_AGENT, .counted = TASK_COUNTED };
	struct session *session;

	if (state && (state->principal & ~PRINCIPAL_UNPINNED) >= PRINCIPAL_FIRST)
		mark.principal = state->principal; /* or a connector would be rid of its rules */
	birth.role = role_of_user(birth.uid);
	session = session_begin(&birth, &mark.slot);
	if (!session)
		return false;
	mark.generation = session->generation;
	if (!exec_enter(state, &mark)) {
		session_undo(session);
		return task_state_own();
	}
	state = task_state_own();
	if (state)
		session_announce(EVENT_SESSION_START, state, session);
	exec->became = EXEC_BEGAN;
	return true;
}

/*
 * The agent's program is executed under the name of another one that it has inside. verifier: no branch in the loop, or
 * every byte doubles the ways through it. bound: APPLET_MAX bytes.
 */
static __always_inline bool exec_applet(u64 start, u32 agent)
{
	struct applet key = { .agent = agent };
	u32 inside = 1;
	u8 text[APPLET_MAX];

	if (user_read(text, sizeof(text), start))
		return false;
	for (u32 i = 0; i < APPLET_MAX; i++) {
		u32 byte = text[i];

		inside &= NONZERO(byte);
		key.name[i] = byte & (0 - inside);
	}
	return !inside && bpf_map_lookup_elem(&applets, &key);
}

/*
 * Whose exec is this? A session made by run or adopt takes the agent's name, and stays as strict as it was. A host entry does not nest in itself; an
 * agent that executes itself in its own process, or as one of its applets, goes on with its session; so does one whose
 * launcher starts it as a child. Any other agent begins one.
 */
static __noinline bool exec_agent(u64 start, struct task_state *state, struct exec_state *exec)
{
	struct session *session = state ? session_of(state) : NULL;
	struct task_struct *task = bpf_get_current_task_btf();
	u32 agent = agent_id(exec->agent);
	bool root;

	if (!session)
		return exec_begin(state, exec);
	root = session->root_pid == (u32)task->tgid;
	if (root && (session->flags & SESSION_UNCLAIMED)) {
		session->flags &= ~SESSION_UNCLAIMED;
		session->flags |= agent_session_flags(exec->agent) & ~SESSION_OBSERVE;
		session->agent = agent;
		session_announce(EVENT_SESSION_CLAIM, state, session);
		exec->became = EXEC_BEGAN;
		return true;
	}
	if (session->agent == agent && (root || (session->flags & SESSION_HOST)))
		return true;
	if (session->agent == agent && exec_applet(start, agent)) {
		exec->became = EXEC_APPLET;
		return true;
	}
	if (session->agent == agent && (state->flags & TASK_AGENT) && agent_relaunches(exec->agent))
		return true;
	return exec_begin(state, exec);
}

/* The same, of a file that no check has seen. */
static __always_inline struct found exec_find_late(struct linux_binprm *bprm, const struct task_state *state)
{
	struct buffer *buffer = buffer_take();
	struct found found = {};

	if (!buffer)
		return found;
	exec_find(bprm, buffer);
	found = buffer->found;
	if (state)
		found.skill = skill_of(buffer);
	if (exec_starts(state))
		connector_note(buffer, bprm->file->f_inode);
	buffer_give(buffer);
	return found;
}

/*
 * A moment that is past is taken away, so that the host's execs do not ask for the time. race: user space may set another one
 * meanwhile, which stays.
 */
static __always_inline bool exec_unsettled(void)
{
	u32 zero = 0;
	u64 *until = bpf_map_lookup_elem(&settled, &zero);
	u64 moment;

	if (!until || !*until)
		return false;
	moment = *until;
	if (moment > bpf_ktime_get_boot_ns())
		return true;
	__sync_val_compare_and_swap(until, moment, 0);
	return false;
}

/*
 * An exec whose check was not seen: the task became a session's since (race), the programs sat down since, or there are
 * tracepoints only. Its line is judged as that of the program that runs: a script's interpreter.
 */
static __always_inline struct exec_state *exec_late(struct linux_binprm *bprm, const struct task_state *state,
						    bool last)
{
	struct found found = {};
	struct exec_state *exec;

	connector_forget();
	if (last || exec_unsettled())
		found = exec_find_late(bprm, state);
	if (!state && !found.row)
		return NULL;
	exec = exec_state(BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!exec) {
		line_kill(COUNT_NO_BUFFER);
		return NULL;
	}
	exec->argc = bprm->argc;
	exec->agent = agent_executed(found.row);
	exec->built = found.built;
	exec->interpreter = agent_interprets(found.row);
	exec->depth = 0;
	exec->done = 0;
	exec->written = state && written_find(bprm->file->f_inode);
	exec->became = 0;
	exec->skill = found.skill;
	exec_name(exec, BPF_CORE_READ(bprm, file, f_path.dentry));
	return exec;
}

/* The new program's part of an exec: whose session it is, and its line. start is where its strings begin. */
static __always_inline void exec_commit(struct linux_binprm *bprm, struct exec_state *exec, u64 start)
{
	struct task_state *state = task_state_own();
	u16 flags = state && (state->flags & TASK_AGENT) ? TASK_BY_AGENT : 0;
	bool starts = exec_starts(state);

	exec->done = 1;
	if (exec->built && exec->written)
		exec->agent = 0; /* what a session made itself may be anything behind its head: it stays its own */
	if (!exec->agent && exec->interpreter)
		exec->agent = script_agent(bprm, start);
	if (exec->agent && !exec_agent(start, state, exec) && cfg_form != FORM_OBSERVE)
		bpf_send_signal(SIGKILL);
	state = task_state_own();
	if (!state) {
		bpf_task_storage_delete(&execs, bpf_get_current_task_btf());
		return;
	}
	state->flags = flags | (exec->agent ? TASK_AGENT : 0) | (exec->became == EXEC_APPLET ? TASK_APPLET : 0);
	if (exec->became == EXEC_BEGAN)
		agent_begin(state, exec->agent);
	if (starts && !exec->agent)
		connector_begin(bprm, state, exec, start);
	if (starts)
		connector_end();
	if (exec->written && !exec->agent)
		written_become(state);
	if (!exec->agent)
		skill_begin(bprm, state, exec, start);
	state->execs++;
	line_judge(bprm, state, exec, start);
}

/*
 * security_bprm_committed_creds: the new memory is there and nothing of the new program ran; argv is read from the new
 * stack, which nobody else can write. kernel: mm->arg_start is not set yet. It returns nothing: refusing is SIGKILL.
 */
static __always_inline int decide_line(struct linux_binprm *bprm)
{
	struct exec_state *exec = exec_state(0);

	if (!exec)
		exec = exec_late(bprm, task_state_own(), false);
	if (exec && !exec->done)
		exec_commit(bprm, exec, bprm->p);
	return 0;
}

/* An exec of a session whose check the kernel left out. */
static __always_inline void exec_unchecked(struct linux_binprm *bprm, struct task_state *state)
{
	struct question q = { .op = OP_EXEC };

	if (cfg_form != FORM_TWICE || !state)
		return;
	count(COUNT_CHECK_LATE);
	if (judge_file(state, bprm->file, &q))
		bpf_send_signal(SIGKILL);
}

/*
 * sched_process_exec: the last moment before the new program runs, where there are tracepoints only, or behind checks that
 * may have been left out. What an earlier exec left does not count for this one.
 * kernel: bprm->p has moved on, and mm->arg_start is set.
 */
static __always_inline int settle_exec(struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *state = task_state_own();
	struct exec_state *exec = exec_state(0);

	if (!exec || exec->last != BPF_CORE_READ(bprm, file, f_inode, i_ino)) {
		exec_unchecked(bprm, state);
		exec = exec_late(bprm, state, true);
	}
	if (!exec)
		return 0;
	if (!exec->done)
		exec_commit(bprm, exec, BPF_CORE_READ(task, mm, arg_start));
	bpf_task_storage_delete(&execs, task);
	return 0;
}
