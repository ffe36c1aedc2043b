/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every map: who writes it, who reads it, why this size, what happens when it is full. */
#pragma once

#include "abi.h"
#include "kernel.h"
#include "lsm.h"
#include "net/address.h"
#include "net/dns_stream.h"
#include "net/http.h"
#include "net/tls.h"

/* Rewritten before load: the size of a table value, a power of two. verifier: a constant mask bounds every offset. */
const volatile u32 cfg_table_size = 1 << 20;

/* Rewritten before load: enum form. */
const volatile u32 cfg_form = FORM_LSM;

/* Whether this form can refuse an operation. verifier: the forms that can refuse all are one comparison. */
static __always_inline bool form_holds(u32 op)
{
	if (cfg_form < FORM_NETWORK)
		return true;
	return cfg_form == FORM_NETWORK && (op == OP_NET_DOMAIN || op == OP_NET_ADDR || op == OP_NET_FAMILY);
}

/* Rewritten before load: whether the program of command lines may sleep, and so have pages brought that it reads. */
const volatile u32 cfg_sleeps = 1;

/* Rewritten before load: nobody can know what a print will be. */
const volatile u64 cfg_key = 1;

/* Rewritten before load: jiffies in a second, for what need not be told more finely and may not cost more. */
const volatile u32 cfg_second = 250;

/* Rewritten before load: when the machine was booted, by the wall's clock, in seconds. */
const volatile u32 cfg_booted = 0;

/* Rewritten before load: a number of these programs' own, that one canary tries none but them. */
const volatile u32 cfg_load = 1;

/* Rewritten before load: the number of the host's mount namespace. */
const volatile u32 cfg_mounts = 0;

/* Rewritten before load: the number of the host's network namespace. */
const volatile u32 cfg_network = 0;

/*
 * The policy in force. Written by user space, read by every deciding hook, once. One outer entry; the inner map has one
 * value, the table. User space sets the inner value size before load, and fills tables through memory: while a large value
 * is copied by bpf(2), the kernel runs no kprobe programs on that processor (bpf_prog_active), whoever is let run there.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(
		values, struct {
			__uint(type, BPF_MAP_TYPE_ARRAY);
			__uint(map_flags, BPF_F_MMAPABLE);
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

/* In the place of an empty one, for SEED_CARRY: those of the programs of another ABI. Its values have the same beginning. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks_before SEC(".maps");

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

/* How a file system takes different names for one. */
enum name_folds {
	FOLDS_ASCII = 1,   /* capitals are small letters */
	FOLDS_UNICODE = 2, /* and much else is too */
	FOLDS_SHORT = 4,   /* files have a second name, with a tilde and a number */
};

/* What path.h found. verifier: in a map as well, so that what it knows of one outcome does not multiply. */
struct name {
	u32 view;
	u32 offset; /* in the buffer */
	u32 length;
	u16 end;    /* enum name_end */
	u16 folds;  /* enum name_folds */
	u16 below;  /* a mount point of a part was met: what is above has another name */
	u16 tilde;  /* the byte before was one */
	u32 above;  /* components from that mount point to the root */
	u64 groups; /* its label, under the table of that generation */
	u64 policy;
	u64 print; /* of what was walked; 0 where it is not to be kept */
	u64 act;   /* print of the act to keep with its label; 0 where the same one again must be judged anew */
};

/* A file as it is found, before it has a name. Addresses are of the kernel's structs. */
struct source {
	u64 dentry;
	u64 root; /* dentry of its file system */
	u64 sb;
	u64 node;  /* struct inode */
	u64 inode; /* 0 where nothing has the name yet */
	u32 generation;
	u32 device;
	u32 mode;
	u32 links;
	u32 number;	/* of a device node: major << 20 | minor */
	u32 places;	/* generation of the mounts, read before all else */
	u16 climbed;	/* its name is in the buffer, up to the root (climb.h) */
	u16 unlabelled; /* nor is a label kept of it */
	u32 renames;	/* before that: rename_lock's sequence */
};

/* What is not recorded. */
enum quiet {
	QUIET_NOT,
	QUIET_ALLOWED, /* what is allowed */
	QUIET_ALL,     /* nor what is refused: somebody asked whether, and does without */
};

