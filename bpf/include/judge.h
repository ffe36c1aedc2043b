/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From an act of a session task to what the kernel answers: name, label, action, record, errno. Every hook that judges
 * a file ends here. What cannot be decided is refused for sessions that are enforced, and counted.
 */
#pragma once

#include "climb.h"
#include "delegate.h"
#include "event.h"
#include "move.h"
#include "rule.h"
#include "written.h"

/* The table in force: look it up once per hook, so that one verdict sees one generation. */
static __always_inline const u8 *table_now(void)
{
	u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&tables, &zero);

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

static __always_inline u64 policy_of(const u8 *table)
{
	return FIELD(table, u64, __builtin_offsetof(struct table_header, generation));
}

static __always_inline bool relief_until(u32 index, u64 now)
{
	u64 *until = bpf_map_lookup_elem(&reliefs, &index);

	return until && *until > now;
}

/* An administrator lets pass for a time what policy refuses. Asked only where something would be refused. */
static __always_inline bool session_relieved(const struct session *session)
{
	u64 now = bpf_ktime_get_boot_ns();

	return session->relief > now || relief_until(RELIEF_HOST, now) ||
	       relief_until(RELIEF_ROLE + BOUNDED(session->role, ROLES_MAX - 1), now);
}

/* Whether what policy refuses is refused. */
static __always_inline bool session_enforced(const struct session *session, const u8 *table, u32 op)
{
	if (!form_holds(op) || (session->flags & SESSION_OBSERVE))
		return false;
	if (table && !table_u32(table, role_offset(table, session->role)))
		return false;
	return !session_relieved(session);
}

static __always_inline u64 session_denied(const struct session *session)
{
	return !session->only || session->only == cfg_load ? session->denied : 0;
}

static __always_inline struct subject subject_of(const struct task_state *state, const struct session *session)
{
	struct subject who = {
		.role = session->role,
		.principal = state->principal,
		.taints = session->taints,
		.denied = session_denied(session),
	};

	return who;
}

/* What an open file may be used for. */
static __always_inline struct question question_of_open(u32 flags, u32 mode)
{
	struct question q = { .op = OP_FILE_READ, .wanted = flags };

	if ((mode & FMODE_WRITE) || (flags & O_TRUNC)) {
		q.op = OP_FILE_WRITE;
		q.second = mode & FMODE_READ ? OP_FILE_READ : OP_NONE;
	}
	return q;
}

/* The errno an operation is refused with (the policy language fixes it). */
static __always_inline int op_errno(u32 op)
{
	return (op >= OP_FILE_READ && op <= OP_FILE_ATTR) || op == OP_UNIX_CONNECT ? -EACCES : -EPERM;
}

static __always_inline int refuse_blind(const struct session *session, const u8 *table, u32 op)
{
	bool switched = session_denied(session) >> (op & 63) & 1;

	return switched || session_enforced(session, table, op) ? op_errno(op) : 0;
}

#define MARK_RULED (1u << 31) /* beside the taints: a rule spoke, no default. verifier: it takes no branch to say so */

/* marks are the taints that the act sets where it is not refused. */
static __always_inline u32 judge_op(const u8 *table, const struct subject *who, u32 op, u32 view, const u64 *label,
				    u32 *marks)
{
	u32 action;
	u64 met;

	if (rule_switched(who, op))
		return ACTION_DENY;
	if (view != VIEW_HOST)
		return rule_view(table, who, op, view);
	action = rule_path(table, who, op, label, &met);
	if (op == OP_FILE_READ)
		*marks |= rule_marks(table, met);
	*marks |= NONZERO(met) << 31;
	return action;
}

static __always_inline void record_object(struct event_access *event, const struct question *q, const struct name *name,
					  const struct source *source)
{
	event->inode = source->inode;
	event->inode_generation = source->generation;
	event->device = source->device;
	event->wanted = q->wanted;
	event->text = name->length;
}

