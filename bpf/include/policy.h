/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What policy looks like to the kernel: one table, written by user space, only read here.
 *
 * A table is one value of an array map. Everything in it is found by byte offsets from its start, so a reload swaps
 * one inner map and every reader sees one generation. Layout, in order:
 *
 *   struct table_header          engines, dimensions, offsets
 *   rows of the automata         u32 words, see struct table_engine
 *   masks, folds, futures        u64 words
 *   roles                        struct table_role [roles]
 *   row index                    u16 [roles][principals][taints + 1]; 0 means "no row"
 *   rows of decisions            struct table_row [rows]; row 0 is empty
 *   agents                       struct table_agent [agents]
 *   labels of principals         u64 [principals]
 *   names                        JSON, not read by the kernel
 *
 * Included by both sides. Fields are fixed-width and in groups of 8 bytes; a hole is an error (-Wpadded).
 */
#pragma once

#include <linux/types.h>

#pragma clang diagnostic push
#pragma clang diagnostic error "-Wpadded"

/* Strictest first: the first action whose mask meets the label wins. */
enum action {
	ACTION_KILL,
	ACTION_DENY,
	ACTION_ASK,
	ACTION_AUDIT,
	ACTION_ALLOW,
	ACTIONS,
};

/*
 * The operations of the policy language, in the order of the design's table. Their objects are texts of four kinds:
 * host paths, command lines, network names and addresses, and bare names. A socket's name is a path too; one that is in no
 * file system, @NAME, is /@NAME to the table. Names, addresses and families of networks are spelt as paths, that one kind of
 * walk serves all. KEEP-SYNC net v1 (enforce/net.go)
 *
 *   net.domain   /PORT/com/example/www      labels from the right, in small letters; PORT is - where the name is looked up
 *   net.addr     /REACHED/PROTO/PORT/4HEX   REACHED is n where an answer that the session got led to the address, else a;
 *                                           PROTO tcp, udp or a number; the address in hexadecimal behind a 4 or a 6
 *   net.listen   the same, with REACHED a
 *   net.family   /AF_INET/SOCK_RAW/1        and the protocol's number
 *
 * An id is never reused.
 */
enum op {
	OP_NONE,
	OP_EXEC,
	OP_EXEC_MAP,
	OP_EXEC_WRITTEN,
	OP_EXEC_ANONYMOUS,
	OP_FILE_READ,
	OP_FILE_WRITE,
	OP_FILE_CREATE,
	OP_FILE_DELETE,
	OP_FILE_RENAME,
	OP_FILE_ATTR,
	OP_PROC_SIGNAL,
	OP_PROC_TRACE,
	OP_UNIX_CONNECT,
	OP_PATH_LAST = OP_UNIX_CONNECT,

	OP_EXEC_ARGV = 16,
	OP_LINE_LAST = OP_EXEC_ARGV,

	OP_NET_DOMAIN = 20,
	OP_NET_ADDR,
	OP_NET_LISTEN,
	OP_NET_FAMILY,

	OP_PRIV_SETUID = 28,
	OP_PRIV_MOUNT,
	OP_PRIV_USERNS,
	OP_PRIV_BPF,
	OP_PRIV_MODULE,

	OP_CONNECTOR_START = 36,
	OP_SKILL_LOAD,
	OP_AGENT_START,
	OP_AGENT_REMOTE,
	OP_TOOL_CALL,
	OPS = 48,
};

/* Which view of an object a text is; chosen by the hook, spelled out in events. */
enum view {
	VIEW_HOST,    /* a path in the host's view */
	VIEW_FOREIGN, /* a path inside a file system that the host has not mounted: no rule matches, a default decides */
	VIEW_NAMELESS, /* memfd, pipe and the like: the kernel's own name */
	VIEW_REFUSED,  /* could not be named: refused for sessions in enforce mode, and counted */
	VIEWS,
};

enum policy_limits {
	TABLE_MAGIC = 0x52564534, /* "RVE4" */
	ENGINE_AUTOMATA = 3,	  /* A anchored, B unanchored, C the few awkward shapes */
	PATH_WORDS = 1,		  /* 64 groups in the path table ... */
	LINE_WORDS = 4,		  /* ... 256 in the command-line table */
	LABEL_WORDS = 4,
	PATH_OPS = 16,
	NET_OPS = 4,  /* from OP_NET_DOMAIN on */
	NAME_OPS = 4, /* from OP_CONNECTOR_START on */
	ROLES_MAX = 64,
	PRINCIPALS_MAX = 64,
	TAINTS_MAX = 16,
	AGENTS_MAX = 64,
	ATOMS_MAX = 64,
};

/*
 * Principals below PRINCIPAL_FIRST are fixed; declared connectors and skills follow in the policy's order. Who acts is the number,
 * and PRINCIPAL_UNPINNED where what runs is not known by its content: then it may do what the agent may do too, and no more.
 */
enum principal {
	PRINCIPAL_ANY, /* the rows of rules without a principal */
	PRINCIPAL_AGENT,
	PRINCIPAL_WRITTEN,
	PRINCIPAL_FIRST,
	PRINCIPAL_UNPINNED = 0x8000,
};

/* In a state's lowest bits, which its offset leaves free. */
enum state_mark {
	STATE_IDLE = 1, /* all bytes but '/' lead back to it */
};