/* What is asked about one object: an operation, a second one or OP_NONE; the stricter answer counts. */
struct question {
	u32 op;
	u32 second;
	u32 wanted; /* for the record: open's flags, map's protection */
	u32 quiet;  /* enum quiet */
	u32 flags;  /* enum event_flag, for the record */
	u32 peer;   /* of unix.connect: the process that listens, 0 where that is not known */
};

/* Where the walk of a name ended, for move.h. */
struct place {
	u32 at[ENGINE_AUTOMATA];
	u32 marks;  /* taints that who moves something away from here gets, where nothing refuses the move */
	u64 groups; /* the register: groups, then atoms that matched and that were excepted */
	u64 matched;
	u64 but;
	u64 label;  /* of the name itself */
	u64 policy; /* generation of the table */
};

/* One end of the network that somebody in a session wants to reach, or answers at; and what was found about it. */
struct flow {
	u8 address[16];
	u32 port;
	u32 local;
	u32 protocol;
	u32 slot;
	u32 generation;
	u32 principal;

	u32 op; /* answer: the operation that decided */
	u32 action;
	u32 reason; /* enum net_reason */
	u32 detail;
	u32 names;    /* answer: that are known for the address */
	u32 more;     /* of them there may be another one behind the one at hand */
	u32 length;   /* of the name; 0: there is none */
	u32 from;     /* of the label that is spelt */
	u32 switched; /* an operation that a switch of the session refuses, whatever else is decided; OP_NONE */
	u32 told;     /* records of it */
	u32 asks;     /* a name is asked for */
	u32 reached;  /* a name led there, so that no default holds */
	u32 best;     /* the mildest answer of its names so far, and which of them has it (flow_names) */
	u64 label;    /* of what was asked last */
	u64 decided;  /* and of what decided */
	u64 asker;    /* repeat.h: the table and who asks; 0 where the answer is not kept */
	u64 print;    /* and what about */
	u64 now;      /* CLOCK_BOOTTIME, ns */
	u8 name[DOMAIN_TEXT_];
};

/*
 * Room for one text, and for what would not fit on the stack beside it. kernel: per-CPU buffers are overwritten by
 * another task's hook under preemption, and storage values over 8 KB fail at run time on 7.x. The slack lets what is
 * bounded by it begin at any offset below TEXT_MAX.
 */
enum slack {
	SLACK = 2048,
};

/* What an executed file is to the catalogue. verifier: in a map, as struct name. */
struct found {
	u32 row;   /* index + 1; 0 is nothing */
	u32 built; /* not 0: known by its build */
	u32 skill; /* in whose folder it lies; asked in sessions alone */
};

/* Whose folder a path leads into. verifier: in a map, as struct progress. */
struct skill_look {
	struct skill_folder folder; /* as far as the path was read */
	u32 number;		    /* of the last one that was met */
	u32 from;		    /* in the buffer */
	u32 code;		    /* the interpreter's option that no script follows */
	u32 option;		    /* amid short options */
	u32 dash;		    /* the byte before began an option */
};