/* Whether a refusal is carried out; the record says what stood against policy. */
static __always_inline bool judge_holds(const struct session *session, const u8 *table, const struct subject *who,
					struct event_header *head)
{
	if (rule_switched(who, head->op))
		head->flags |= EVENT_SWITCH;
	if (head->flags & (EVENT_SWITCH | EVENT_GUARD))
		return form_holds(head->op);
	if (session_enforced(session, table, head->op))
		return true;
	if (session_relieved(session))
		head->flags |= EVENT_RELIEF;
	return false;
}

static __always_inline void judge_seen(struct session *session, u64 ops)
{
	if (ops & ~session->seen)
		__sync_fetch_and_or(&session->seen, ops);
}

/* A session that is only observed records what would have happened. */
static __always_inline int judge_apply(struct session *session, const u8 *table, const struct subject *who,
				       struct event_header *head)
{
	head->policy = policy_of(table);
	count(COUNT_JUDGED);
	if (!action_refuses(head->action))
		return 0;
	if (!judge_holds(session, table, who, head))
		return 0;
	head->flags |= EVENT_APPLIED;
	head->error = op_errno(head->op);
	__sync_fetch_and_add(&session->refused, 1);
	count(COUNT_REFUSED);
	if (head->action == ACTION_KILL && cfg_form != FORM_NETWORK)
		bpf_send_signal(SIGKILL); /* where programs of control groups decide, user space does */
	return head->error;
}

/* As judge_apply, and nobody is told. */
static __always_inline int judge_silent(const struct session *session, const u8 *table, const struct subject *who,
					struct event_header *head)
{
	bool refused = action_refuses(head->action) && judge_holds(session, table, who, head);

	return refused ? op_errno(head->op) : 0;
}

/* Of two operations the stricter answer counts; a switch, which also binds who is only observed, before either. */
static __always_inline void judge_action(struct event_header *head, const u8 *table, const struct subject *who,
					 const struct question *q, u32 view, const u64 *label, u32 *marks)
{
	u32 second;

	head->view = view;
	head->op = q->op;
	head->action = judge_op(table, who, q->op, view, label, marks);
	FORGET();
	if (!q->second || rule_switched(who, q->op))
		return;
	second = judge_op(table, who, q->second, view, label, marks);
	if (second >= head->action && !rule_switched(who, q->second))
		return;
	head->op = q->second;
	head->action = second;
	FORGET();
}

/* What guards the sensor refuses too: then nobody can lift it. */
static __always_inline void judge_guard(struct event_header *head, const u8 *table, u64 groups, u32 op)
{
	u32 field = __builtin_offsetof(struct table_header, guards);

	if (groups & table_u64(table, field + (op & (PATH_OPS - 1)) * 8))
		head->flags |= EVENT_GUARD;
}

/* What was read marks the session: every task of it is bound at its next hook. */
static __always_inline void judge_mark(struct session *session, struct event_header *head, u32 marks)
{
	if (!(marks & ~session->taints))
		return;
	__sync_fetch_and_or(&session->taints, marks);
	head->taints |= marks;
}

/* What is asked, in one word with nothing in its lowest bit: each part has bits of its own (operations are below 64). */
static __always_inline u64 question_word(const struct question *q)
{
	return (u64)q->wanted << 32 | q->second << 25 | q->op << 18 | q->flags << 1;
}

/*
 * Who asks what of which name: what an answer depends on besides the table, in one word. The subject is the one that was
 * judged: what is read changes the session's taints, and with them the next answer. The last word of a print need not be
 * mixed: that would tell no two of them apart that differ, nor make two different ones equal.
 */
static __always_inline u64 act_of(const struct session *session, const struct subject *who, const struct question *q,
				  u64 print)
{
	struct task_struct *task = bpf_get_current_task_btf();

	print = print_mix(print, session->id << 32 ^ (u32)task->tgid);
	print = print_mix(print, (u64)who->role << 32 ^ (u64)who->principal << 16 ^ who->taints);
	if (who->denied)
		print = print_mix(print, who->denied);
	return (print ^ question_word(q)) | 1;
}

/* Names beside the one that was used: hard links, and what an overlay has below its own. */
static __always_inline bool has_aliases(const struct inode *inode, const struct dentry *dentry)
{
	if (!inode)
		return false;
	return (inode->i_nlink > 1 && (inode->i_mode & S_IFMT) != S_IFDIR) || inode != dentry->d_inode;
}

