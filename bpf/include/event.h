/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records. The only file that touches the rings. A record follows its verdict and cannot change it; a full ring costs
 * the record, which is counted.
 */
#pragma once

#include "task.h"

enum ring_wake {
	ACTIVITY_STEP = 512 << 10, /* bytes: each time so many more are pending, the reader of activity is woken */
	RING_HEADER = 8,	   /* of a record; its size is rounded up to as much */
};

/* Who acts. */
static __always_inline void event_actor(struct event_header *head, u16 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();

	head->kind = kind;
	head->time = bpf_ktime_get_boot_ns();
	head->started = task->group_leader->start_boottime;
	head->pid = task->tgid;
	head->tid = task->pid;
	head->uid = task->cred->uid.val;
	head->flags = task->pid == task->tgid ? 0 : EVENT_THREAD;
	copy_words(head->comm, task->comm, sizeof(head->comm));
}

static __always_inline void event_head(struct event_header *head, u16 kind, const struct task_state *state,
				       const struct session *session)
{
	event_actor(head, kind);
	head->flags |= (state->flags & TASK_TOLD) * EVENT_AGENT;
	head->session = session->id;
	head->agent = session->agent;
	head->role = session->role;
	head->taints = session->taints;
	head->slot = state->slot;
	head->principal = state->principal;
	head->action = ACTION_ALLOW;
}

/* The record speaks of another task than the one that runs: an iterator's. */
static __always_inline void event_of(struct event_header *head, struct task_struct *task)
{
	head->started = BPF_CORE_READ(task, group_leader, start_boottime);
	head->pid = head->tid = task->tgid;
	head->uid = BPF_CORE_READ(task, cred, uid.val);
	head->flags = 0;
	bpf_probe_read_kernel_str(head->comm, sizeof(head->comm), task->comm);
}

/*
 * Asked before the record of so many bytes is reserved. The reader polls besides. kernel: to wake is to interrupt oneself, in a
 * virtual machine at several times the cost of a verdict; so not with each record that a reader who is behind has yet to come to.
 * race: where two records reach a step at once, neither may see so; the next step does.
 */
static __always_inline u64 activity_wake(u32 size)
{
	u64 pending = bpf_ringbuf_query(&activity, BPF_RB_AVAIL_DATA);
	u64 then = pending + RING_HEADER + ((size + RING_HEADER - 1) & -RING_HEADER);

	return pending / ACTIVITY_STEP == then / ACTIVITY_STEP ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP;
}

/*
 * A name into a reserved entry. verifier: offset + length is at most TEXT_MAX, which it cannot know; pieces of at most
 * SLACK stay inside the buffer's. Each piece costs the verifier a way through all that follows: few and large ones.
 */
static __always_inline void event_name(struct bpf_dynptr *entry, u32 at, struct buffer *buffer)
{
	u32 offset = buffer->name.offset;
	u32 length = buffer->name.length;

	for (u32 i = 0; i <= TEXT_MAX / SLACK && length; i++) {
		u32 piece = BOUNDED(length, SLACK);

		bpf_dynptr_write(entry, at, buffer->text + (offset & (TEXT_MAX - 1)), piece, 0);
		at += piece;
		offset += piece;
		length -= piece;
	}
}

/* Text from the beginning of the buffer. */
static __always_inline void event_text(struct bpf_dynptr *entry, u32 at, struct buffer *buffer, u32 length)
{
	if (length)
		bpf_dynptr_write(entry, at, buffer->text, BOUNDED(length, TEXT_MAX + SLACK), 0);
}

/* Record and text as one entry. verifier: the ring is a constant in each branch of the caller. */
#define EVENT_SEND(ring, lost, wake, record, length, write)                                     \
	do {                                                                                    \
		u64 wakes_ = wake;                                                              \
		struct bpf_dynptr entry;                                                        \
		if (bpf_ringbuf_reserve_dynptr(&ring, sizeof(*record) + (length), 0, &entry)) { \
			bpf_ringbuf_discard_dynptr(&entry, 0);                                  \
			count(lost);                                                            \
			break;                                                                  \
		}                                                                               \
		bpf_dynptr_write(&entry, 0, record, sizeof(*record), 0);                        \
		write;                                                                          \
		bpf_ringbuf_submit_dynptr(&entry, wakes_);                                      \
	} while (0)