struct buffer {
	u32 taken; /* of the pool: by a hook that is running */
	u32 pooled;
	union {
		struct {
			union {
				struct event_access access;
				struct event_exec exec;
				struct event_net net;
				struct event_derived derived;
			};
			struct event_line line;
			struct found found;
			struct skill_look skill;
			struct place place;
		};
		struct {
			struct event_net net;
			u8 name[DOMAIN_TEXT_];
		} told; /* of networks: record and name, as one piece */
	};
	struct progress progress;
	struct name name;
	struct source source;
	struct question question;
	struct flow flow;
	struct dns dns;
	u64 masks[ACTIONS * LINE_WORDS];
	u8 text[TEXT_MAX + SLACK];
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

/*
 * Builds by which agents are known wherever their programs lie. Written by user space, read at execs that the catalogue does not
 * name. Full: user space says so, and what is not in it is known by its path alone.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BUILDS_MAX);
	__type(key, struct build_key);
	__type(value, struct build);
} builds SEC(".maps");

/*
 * Commands of connectors: those that a policy declares, and those that configurations name. Written by user space, compared whole.
 * Full: user space says so, and the rest are what any program is that an agent starts.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, COMMANDS_MAX);
	__type(key, struct command);
	__type(value, struct start);
} commands SEC(".maps");

/*
 * What was decided about agents, by person. Written by user space, read as an agent's session begins. Full: user space says so, and
 * the rest start as the policy alone says.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DECIDED_MAX);
	__type(key, struct decided_key);
	__type(value, u32);
} decided SEC(".maps");

/* Execs by agents' own programs, from their check to their commit. What a failed one left is written over by the task's next. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct starting);
} startings SEC(".maps");

/*
 * Skills by the file SKILL.md. Written by user space, for those that the inventory found. Full: user space says so, and the rest are
 * skills that nobody knows.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SKILLS_MAX);
	__type(key, struct skill_key);
	__type(value, struct start);
} skills SEC(".maps");

/*
 * Numbers of declared skills by their folders, and an entry without a text where there are any. Written by user space, compared whole.
 * Full: user space says so, and programs of the rest are the agent's.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SKILLS_MAX);
	__type(key, struct skill_folder);
	__type(value, u32);
} skill_folders SEC(".maps");

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

/*
 * Counts the changes of devices and mounts, up by one after each. Written by user space; read before a name is made, so a
 * label found amid a change is taken for old.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} places SEC(".maps");

/* What the table said of an object of the network, by its print (repeat.h). Written and read by the kernel. */
struct repeat {
	u64 print;
	u64 label;
	u64 sealed; /* the answer, under both */
};

enum repeats {
	REPEATS_BITS = 12,	/* 96 KB */
	REPEAT_ANSWERS = 0x200, /* more than there are: an action, and whether a rule spoke */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << REPEATS_BITS);
	__type(key, u32);
	__type(value, struct repeat);
} repeats SEC(".maps");

/* Labels by dentry. Written and read by the kernel. Full: the one that was used longest ago goes, and is found anew. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, LABELS_MAX);
	__type(key, u64);
	__type(value, struct label);
} labels SEC(".maps");

/* Answers to asks. Written by user space; uses are taken by the kernel. Full: user space says so to who granted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GRANTS_MAX);
	__type(key, struct grant_key);
	__type(value, struct grant);
} grants SEC(".maps");

/* Files that sessions wrote. Written and read by the kernel. Full: the one that was asked for longest ago is forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WRITTEN_MAX);
	__type(key, struct written_key);
	__type(value, struct written_by);
} written SEC(".maps");

/* Since when `written` has something: the wall's time, in seconds; 0: it has nothing. Written by the kernel, once. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} written_since SEC(".maps");

/* Refusals, asks and audits of one kind. */
struct flood_key {
	u64 session; /* id */
	u64 label;
	u32 op;
	u32 reserved;
};

/* race: two processors may begin the same second; then some more are told. */
struct flood {
	u64 until; /* jiffies */
	u32 told;  /* since the second began */
	u32 reserved;
};

/*
 * How much was told of each kind within its second. Written and read by the kernel. Full: the kind that was told of longest ago
 * goes, and begins a second anew.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FLOODS_MAX);
	__type(key, struct flood_key);
	__type(value, struct flood);
} floods SEC(".maps");

/*
 * Files with the content of programs that policy refuses. Written by user space, read where something is executed or mapped. Full: the one that
 * was asked for longest ago is forgotten, and is what any file is that a session wrote.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, COPIES_MAX);
	__type(key, struct written_key);
	__type(value, struct copy);
} copies SEC(".maps");

/*
 * The daemon, which no session may signal or look into, nor what it starts: when it began (start_boottime, ns), by process.
 * Written when it asks. Full: those that have ended go first, as nobody asks for them.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GUARDED_MAX);
	__type(key, u32);
	__type(value, u64);
} guarded SEC(".maps");

/*
 * Unix sockets that a session gave a name, by the kernel's cookie, which is never given out twice (net/core/sock_diag.c). Full:
 * the one that was asked for longest ago goes, and is somebody else's from then on.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SERVERS_MAX);
	__type(key, u64);
	__type(value, struct owner);
} servers SEC(".maps");

enum delegate_limits {
	DELEGATE_SECONDS = 5, /* after a session spoke with a server, what it starts may be on the session's behalf */
	DELEGATE_DEPTH = 2,   /* its children, and theirs */
};

/* race: written as a whole; it is evidence, and decides nothing. */
struct delegate {
	u64 session; /* that spoke with it */
	u64 since;   /* CLOCK_BOOTTIME, ns */
	u64 until;   /* jiffies */
	u32 principal;
	u32 reserved;
};

