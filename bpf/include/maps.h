/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every map: who writes it, who reads it, why this size, what happens when it is full. */
#pragma once

#include "abi.h"
#include "kernel.h"
#include "lsm.h"

/* Rewritten before load: the size of a table value, a power of two. verifier: a constant mask bounds every offset. */
const volatile u32 cfg_table_size = 1 << 20;

/*
 * The policy in force. Written by user space, read by every deciding hook, once. One outer entry; the inner map has one
 * value, the table. User space sets the inner value size before load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(max_entries, 1);
			__uint(key_size, sizeof(u32));
			__uint(value_size, 1 << 20);
		});
} tables SEC(".maps");

/* Sessions by slot. Written by the kernel, and by user space for role, flags, switches and taints. Full: no agent starts. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SESSIONS_MAX);
	__type(key, u32);
	__type(value, struct session);
} sessions SEC(".maps");

/* Which session a thread belongs to. Written at task_alloc, at an agent's exec and by the seeding iterator. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks SEC(".maps");

/* One exec, from its check to its commit. What a failed one left is deleted at the task's next, outside of sessions. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct exec_state);
} execs SEC(".maps");

/*
 * Where a command line stands. verifier: kept in a map, whose values it takes as unknown; counters on the stack would be
 * walked value by value.
 */
struct progress {
	u64 length; /* bytes of arguments, their NULs included; known at the end */
	u32 left;   /* arguments not yet seen whole */
	u32 judged; /* of them, those that are judged: not argv[0], nor what `#!` put in front */
	u32 size;   /* bytes of this piece */
	u32 failed;
};

/* What path.h found. verifier: in a map as well, so that what it knows of one outcome does not multiply. */
struct name {
	u32 view;
	u32 offset; /* in the buffer */
	u32 length;
	u32 reserved;
};

/* A file as it is found, before it has a name. Addresses are of the kernel's structs. */
struct source {
	u64 dentry;
	u64 root; /* dentry of its file system */
	u64 sb;
	u64 inode;
	u32 generation;
	u32 device;
};

/* What is asked about one object: an operation, a second one or OP_NONE; the stricter answer counts. */
struct question {
	u32 op;
	u32 second;
	u32 wanted; /* for the record: open's flags, map's protection */
	u32 quiet;  /* allowed acts are not recorded */
	u32 flags;  /* enum event_flag, for the record */
	u32 reserved;
};

/*
 * Room for one text, and for what would not fit on the stack beside it. kernel: per-CPU buffers are overwritten by
 * another task's hook under preemption, and storage values over 8 KB fail at run time on 7.x. The slack lets a bounded
 * read begin at any offset below TEXT_MAX.
 */
struct buffer {
	u32 taken; /* of the pool: by a hook that is running */
	u32 pooled;
	union {
		struct event_access access;
		struct event_exec exec;
	};
	struct event_line line;
	struct progress progress;
	struct name name;
	struct source source;
	struct question question;
	u64 masks[ACTIONS * LINE_WORDS];
	u8 text[TEXT_MAX + NAME_MAX_];
};

enum pool {
	POOL_MAX = 128,
	POOL_TRIES = 4, /* for each processor; more hooks than that at once on one take task storage */
};

/* Buffers that a hook takes for as long as it runs. Making one in task storage for each exec cost 14,000 instructions on 6.1. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, POOL_MAX);
	__type(key, u32);
	__type(value, struct buffer);
} pool SEC(".maps");

/* Buffers of tasks that found none in the pool. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct buffer);
} path_buffers SEC(".maps");

/* Names by which agents serve as other programs. Written by user space from the catalogue, compared whole. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, APPLETS_MAX);
	__type(key, struct applet);
	__type(value, u32);
} applets SEC(".maps");

/* Who is in which role. Written by user space for every user that it has resolved; others have role 0, `default`. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, USERS_MAX);
	__type(key, u32);
	__type(value, u32);
} users SEC(".maps");

/* File systems that the host has mounted, by s_dev. Written by user space. Full: files there are foreign. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MOUNTS_MAX);
	__type(key, u32);
	__type(value, struct device);
} devices SEC(".maps");

/* Their canonical mount points. Written by user space, read at the end of a walk. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MOUNTS_MAX);
	__type(key, struct mount_key);
	__type(value, struct mount_point);
} mounts SEC(".maps");

/* Answers to asks. Written by user space; uses are taken by the kernel. Full: user space says so to who granted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GRANTS_MAX);
	__type(key, struct grant_key);
	__type(value, struct grant);
} grants SEC(".maps");

/* The next session's number, and a hint where a free slot is. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct control);
} controls SEC(".maps");

/* The seeding iterator's question and answer. One seeding at a time; user space holds a lock. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct seed);
} seeds SEC(".maps");

/* Refusals, asks, audits, sessions. Wakes its reader. Full: COUNT_VERDICTS_LOST; the verdict held. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} verdicts SEC(".maps");

/* What was allowed. Its reader polls; it is woken only when much is pending. Full: COUNT_ACTIVITY_LOST. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} activity SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");