enum act_again {
	ACT_OTHER,
	ACT_FIRST, /* nor is a label kept of its object */
	ACT_AGAIN,
};

/*
 * The same act again within its second: its answer, and nothing is told but how often. race: an act is changed while it
 * is looked at; who is cleared before and set after. A name that has links is looked at anew, for these may have come.
 */
static __always_inline enum act_again act_again(struct task_state *state, struct dentry *dentry, struct inode *inode,
						const struct question *q, u64 print, int *error)
{
	struct session *session = session_of(state);
	const u8 *table = table_now();
	struct subject subject;
	struct label *label;
	struct act *act;
	u64 who;

	if (!session || !table || has_aliases(inode, dentry))
		return ACT_OTHER;
	subject = subject_of(state, session);
	label = label_recall(dentry, print, policy_of(table), places_now());
	if (!label)
		return ACT_FIRST;
	act = &label->acts[q->op & 1];
	who = act_of(session, &subject, q, print);
	*error = act->error;
	if (act->who != who || act->until < bpf_jiffies64())
		return ACT_OTHER;
	if (*error) {
		if (!session_enforced(session, table, q->op))
			return ACT_OTHER;
		__sync_fetch_and_add(&session->refused, 1);
		count(COUNT_REFUSED);
	}
	if (q->quiet && !*error)
		return ACT_AGAIN;
	__sync_fetch_and_add(&act->repeats, 1);
	__sync_fetch_and_add(&session->folded, 1);
	return ACT_AGAIN;
}

/* Whether the same act again has the same answer, and need not be told. */
static __always_inline bool act_repeats(const struct event_access *event)
{
	return event->head.action != ACTION_KILL && !(action_refuses(event->head.action) && !event->head.error) &&
	       !(event->head.flags & EVENT_SWITCH);
}

/* What was answered and told, for the next one who asks the same. */
static __always_inline void act_keep(struct label *label, u64 who, const struct question *q, struct event_access *event)
{
	struct act *act = &label->acts[q->op & 1];

	event->repeats = __sync_lock_test_and_set(&act->repeats, 0);
	if (act->who != who)
		event->repeats = 0;
	__sync_lock_test_and_set(&act->who, 0);
	if (!act_repeats(event))
		return;
	act->error = event->head.error;
	act->until = bpf_jiffies64() + cfg_second;
	__sync_lock_test_and_set(&act->who, who);
}

/*
 * The groups of the name in the buffer. Where a file system takes capitals for small letters, those of both spellings:
 * which one it has on disk, the name does not tell. verifier: global, as name_of; so it takes the table itself, and tells
 * which one.
 */
__noinline int label_walk(struct buffer *buffer)
{
	const u8 *table = table_now();
	struct name *name;

	if (!buffer || !table)
		return 0;
	name = &buffer->name;
	name->policy = policy_of(table);
	name->groups = walk_path(table, ENGINE_PATHS, buffer->text, name->offset);
	return 0;
}

static __always_inline void label_fold(struct buffer *buffer)
{
	struct name *name = &buffer->name;
	u64 groups = name->groups;

	label_walk(buffer);
	if (!name->folds)
		return;
	groups = name->groups;
	name_fold(buffer);
	FORGET();
	if (name->end == NAME_FOLDED) {
		name->view = VIEW_REFUSED;
		count(COUNT_NAME_FOLDED);
		return;
	}
	label_walk(buffer);
	name->groups |= groups;
}

/* With the answer that was given. verifier: global, as name_of; 6.1 takes keys and values of a map from the stack only. */
__noinline int label_keep(struct buffer *buffer)
{
	struct label label = {};
	struct act act = {};
	u64 dentry;

	if (!buffer)
		return 0;
	dentry = buffer->source.dentry;
	act.who = buffer->name.act;
	act.until = bpf_jiffies64() + cfg_second;
	act.error = buffer->access.head.error;
	label.print = buffer->name.print;
	label.policy = buffer->name.policy;
	label.groups = buffer->name.groups;
	label.places = buffer->source.places;
	label.view = buffer->name.view;
	label.check = label_check(&label);
	if (buffer->question.op & 1)
		label.acts[1] = act;
	else
		label.acts[0] = act;
	bpf_map_update_elem(&labels, &dentry, &label, BPF_ANY);
	return 0;
}