/*
 * Processes outside of sessions whose sockets a rule let a session connect to, by their number. Full: the one that was spoken with
 * longest ago goes, and what it starts is not told.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DELEGATES_MAX);
	__type(key, u32);
	__type(value, struct delegate);
} delegates SEC(".maps");

enum socket_flag {
	SOCKET_HOST = 1,     /* of the host's own network: what resolvers answer counts */
	SOCKET_ORDINARY = 2, /* TCP or UDP, whose headers the kernel writes */
	SOCKET_CUT = 8,	     /* nothing leaves it any more */
	SOCKET_LOOKS = 16,   /* what it asks for is looked at */
	SOCKET_HELD = 32,    /* it was there before its process was a session's */
	SOCKET_ASKED = 64,   /* connect(2) was let go where `allowed` says; its first packet is to come */
};

enum socket_limits {
	QUESTIONS = 8, /* that are remembered until they are answered; those before them are not learned from */
};

/* Whose a socket is, and what was decided about it. race: one word decides, and is written as a whole. */
struct socket_tag {
	u32 slot;
	u32 generation;
	u16 principal;
	u16 flags; /* enum socket_flag */
	u32 next;  /* TCP: the first byte that was not looked at */
	u32 first; /* and the number of the packet that began it */
	u32 space; /* network namespace */

	/* Who made it, or connected it last. */
	u64 started;
	u32 pid;
	u32 tid;
	u32 uid;
	u16 task; /* enum event_flag */
	u16 read; /* not 0: something is kept of what it said or heard: hellos, requests, talks */
	u8 comm[16];

	u64 allowed; /* prints of where, and of what decided about it: the last that was let out ... */
	u64 refused; /* ... and that was not */
	u64 until;   /* jiffies: the same refusal is not told again */
	u32 repeats;
	u32 asked; /* of the questions: the next one's place */
	u64 asking; /* when the last of them was let out (CLOCK_BOOTTIME, ns): how long names are kept counts from there */
	u64 questions[QUESTIONS]; /* prints of number, name and who was asked */
	u32 length;		  /* of the name by which it was let out; 0: none */
	/* Not 0: it accepts connections, or was accepted: its peer asked. race: a word of its own, or listen(2) could undo a flag. */
	u32 serves;
	u8 name[DOMAIN_TEXT_];
};

/* Where what a connection asks for is read. What is behind `next` of the tag has not been. */
struct hello {
	u32 begun;
	u32 decided;
	struct tls_hello tls;
};

struct request {
	u32 begun;
	u32 reserved;
	struct http http;
};

/* DNS over TCP, one way. */
struct talk {
	u32 next;
	u32 begun;
	struct dns_stream stream;
};

/*
 * Sockets of sessions, by the socket; those that a server accepts inherit (net/core/bpf_sk_storage.c). Written where a socket is
 * made, comes from elsewhere, or was there before; read with every packet.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_tag);
} sockets SEC(".maps");

/* Hellos of connections that have not ended theirs. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct hello);
} hellos SEC(".maps");

/* Requests of connections to port 80. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct request);
} requests SEC(".maps");

/* What connections to port 53 ask, and what they are answered. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct talk);
} asking SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct talk);
} answering SEC(".maps");

/*
 * Who answers for names, up to the first empty place: there are few, and to look at a place costs less than to look one up. Written
 * by user space, which leaves everybody who stays in their place. Full: user space says so.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RESOLVERS_MAX);
	__type(key, u32);
	__type(value, struct resolver);
} resolvers SEC(".maps");

/* Names by session and address. Written by the kernel. Full: the one that was asked for longest ago goes, and is learned anew. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ANSWERS_MAX);
	__type(key, struct answer_key);
	__type(value, struct answer);
} answers SEC(".maps");

/* The next session's number, and a hint where a free slot is. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct control);
} controls SEC(".maps");

/*
 * Until when (CLOCK_BOOTTIME, ns) an exec may have passed its check before the programs sat; 0 where that is past. Written by user
 * space before it attaches; read, and in the end taken away, by execs whose check was not seen.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} settled SEC(".maps");

/* Break-glass, by enum relief. Written by user space; ends by itself, also where no daemon runs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RELIEFS);
	__type(key, u32);
	__type(value, u64);
} reliefs SEC(".maps");

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