/*
 * Whether one more of its kind is told: FLOOD_MOST in a second, the rest is counted. So a session that asks for what is refused,
 * again and again and by names that are ever new, hides no refusal of others, nor its own by other rules. verifier: a frame of its
 * own, as name_of.
 */
__noinline int event_due(const struct event_header *head, u64 label)
{
	u64 now = bpf_jiffies64();
	struct flood fresh = { .until = now + cfg_second, .told = 1 };
	struct flood_key kind = {};
	struct session *session;
	struct flood *flood;
	u32 slot;

	if (!head)
		return true;
	kind.session = head->session;
	kind.label = label;
	kind.op = head->op;
	flood = bpf_map_lookup_elem(&floods, &kind);
	if (!flood || flood->until < now) {
		bpf_map_update_elem(&floods, &kind, &fresh, BPF_ANY);
		return true;
	}
	if (__sync_fetch_and_add(&flood->told, 1) < FLOOD_MOST)
		return true;
	count(COUNT_VERDICTS_FLOOD);
	slot = head->slot;
	session = bpf_map_lookup_elem(&sessions, &slot);
	if (session)
		__sync_fetch_and_add(&session->folded, 1);
	return false;
}

static __always_inline bool event_told(const struct event_header *head, u64 label)
{
	return head->action == ACTION_ALLOW || event_due(head, label);
}

/* Refusals, asks and audits have a ring of their own: a flood of what is allowed cannot push them out. */
#define EVENT_SEND_BY_ACTION(record, length, write)                                                                   \
	do {                                                                                                          \
		(record)->head.size = sizeof(*record) + (length);                                                     \
		if ((record)->head.action == ACTION_ALLOW)                                                            \
			EVENT_SEND(activity, COUNT_ACTIVITY_LOST, activity_wake((record)->head.size), record, length, \
				   write);                                                                            \
		else                                                                                                  \
			EVENT_SEND(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, record, length, write);        \
	} while (0)

#define EVENT_SEND_TEXT(record, buffer, length) \
	EVENT_SEND_BY_ACTION(record, length, event_text(&entry, sizeof(*record), buffer, length))

#define EVENT_OUTPUT(ring, lost, wake, record, size)               \
	do {                                                       \
		if (bpf_ringbuf_output(&ring, record, size, wake)) \
			count(lost);                               \
	} while (0)

/* A record without text. */
#define EVENT_SEND_BARE(ring, lost, wake, record)                          \
	do {                                                               \
		(record)->head.size = sizeof(*(record));                   \
		EVENT_OUTPUT(ring, lost, wake, record, sizeof(*(record))); \
	} while (0)

/* An access and the name of its object. Where both are short, as most are, the record is put in front of the name. */
static __noinline void access_send(struct buffer *buffer)
{
	struct event_access *event = &buffer->access;
	u32 size = sizeof(*event) + buffer->name.length;
	u32 offset = buffer->name.offset;
	u8 *at;

	if (!event_told(&event->head, event->label[0]))
		return;
	if (size > SLACK || offset < sizeof(*event)) {
		EVENT_SEND_BY_ACTION(event, buffer->name.length, event_name(&entry, sizeof(*event), buffer));
		return;
	}
	event->head.size = size;
	at = buffer->text + ((offset - sizeof(*event)) & (TEXT_MAX - 1));
	copy_words(at, event, sizeof(*event));
	if (event->head.action == ACTION_ALLOW)
		EVENT_OUTPUT(activity, COUNT_ACTIVITY_LOST, activity_wake(size), at, BOUNDED(size, SLACK));
	else
		EVENT_OUTPUT(verdicts, COUNT_VERDICTS_LOST, BPF_RB_FORCE_WAKEUP, at, BOUNDED(size, SLACK));
}