static __always_inline struct label *label_kept(const struct buffer *buffer, u64 policy)
{
	return label_recall((void *)buffer->source.dentry, buffer->name.print, policy, buffer->source.places);
}

/*
 * The label of the name in the buffer, worked out where it is not known. verifier: global, as name_of, and beside
 * judge_buffer, whose frame would not fit over its own.
 */
__noinline int label_of(struct buffer *buffer)
{
	const u8 *table = table_now();
	struct label *label;
	struct name *name;

	if (!buffer || !table)
		return 0;
	name = &buffer->name;
	name->policy = policy_of(table);
	label = buffer->source.unlabelled ? NULL : label_kept(buffer, name->policy);
	buffer->source.unlabelled = 0;
	name->act = 0;
	if (label) {
		count(COUNT_LABEL_HIT);
		name->groups = label->groups;
		return 0;
	}
	name->groups = 0;
	if (name->view == VIEW_HOST)
		label_fold(buffer);
	FORGET();
	if (!name->print || name->view > VIEW_FOREIGN)
		return 0;
	count(COUNT_LABEL_MISS);
	buffer->source.unlabelled = 1;
	return 0;
}

/* What was answered, with the label that is kept, or that judge_buffer() will keep. */
static __always_inline void judge_keep(struct buffer *buffer, const struct session *session, const struct subject *who,
				       struct event_access *event)
{
	const struct question *q = &buffer->question;
	u64 act = act_of(session, who, q, buffer->name.print);
	struct label *label;

	if (buffer->source.unlabelled) {
		buffer->name.act = act_repeats(event) ? act : 0;
		return;
	}
	label = label_kept(buffer, buffer->name.policy);
	if (label)
		act_keep(label, act, q, event);
}

static __always_inline int judge_named(struct task_state *state, struct session *session, const u8 *table,
				       struct buffer *buffer)
{
	const struct question *q = &buffer->question;
	const struct name *name = &buffer->name;
	struct subject who = subject_of(state, session);
	struct event_access *event = &buffer->access;
	u32 marks = 0;
	int error;

	who.masks = buffer->masks;
	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_ACCESS, state, session);
	event->head.flags |= q->flags;
	event->label[0] = name->groups;
	judge_action(&event->head, table, &who, q, name->view, event->label, &marks);
	if (name->view == VIEW_HOST)
		judge_guard(&event->head, table, name->groups, event->head.op);
	if (q->quiet == QUIET_ALL)
		return judge_silent(session, table, &who, &event->head);
	judge_seen(session, 1ull << (q->op & 63) | 1ull << (q->second & 63));
	error = judge_apply(session, table, &who, &event->head);
	if (!error)
		judge_mark(session, &event->head, marks & ~MARK_RULED);
	if (!error && q->op == OP_UNIX_CONNECT && marks & MARK_RULED)
		delegate_note(buffer);
	judge_keep(buffer, session, &who, event);
	if (q->quiet && event->head.action == ACTION_ALLOW)
		return error;
	record_object(event, q, name, &buffer->source);
	access_send(buffer);
	return error;
}

/* The label is of another table than the one in force now. */
#define JUDGE_AGAIN 1

/* The object is named in the buffer, with its label. verifier: global, as name_of. */
__noinline int judge_labelled(struct task_state *state, struct buffer *buffer)
{
	const u8 *table = table_now();
	struct session *session;

	if (!state || !buffer)
		return -EPERM;
	session = session_of(state);
	if (!session)
		return op_errno(buffer->question.op);
	if (!table) {
		count(COUNT_NO_TABLE);
		return refuse_blind(session, table, buffer->question.op);
	}
	if (buffer->name.policy != policy_of(table))
		return JUDGE_AGAIN;
	return judge_named(state, session, table, buffer);
}