/*
 * Three automata over one alphabet. A state is the byte offset of its row from the start of the table. A row is
 *
 *   word 0       accept set id (low 16 bits) and emission set id (high 16 bits); ids index masks
 *   word 1       future id; of a state in which no component begins, one that tells nothing: all bits
 *   word 2 ...   next state, one word a byte class; STATE_IDLE is set where no byte but '/' leads on from it
 *
 * column[b] is the byte offset, within a row, of the next state for byte b. mask 0 is empty. A mask is
 * u64 groups[words], then P and N: bits of atoms, whose rule matched or whose except did. After the text the label is
 * groups | fold(P & ~N), where folds is u64 [8][256][words]: one look-up a byte of P & ~N.
 *
 * Emission sets are OR-ed into a register when a byte that emits is read in the state: '/' in paths, every byte in
 * command lines. They are how sticky patterns cost no states. The accept sets of the last states join them at the end.
 *
 * futures is struct table_future[], by id; 0 is empty. It is asked where a folder moves: both its names are walked, a '/'
 * behind them too, and what lies below may then lose
 *
 *   in each automaton whose states differ   reach of the old state, buts of the new one
 *   by the register                         groups of the old one, fold(P & ~N) of atoms that are live in the old one
 *                                           and not in the new one, fold(N) of atoms that only the new one excepts
 *
 * but for the groups of the new register and those that the new states hold, in each automaton: they are below whatever
 * follows. What it may gain is the same the other way round. Both are upper bounds. KEEP-SYNC move v1 (enforce/match/move.go, enforce/move.go)
 */
struct table_engine {
	__u16 column[256];
	__u32 start[ENGINE_AUTOMATA];
	__u32 masks;   /* byte offset */
	__u32 folds;   /* byte offset; 0 where there is no atom */
	__u32 words;   /* of a label */
	__u32 futures; /* byte offset; 0 where not computed */
	__u32 reserved;
};

/* What a state finds below a folder beyond what is found below every folder. Groups of paths alone. */
struct table_future {
	__u64 reach; /* groups that may be found, or are held for good */
	__u64 buts;  /* groups of rules that an except may take back */
	__u64 holds; /* groups that all has below, whatever it is */
};

/* Sockets that need no walk. KEEP-SYNC family v1 (enforce/net.go) */
enum everyday {
	EVERYDAY_TCP, /* of IPv4 */
	EVERYDAY_UDP,
	EVERYDAY_TCP6,
	EVERYDAY_UDP6,
	EVERYDAY_STREAM, /* of AF_UNIX */
	EVERYDAY_DATAGRAM,
	EVERYDAY = 8, /* a power of two */
};

struct table_header {
	__u32 magic;
	__u32 bytes;	  /* used of the value */
	__u64 generation; /* of the policy; in every verdict */
	__u64 tainting;	  /* groups of rules that mark a session which reads: all of marks */

	struct table_engine paths;
	struct table_engine lines;
	struct table_engine
		agents; /* executed paths, and scripts, to agents: bit i of the label is row i of agent_table */
	struct table_engine nets; /* names, addresses and families, spelt as paths: 64 groups of their own */

	__u32 roles; /* counts */
	__u32 principals;
	__u32 taints;
	__u32 agent_count;

	__u32 role_table; /* byte offsets */
	__u32 row_index;
	__u32 row_table;
	__u32 agent_table;

	__u32 names; /* offset and bytes of what user space calls the numbers; for the daemon that comes after */
	__u32 names_size;

	__u32 principal_table; /* byte offset of u64 [principals]: the groups of each one's declared name; of the first, those of `?` */
	__u32 reserved;

	__u64 marks[TAINTS_MAX]; /* groups that set each taint, where what was asked to read was not refused */

	/* Groups that refuse each operation whatever the role's mode and whoever lifts what policy refuses; OP_NONE: any of them. */
	__u64 guards[PATH_OPS];

	__u64 everyday[EVERYDAY]; /* groups of the sockets that nearly all are, by enum everyday */
};

/* What a role refuses on files that no rule names. */
enum closed {
	CLOSED = 1,	    /* some operation */
	CLOSED_WRITING = 2, /* writing, or making a name */
};

/* What a role decides by itself: its mode and what holds where no rule matched. */
struct table_role {
	__u32 enforce;	    /* 0 observes */
	__u32 closed;	    /* enum closed */
	__u8 fallback[OPS]; /* action per operation */
	__u8 foreign[OPS];  /* action per operation for VIEW_FOREIGN */
	__u8 nameless[OPS]; /* action per operation for VIEW_NAMELESS */
};

/*
 * One mask per action and operation. Rows of role, principal and taints are OR-ed action by action.
 *
 * The last four judge moves. Refused are those that may lose a refusing group, and in a closed role also those that may gain
 * an allowing one; and those of folders below which a barring group may be gained, or a writable one lost.
 */
struct table_row {
	__u64 paths[PATH_OPS][ACTIONS];
	__u64 lines[ACTIONS][LINE_WORDS];
	__u64 nets[NET_OPS][ACTIONS];
	__u64 names[NAME_OPS][ACTIONS];
	__u64 refusing; /* path groups that kill, deny or ask on some operation */
	__u64 allowing; /* path groups that audit or allow some operation that the role refuses where no rule matches */
	__u64 barring;	/* refusing ones, of writing and making names alone */
	__u64 writable; /* allowing ones, likewise */
};

enum agent_flag {
	AGENT_HOST = 1,		/* only contains: the agents it starts are child sessions, it does not nest in itself */
	AGENT_OBSERVE = 2,	/* sessions of this agent begin in observe mode, whatever the role says */
	AGENT_RELAUNCH = 4,	/* starts itself once more as its child, which goes on with the session */
	AGENT_SCRIPT = 8,	/* the row is of names that interpreters are given, not of what is executed */
	AGENT_INTERPRETER = 16, /* the row is no agent: it runs scripts that may be one */
};

struct table_agent {
	__u32 id; /* of the catalogue; index + 1, 0 is "no agent" */
	__u32 flags;
	__u64 groups; /* of its name */
};

#pragma clang diagnostic pop