/* The object is named in the buffer. race: a verdict sees one table; where it changes twice meanwhile, it is refused. */
static __always_inline int judge_buffer(struct task_state *state, struct buffer *buffer)
{
	int error = JUDGE_AGAIN;

	for (u32 try = 0; try < 2 && error == JUDGE_AGAIN; try++) {
		label_of(buffer);
		error = judge_labelled(state, buffer);
	}
	if (buffer->source.unlabelled)
		label_keep(buffer);
	return error;
}

/* verifier: global, as label_walk. */
__noinline int place_of(struct buffer *buffer, u32 folder)
{
	const u8 *table = table_now();

	if (!buffer || !table)
		return 0;
	place_walk(table, buffer->text, buffer->name.offset, folder, &buffer->place);
	buffer->place.policy = policy_of(table);
	buffer->place.marks = 0;
	return 0;
}

static __always_inline bool is_folder(const struct buffer *buffer)
{
	return (buffer->source.mode & S_IFMT) == S_IFDIR;
}

/*
 * Groups for which an object may not go from one name to the other. Within a file system that the host has mounted in
 * part, a name may leave what has names, and with it every rule.
 */
static __always_inline u64 move_stakes(const u8 *table, const struct subject *who, struct buffer *from,
				       struct buffer *to, u32 *marks)
{
	bool folder = is_folder(from);

	if (from->name.view != VIEW_HOST)
		return 0;
	if (to->name.view != VIEW_HOST)
		return (folder ? ~0ull : from->place.label) & STAKE(table, who, refusing);
	return rule_move(table, who, &from->place, &to->place, folder, marks);
}

static __always_inline int move_apply(struct task_state *state, struct session *session, const u8 *table,
				      struct buffer *from, struct buffer *to)
{
	struct subject who = subject_of(state, session);
	struct event_access *event = &from->access;
	int error;

	who.masks = from->masks;
	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_ACCESS, state, session);
	event->label[0] = move_stakes(table, &who, from, to, &from->place.marks);
	if (!event->label[0])
		return 0;
	event->head.op = OP_FILE_RENAME;
	event->head.action = ACTION_DENY;
	event->head.flags |= EVENT_MOVE;
	judge_guard(&event->head, table, event->label[0], OP_NONE);
	error = judge_apply(session, table, &who, &event->head);
	record_object(event, &from->question, &from->name, &from->source);
	access_send(from);
	return error;
}

/* Both places were taken. verifier: global, as name_of. */
__noinline int judge_places(struct task_state *state, struct buffer *from, struct buffer *to)
{
	const u8 *table = table_now();
	struct session *session;

	if (!state || !from || !to)
		return -EACCES;
	session = session_of(state);
	if (!session)
		return -EACCES;
	if (!table) {
		count(COUNT_NO_TABLE);
		return refuse_blind(session, table, OP_FILE_RENAME);
	}
	if (from->place.policy != policy_of(table) || to->place.policy != policy_of(table))
		return JUDGE_AGAIN;
	return move_apply(state, session, table, from, to);
}

static __always_inline u64 bring_stakes(const u8 *table, const struct subject *who, struct buffer *from,
					struct buffer *to)
{
	if (to->name.view != VIEW_HOST)
		return 0;
	if (from->name.view != VIEW_HOST)
		return STAKE(table, who, barring);
	return rule_bring(table, who, &from->place, &to->place);
}

static __always_inline int bring_apply(struct task_state *state, struct session *session, const u8 *table,
				       struct buffer *from, struct buffer *to)
{
	struct subject who = subject_of(state, session);
	struct event_access *event = &to->access;
	int error;

	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_ACCESS, state, session);
	event->label[0] = bring_stakes(table, &who, from, to);
	if (!event->label[0])
		return 0;
	event->head.op = OP_FILE_WRITE;
	event->head.action = ACTION_DENY;
	event->head.flags |= EVENT_MOVE;
	judge_guard(&event->head, table, event->label[0], OP_NONE);
	error = judge_apply(session, table, &who, &event->head);
	record_object(event, &to->question, &to->name, &from->source);
	access_send(to);
	return error;
}

/* Both places were taken, with what lies below. verifier: global, as name_of. */
__noinline int judge_below(struct task_state *state, struct buffer *from, struct buffer *to)
{
	const u8 *table = table_now();
	struct session *session;

	if (!state || !from || !to)
		return -EACCES;
	session = session_of(state);
	if (!session)
		return -EACCES;
	if (!table) {
		count(COUNT_NO_TABLE);
		return refuse_blind(session, table, OP_FILE_WRITE);
	}
	if (from->place.policy != policy_of(table) || to->place.policy != policy_of(table))
		return JUDGE_AGAIN;
	return bring_apply(state, session, table, from, to);
}

/* Names lead through it to others: those below a folder, and those below what a symbolic link may lead to. */
static __always_inline bool has_below(const struct buffer *buffer)
{
	return is_folder(buffer) || (buffer->source.mode & S_IFMT) == S_IFLNK;
}

/* Nothing refused the move: what reading sets at the old place alone is set. */
static __always_inline void move_mark(const struct task_state *state, u32 marks)
{
	struct session *session = marks ? session_of(state) : NULL;

	if (session && (marks & ~session->taints))
		__sync_fetch_and_or(&session->taints, marks);
}

/* Both names are in their buffers, and were judged by themselves. race: as judge_buffer. */
static __always_inline int judge_move(struct task_state *state, struct buffer *from, struct buffer *to)
{
	int error = JUDGE_AGAIN;

	for (u32 try = 0; try < 2 && error == JUDGE_AGAIN; try++) {
		place_of(from, has_below(from));
		place_of(to, has_below(from));
		error = judge_places(state, from, to);
		if (!error && has_below(from))
			error = judge_below(state, from, to);
	}
	if (!error)
		move_mark(state, from->place.marks);
	return error;
}

/* A name is made that leads elsewhere. beside is a name next to it, of which no rule speaks in particular. race: as judge_buffer. */
static __always_inline int judge_lead(struct task_state *state, struct buffer *beside, struct buffer *to)
{
	int error = JUDGE_AGAIN;

	for (u32 try = 0; try < 2 && error == JUDGE_AGAIN; try++) {
		place_of(beside, true);
		place_of(to, true);
		error = judge_below(state, beside, to);
	}
	return error;
}

/* The groups of the network's object in the buffer. verifier: global, as label_walk. */
__noinline int net_walk(struct buffer *buffer)
{
	const u8 *table = table_now();

	if (!buffer || !table)
		return 0;
	buffer->name.policy = policy_of(table);
	buffer->name.groups = walk_path(table, ENGINE_NETS, buffer->text, buffer->name.offset);
	return 0;
}

/*
 * The action on the object in the buffer. wanted tells one that only a rule may speak of, no default.
 */
static __always_inline u32 net_action(const u8 *table, const struct subject *who, const struct question *q, u64 groups)
{
	if (rule_switched(who, q->op))
		return ACTION_DENY;
	return rule_net(table, who, q->op, &groups, q->wanted ? ACTION_ALLOW : rule_default(table, who, q->op));
}

static __always_inline int net_apply(struct task_state *state, struct session *session, const u8 *table,
				     struct buffer *buffer)
{
	const struct question *q = &buffer->question;
	struct subject who = subject_of(state, session);
	struct event_access *event = &buffer->access;
	int error;

	who.masks = buffer->masks;
	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_ACCESS, state, session);
	event->head.op = q->op;
	event->label[0] = buffer->name.groups;
	event->head.action = net_action(table, &who, q, buffer->name.groups);
	judge_seen(session, 1ull << (q->op & 63));
	error = judge_apply(session, table, &who, &event->head);
	if (q->quiet && event->head.action == ACTION_ALLOW)
		return error;
	record_object(event, q, &buffer->name, &buffer->source);
	access_send(buffer);
	return error;
}

/* The object is spelt in the buffer. race: as judge_buffer. verifier: global, as name_of. */
__noinline int judge_net(struct task_state *state, struct buffer *buffer)
{
	const u8 *table = table_now();
	struct session *session;

	if (!state || !buffer)
		return -EPERM;
	session = session_of(state);
	if (!session)
		return op_errno(buffer->question.op);
	if (!table) {
		count(COUNT_NO_TABLE);
		return refuse_blind(session, table, buffer->question.op);
	}
	net_walk(buffer);
	if (buffer->name.policy != policy_of(table))
		net_walk(buffer);
	if (buffer->name.policy != policy_of(table))
		return refuse_blind(session, table, buffer->question.op);
	return net_apply(state, session, table, buffer);
}

/* The groups of what is known by a number: a principal's declared name, or an agent of the catalogue (index + 1). */
static __always_inline u64 name_groups(const u8 *table, u32 op, u32 number)
{
	if (op == OP_AGENT_START)
		return table_u64(table, HEADER(table, agent_table) + (number - 1) * sizeof(struct table_agent) +
						__builtin_offsetof(struct table_agent, groups));
	if (number >= HEADER(table, principals))
		number = PRINCIPAL_ANY;
	return table_u64(table, HEADER(table, principal_table) + number * 8);
}

/* What policy says of a name, to the record. */
static __always_inline void name_ask(const u8 *table, const struct subject *who, u32 op, u32 number,
				     struct event_access *event)
{
	event->wanted = number;
	event->label[0] = name_groups(table, op, number);
	event->head.action = rule_name(table, who, op, event->label[0]);
}

/*
 * What policy says of a start, to the record. What has other content than is declared may be refused as what is declared, and be
 * allowed only as what nobody declares may: the record is of the one that decided. verifier: what was found is read from the map
 * again, where it is unknown, or each way to it would be walked on.
 */
static __always_inline void name_rule(const u8 *table, const struct subject *who, u32 op, u32 number, u32 decided,
				      struct event_access *event)
{
	u64 groups;
	u32 action;

	name_ask(table, who, op, number, event);
	FORGET();
	if (!(decided & START_OTHER))
		return;
	groups = name_groups(table, op, PRINCIPAL_ANY);
	action = rule_name(table, who, op, groups);
	if (action > event->head.action)
		return;
	event->wanted = PRINCIPAL_ANY;
	event->label[0] = groups;
	event->head.action = action;
}

/* What people decided stands over what policy asks, and what they took back over what it allows. */
static __always_inline u32 name_action(u32 action, u32 decided)
{
	if (action == ACTION_ASK && (decided & START_APPROVED))
		return ACTION_ALLOW;
	if (action > ACTION_DENY && (decided & START_REVOKED))
		return ACTION_DENY;
	return action;
}

/*
 * What has a bare name is started. The question says by which number it is known, and in its flags what was decided about it
 * (enum start_flag); name.length bytes at the beginning of the buffer are told of it. verifier: global, as name_of.
 * KEEP-SYNC started v2 (enforce/name.go)
 */
__noinline int judge_name(struct task_state *state, struct buffer *buffer)
{
	const u8 *table = table_now();
	struct event_access *event;
	struct session *session;
	struct subject who;
	u32 op, length;
	int error;

	if (!state || !buffer)
		return -EPERM;
	session = session_of(state);
	op = buffer->question.op;
	if (!session || !table)
		return session ? refuse_blind(session, table, op) : -EPERM;
	who = subject_of(state, session);
	who.masks = buffer->masks;
	event = &buffer->access;
	__builtin_memset(event, 0, sizeof(*event));
	event_head(&event->head, EVENT_ACCESS, state, session);
	event->head.op = op;
	name_rule(table, &who, op, buffer->question.wanted, buffer->question.flags, event);
	FORGET();
	event->head.action = name_action(event->head.action, buffer->question.flags);
	if (rule_switched(&who, op))
		event->head.action = ACTION_DENY;
	judge_seen(session, 1ull << (op & 63));
	error = judge_apply(session, table, &who, &event->head);
	length = BOUNDED(buffer->name.length, COMMAND_PATH);
	event->text = length;
	EVENT_SEND_TEXT(event, buffer, length);
	return error;
}

/* No buffer: the object cannot even be named. */
static __always_inline int judge_blind(const struct task_state *state, u32 op)
{
	struct session *session = session_of(state);

	return session ? refuse_blind(session, table_now(), op) : op_errno(op);
}

static __always_inline u64 alias_dentry(u64 node)
{
	struct dentry___before *before = NULL;

	if (bpf_core_field_exists(before->d_u))
		return node - bpf_core_field_offset(struct dentry___before, d_u);
	return node - bpf_core_field_offset(struct dentry, d_alias);
}

/* The buffer speaks of another name of its object from here on. verifier: global, or it would be walked for each of them. */
__noinline int alias_name(struct buffer *buffer, u64 address)
{
	struct dentry *dentry = (struct dentry *)address;
	struct source *source;
	struct super_block *sb;

	if (!buffer)
		return 0;
	source = &buffer->source;
	sb = BPF_CORE_READ(dentry, d_sb);
	source->dentry = (u64)dentry;
	source->sb = (u64)sb;
	source->root = (u64)BPF_CORE_READ(sb, s_root);
	source->device = BPF_CORE_READ(sb, s_dev);
	source->unlabelled = 0;
	name_of(buffer);
	return 0;
}

/*
 * The object's other names, as far as the kernel has them in memory: hard links, and under an overlay's file what lies
 * below it. The strictest name counts. kernel: the list is the inode's, under its lock; dentries and their memory stay
 * while RCU is read, which these programs do. race: a name that comes amid this is judged when it is made. bound:
 * ALIASES_MAX of them. verifier: global, as name_of.
 */
__noinline int judge_aliases(struct task_state *state, struct buffer *buffer)
{
	struct hlist_node *node;
	struct dentry *dentry;
	struct inode *inode;
	int error = 0;
	u64 asked;

	if (!state || !buffer)
		return -EPERM;
	inode = (struct inode *)buffer->source.node;
	node = BPF_CORE_READ(inode, i_dentry.first);
	asked = buffer->source.dentry;
	buffer->question.quiet = QUIET_ALLOWED;
	for (u32 i = 0; i < ALIASES_MAX && node && !error; i++) {
		dentry = (struct dentry *)alias_dentry((u64)node);
		node = BPF_CORE_READ(node, next);
		if ((u64)dentry == asked)
			continue;
		alias_name(buffer, (u64)dentry);
		error = judge_buffer(state, buffer);
	}
	return error;
}

/* What is done to an object is done to it by all of its names; what is done to a name is not. */
static __always_inline bool judge_by_object(u32 op)
{
	return op != OP_FILE_CREATE && op != OP_FILE_DELETE && op != OP_FILE_RENAME;
}

/* The whole of a hook on an object for a session task; inode is NULL where nothing has the name yet. */
static __always_inline int judge(struct task_state *state, struct dentry *dentry, struct inode *inode,
				 const struct question *q)
{
	u64 print = print_of(dentry);
	struct buffer *buffer;
	enum act_again again;
	int error;

	again = act_again(state, dentry, inode, q, print, &error);
	if (again == ACT_AGAIN)
		return error;
	buffer = buffer_take();
	if (!buffer)
		return judge_blind(state, q->op);
	buffer->question = *q;
	source_of(&buffer->source, dentry, inode);
	buffer->source.unlabelled = again == ACT_FIRST;
	name_at(buffer, dentry, print);
	error = judge_buffer(state, buffer);
	if (!error && judge_by_object(q->op) && has_aliases(inode, dentry))
		error = judge_aliases(state, buffer);
	buffer_give(buffer);
	return error;
}

/* An object is named, for more than one question. */
static __always_inline void name_into(struct buffer *buffer, struct dentry *dentry)
{
	source_of(&buffer->source, dentry, dentry->d_inode);
	name_at(buffer, dentry, print_of(dentry));
}

static __always_inline int judge_as(struct task_state *state, struct buffer *buffer, u32 op, u32 second)
{
	struct question q = { .op = op, .second = second };

	buffer->question = q;
	return judge_buffer(state, buffer);
}

static __always_inline int judge_file(struct task_state *state, struct file *file, const struct question *q)
{
	return judge(state, file->f_path.dentry, file->f_inode, q);
}
