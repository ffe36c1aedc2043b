/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What kernel and user space say to each other, besides policy (policy.h): records of the two rings, sessions, the
 * state of a task, grants, mounts, counters. Go's types are generated from this file; no number is written twice.
 *
 * Fields are fixed-width and in groups of 8 bytes; a hole is an error (-Wpadded). No unions, bitfields, pointers or
 * flexible arrays: the generator cannot show them. Text follows a record, its length in a field.
 */
#pragma once

#include "policy.h"

#pragma clang diagnostic push
#pragma clang diagnostic error "-Wpadded"

enum abi {
	ABI_VERSION = 10,
	SESSIONS_MAX = 4096,
	MOUNTS_MAX = 4096,
	LABELS_MAX = 16384,
	USERS_MAX = 65536,
	GRANTS_MAX = 16384,
	SERVERS_MAX = 16384,
	GUARDED_MAX = 64,
	WRITTEN_MAX = 131072,
	FLOODS_MAX = 4096,
	FLOOD_MOST = 1000, /* refusals of one session, operation and label that are told in a second */
	COPIES_MAX = 8192,
	COPY_PATH = 256, /* bytes of the path of what files are copies of, rounded up */
	DELEGATES_MAX = 1024,
	RESOLVERS_MAX = 64,
	ANSWERS_MAX = 32768,
	ANSWER_NAMES = 8,   /* that are known for one address, in one session; then the oldest makes room */
	DOMAIN_TEXT_ = 256, /* bytes of a domain name, rounded up */
	APPLETS_MAX = 1024,
	COMMANDS_MAX = 8192,
	COMMAND_TEXT = 1024, /* bytes of a connector's command by which it is known */
	COMMAND_PATH = 512,  /* of them, its program's path */
	COMMAND_ARGS = 256,  /* arguments */
	DECIDED_MAX = 16384,
	SKILLS_MAX = 16384,
	SKILL_FOLDER = 256, /* bytes of a skill folder's path; programs in longer ones are the agent's */
	BUILDS_MAX = 4096,
	BUILD_HEAD = 256,  /* bytes of a program that the kernel has read when it asks (BINPRM_BUF_SIZE) */
	PREFIX_MAX = 256,  /* bytes of a mount point's host path; longer ones cannot be named */
	SUBVOL_MAX = 32,   /* bytes of a btrfs subvolume's name, its end included; longer ones are cut */
	APPLET_MAX = 28,   /* bytes of an applet's name, its end included */
	NAME_MAX_ = 256,   /* bytes of a path component, rounded up */
	ALIASES_MAX = 64,  /* further names of one object that are judged with it */
	TEXT_MAX = 4096,   /* bytes of a path, and of one piece of a command line */
	DEPTH_MAX = 512,   /* components between a file and the root of its file system */
	LINE_KEEP = 65536, /* bytes of a command line that are recorded; all of it is judged */
	KEEP_ROLE = 0xffff,
	LINE_MAX_ = 8 << 20, /* bytes of a command line; the kernel's own limit is below */
};

/*
 * How the programs are attached; fixed at load, so that what another form needs is dead code to the verifier. One source
 * serves all of them.
 */
enum form {
	FORM_LSM,     /* lsm programs */
	FORM_MODIFY,  /* the same as fmod_ret on security_*, for kernels whose `lsm=` lacks bpf; nothing sleeps */
	FORM_TWICE,   /* as FORM_MODIFY, with a second look behind each check, for kernels that preempt themselves */
	FORM_NETWORK, /* tracepoints, and programs of control groups: networks alone are refused */
	FORM_OBSERVE, /* tracepoints only: nothing is refused */
};

enum event_kind {
	EVENT_NONE,
	EVENT_SESSION_START,
	EVENT_SESSION_CLAIM, /* a session made by run or adopt turned out to be this agent */
	EVENT_SESSION_END,
	EVENT_ACCESS,  /* one operation on one object, judged */
	EVENT_EXEC,    /* a program begins: its command line was judged */
	EVENT_LINE,    /* a further piece of the command line of the EVENT_EXEC before it in this task */
	EVENT_FORK,    /* a new process, not a thread */
	EVENT_EXIT,    /* the last thread of a process */
	EVENT_PRESENT, /* a process that is in a session already; the record has the layout of a fork's */
	EVENT_HELD, /* a file that was open before its process became a session's; judged, not refused. A socket: OP_NET_FAMILY */
	EVENT_NET,     /* what goes over a network, judged: a connection, a question, a packet */
	EVENT_DERIVED, /* a file that a session wrote is executed or mapped by somebody else */
};

enum event_flag {
	EVENT_APPLIED = 1,    /* the action was carried out; not set in observe mode */
	EVENT_SCRIPT = 2,     /* the object is a script: its interpreter follows */
	EVENT_THREAD = 4,     /* by a thread that does not lead its process */
	EVENT_SWITCH = 8,     /* refused by a switch of the session, whatever policy says */
	EVENT_MOVE = 32,      /* refused a new name: its label has the groups that would not hold there */
	EVENT_RELIEF = 16,    /* policy refuses it, and an administrator lets it pass for a time */
	EVENT_AGENT = 64,     /* TASK_AGENT */
	EVENT_BY_AGENT = 128, /* TASK_BY_AGENT */
	EVENT_GUARD = 256,    /* refused by what guards the sensor, whatever policy says */
	EVENT_QUESTION = 512, /* network: a name is asked for, no connection */
	EVENT_COPY = 1024,    /* judged as what it is a copy of: the object is that one's name, a NUL, and its own */
};

/* First in every record. Who, from the kernel's own state at the moment of the act. */
struct event_header {
	__u32 size; /* of record and text */
	__u16 kind;
	__u16 op;

	__u64 time;    /* CLOCK_BOOTTIME, ns */
	__u64 session; /* id; never reused within a boot */
	__u64 started; /* of the process: start_boottime, ns; with pid it names a process for ever */

	__u32 pid; /* of the process, in the first pid namespace */
	__u32 tid;
	__u32 uid;
	__u32 agent; /* of the catalogue, of the session */

	__u16 slot;
	__u16 principal;
	__u16 role;
	__u16 taints;

	__u8 action;
	__u8 view;
	__u16 flags;
	__s32 error; /* what the caller saw, negative errno; 0 where it went on */

	__u64 policy; /* generation of the table that decided */
	__u8 comm[16];
};

struct event_session {
	struct event_header head;
	__u64 parent;  /* session id; 0 where it has none */
	__u64 refused; /* as struct session */
	__u64 folded;
	__u32 loginuid; /* (u32)-1 where there is none */
	__u32 cause;	/* enum session_cause */
};

enum session_cause {
	CAUSE_EXEC,  /* the catalogue matched */
	CAUSE_ADOPT, /* reeve run or adopt */
	CAUSE_SEED,  /* it ran before the sensor */
	CAUSE_BUILD, /* a build that is an agent's was executed under another name */
};

struct event_access {
	struct event_header head;
	__u64 label[LABEL_WORDS];
	__u64 inode;
	__u32 device;
	__u32 inode_generation;
	__u32 wanted;  /* open: f_flags; map: prot */
	__u32 text;    /* bytes that follow: the object */
	__u64 repeats; /* acts like this one by its process since the last that was recorded */
};

/* Why a network's answer is not what the rules alone say. */
enum net_reason {
	NET_BY_RULE,
	NET_NO_NAME,	 /* no answer gave a name for the address: it is judged by its number */
	NET_OTHER_NAME,	 /* the name that is asked for is none that an answer gave for the address */
	NET_HELLO,	 /* a ClientHello that has no name, or is none; reason's own number is in detail */
	NET_REQUEST,	 /* an HTTP request, likewise */
	NET_QUESTION,	 /* what goes to port 53 and is no plain question */
	NET_RECORD_TYPE, /* a question for what tunnels: neither A nor AAAA */
	NET_RESOLVER,	 /* a question to somebody who is no resolver of this machine */
	NET_QUIC,	 /* by UDP to a port of TLS: what it asks for is encrypted */
	NET_OPTIONS,	 /* IP options, or a header behind the first */
	NET_UNREAD,	 /* what a connection sends could not be read, or not in its order */
	NET_PORT_53,	 /* a session may not answer names itself */
};

/* What goes over a network. Who: the process that made the socket, or that connected it last. */
struct event_net {
	struct event_header head;
	__u64 label;
	__u64 cookie;	  /* of the socket (net/core/sock_diag.c); never given out twice */
	__u64 repeats;	  /* as of struct event_access */
	__u8 address[16]; /* of the other end; of this one where it listens. IPv4 mapped; zeros where there is none */
	__u32 space;	  /* inode of the network namespace */
	__u32 reason;	  /* enum net_reason */
	__u32 detail;	  /* enum tls_reason, http_reason, dns_reason; or the type that a question is for */
	__u16 port;
	__u16 local;	/* port of this end */
	__u32 protocol; /* IPPROTO_... */
	__u32 text;	/* bytes that follow: the domain name; none where there is none */
};

/*
 * What a session brought about and somebody else runs. Session and principal are those that did; pid, uid and comm are who runs it. op
 * is OP_EXEC or OP_EXEC_MAP of what the session wrote, OP_UNIX_CONNECT of what a server starts that the session spoke with.
 */
struct event_derived {
	struct event_header head;
	__u64 by;    /* session that runs it; 0 outside of all */
	__u64 since; /* CLOCK_BOOTTIME, ns: when it was written, or the server spoken with */
	__u64 inode;
	__u32 device;
	__u32 inode_generation;
	__u32 text;    /* bytes that follow: the object */
	__u32 server;  /* process that was spoken with; else 0 */
	__u64 repeats; /* execs of the file since the last that was recorded */
};

struct event_exec {
	struct event_header head;
	__u64 label[LABEL_WORDS];
	__u64 length;  /* of the whole command line as judged */
	__u32 argc;    /* argv[0] included, as the program gets it */
	__u32 skipped; /* arguments before the first that was judged: argv[0], and what `#!` put in */
	__u32 name;    /* bytes that follow: last component of the object, then `text` bytes of raw argv */
	__u32 text;
};

struct event_line {
	struct event_header head;
	__u64 offset; /* of this piece in raw argv */
	__u32 text;
	__u32 last;
};

struct event_process {
	struct event_header head;
	__u64 parent_started; /* fork: of the parent process */
	__u32 parent_pid;
	__s32 status; /* exit: as wait(2) gives it */
};

enum session_switch {
	SWITCH_DENY_ALL = 1,
	SWITCH_ISOLATE = 2,
	SWITCH_FREEZE = 4,
	SWITCH_KILL = 8, /* and no process is born in it, as with the next one */
	SWITCH_NO_FORK = 16,
};

enum session_flag {
	SESSION_UNCLAIMED = 1, /* by run or adopt: the first agent that its first process executes names it */
	SESSION_OBSERVE = 2,   /* records, refuses nothing, whatever the role's mode */
	SESSION_HOST = 4,      /* of a host entry: agents it starts are child sessions */
};

/* An agent of no catalogue: the sensor's own child, by which it sees each operation refused. */
#define AGENT_CANARY 0xffffffffu

/*
 * One session. A slot is free where tasks is 0. generation changes each time the slot is given out, so a stale
 * reference is noticed.
 */
struct session {
	__u64 id;
	__u64 started; /* CLOCK_BOOTTIME, ns */
	__u64 parent;  /* session id */

	__u32 generation;
	__u32 tasks; /* threads alive */
	__u32 agent; /* of the catalogue; 0 unknown */
	__u32 role;  /* index in the table */
	__u32 uid;
	__u32 loginuid;
	__u32 flags;
	__u32 switches;
	__u32 taints;
	__u32 parent_slot;
	__u32 root_pid;
	__u32 cause;
	__u32 only;  /* load whose programs alone obey `denied` here; 0: all of them */
	__u32 swept; /* number of the sweep that found somebody in it last */

	__u64 root_started;
	__u64 refused; /* verdicts that were carried out */
	__u64 denied;  /* bits of enum op: refused whatever policy says */
	__u64 relief;  /* CLOCK_BOOTTIME, ns: until then policy refuses nothing here */
	__u64 seen;    /* bits of enum op: judged here at least once */
	__u64 folded;  /* acts that were counted with an earlier one like them, and not recorded */
};

enum task_flag {
	TASK_AGENT = 1,	   /* runs the agent's own image: no other program was executed since */
	TASK_BY_AGENT = 2, /* its program was executed by the agent's own image */
	TASK_TOLD = 3,	   /* those of which records tell: EVENT_AGENT, EVENT_BY_AGENT */
	TASK_APPLET = 4,   /* the agent's image, as one of its applets: what that starts is no connector */
};

/* Whether a task is in session.tasks: goes one way only, each step by one who compared. */
enum task_counted {
	TASK_NEW,
	TASK_COUNTED,
	TASK_LEFT, /* it has ended; what is left of it is never counted again */
};

/* Per thread, inherited at task_alloc. */
struct task_state {
	__u32 slot;
	__u32 generation;
	__u16 principal;
	__u16 flags;
	__u32 execs; /* programs executed since the session began, down this line */

	__u32 counted; /* enum task_counted */
	__u32 reserved;

	__u64 opened; /* FORM_TWICE: what the last check of an open and of a map looked at */
	__u64 mapped;
};

/* Whose session something is. */
struct owner {
	__u32 slot;
	__u32 generation;
};

/* A file that a session wrote. */
struct written_key {
	__u64 inode;
	__u32 device;
	__u32 generation; /* of the inode */
};

struct written_by {
	__u64 session; /* id */
	__u64 time;    /* CLOCK_BOOTTIME, ns: of the first open for writing by that principal */
	__u16 principal;
	__u16 repeats; /* execs by others that were not told */
	__u32 told;    /* jiffies: until then another one is not told; 0 before the first */
};

/* What user space knows of a file with the same bytes as a program, by the file's struct written_key. */
struct copy {
	__u64 size; /* of both */
	__u32 length;
	__u32 reserved;
	__u8 path[COPY_PATH]; /* of the program, in the host's view */
};

/*
 * Who answers for names, on the host's own network. Written by user space. IPv4 mapped. race: whoever reads while it is written may
 * find words of two addresses; the seal is the address's two words, one over the other, and goes with one address alone.
 */
struct resolver {
	__u8 address[16];
	__u64 seal;
};

/* A name that an answer gave an address, to one session. Index: the names of one address are asked for one after the other. */
struct answer_key {
	__u32 slot;
	__u32 generation;
	__u8 address[16];
	__u32 index;
	__u32 reserved;
};

struct answer {
	__u64 expires; /* CLOCK_BOOTTIME, ns; 0 while it is written */
	__u32 length;
	__u32 more;		 /* the address has a name of the next index, or had */
	__u8 name[DOMAIN_TEXT_]; /* as include/net/domain.h spells it; zeros in its last word */
};

/* What an exec of an agent's program turned out to be. */
enum exec_became {
	EXEC_BEGAN = 1,	 /* a session, or the agent that one was made for */
	EXEC_APPLET = 2, /* the agent's own program, by the name of another one that it has inside */
};

/* From bprm_check to bprm_committed_creds of one exec. */
struct exec_state {
	__u64 last;	   /* inode of the file that was checked last: an interpreter's */
	__u32 argc;	   /* before `#!` changed it */
	__u32 agent;	   /* 0 where the catalogue does not match */
	__u32 interpreter; /* what was checked last runs scripts that may be agents */
	__u32 depth;	   /* interpreters */
	__u32 name;	   /* bytes */
	__u32 written;	   /* it, or an interpreter of it, was written by a session, or is no file */
	__u32 built;	   /* the agent is known by its build: the catalogue does not name the file */
	__u32 done;   /* its line was judged: by the other one of two sets of programs, in the moment of an upgrade */
	__u32 became; /* enum exec_became */
	__u32 skill;  /* in whose folder it lies, or an interpreter of it */
	__u8 text[NAME_MAX_];
};

/*
 * A connector's command, as an agent's own program executes it: whose session, the program, and the arguments behind argv[0],
 * each with its NUL. Compared whole. The program is the host's path of what is executed; or, as a configuration may name it, the
 * last component of what the agent asked to execute, whatever that led to. What is longer than its room has its true number of
 * arguments, the text as far as it goes, and COMMAND_LONGER.
 *
 * One that is left open to a variable has COMMAND_OPEN, and is there twice: as the name alone, with a struct start whose size is
 * how many bytes of the arguments are certain, and with these bytes, `fixed` being their number. Where that is none it is there once.
 */
struct command {
	__u32 uid; /* of the session, or COMMAND_ANYONE */
	__u32 argc;
	__u32 length; /* of the text; what follows it is zeros */
	__u32 fixed;  /* of the arguments, where the command is left open; else 0 */
	__u8 text[COMMAND_TEXT];
};

#define COMMAND_ANYONE 0xffffffffu
#define COMMAND_LONGER 0xffffffffu
#define COMMAND_OPEN 0xfffffffeu

enum start_flag {
	START_APPROVED = 1, /* an ask is answered */
	START_REVOKED = 2,  /* refused, whatever policy allows */
	START_PINNED = 4, /* what it runs is known by its content, if the program is still the one that was looked at */
	START_OTHER = 8,  /* its content is not what the policy declares: held by the rules, and meant by no name */
};

/* What user space knows of a command: which connector it is, and what was decided about it. */
struct start {
	__u16 principal; /* 0: one that the policy does not declare */
	__u16 flags;	 /* enum start_flag */
	__u32 changed_ns;
	__u64 inode; /* of the program that was looked at, its file system, when it was last changed (ctime), and its size */
	__s64 changed;
	__u64 size;
	__u32 device;
	__u32 reserved;
};

/* Whose decision about which agent. The value is what was decided: enum start_flag. */
struct decided_key {
	__u32 uid;   /* of the session, or COMMAND_ANYONE */
	__u32 agent; /* of the catalogue */
};

/* A skill's SKILL.md. What user space knows of it is a struct start, pinned to the file that was looked at. */
struct skill_key {
	__u64 inode;
	__u32 device;
	__u32 reserved;
};

/* The folder of a declared skill, by its path in the host; what follows the text is zeros. */
struct skill_folder {
	__u32 length;
	__u8 text[SKILL_FOLDER];
};

/* An exec by an agent's own program, from its check to its commit. */
struct starting {
	struct start file;  /* what is executed */
	struct start known; /* and what user space knows of it */
	__u32 length;	    /* of its path, NUL included; 0 where it has none by which a connector could be known */
	__u32 reserved;
	__u8 path[COMMAND_PATH];
	struct command command;
	__u8 slack[COMMAND_TEXT]; /* an argument that begins in the command's text may end here */
};

/* An administrator's answer to an ask. Written by user space. */
struct grant_key {
	__u32 slot;
	__u32 generation;
	__u16 principal;
	__u16 op;
	__u32 reserved;
	__u64 object[2]; /* device, inode and generation; or a keyed 128-bit hash of a text */
};

struct grant {
	__u64 expires; /* CLOCK_BOOTTIME, ns */
	__u64 uses;
};

enum device_flag {
	DEVICE_PARTIAL = 1,   /* some mounts show a part: look for a mount point at every component */
	DEVICE_SUBVOLUME = 2, /* roots of subvolumes share an inode number: their name is in the key */
};

/* The canonical mount points of the host that show a part of a file system, written by user space. */
struct mount_key {
	__u64 inode; /* of the mount's root */
	__u32 device;
	__u32 reserved;
	__u8 subvolume[SUBVOL_MAX];
};

struct mount_point {
	__u32 length; /* 0 is the root directory */
	__u32 depth;  /* components from the mount's root to the file system's */
	__u8 prefix[PREFIX_MAX];
};

/* A file system that the host has mounted, by the first process's mountinfo; root is where it is mounted whole. */
struct device {
	__u32 flags;
	__u32 reserved;
	struct mount_point root;
};

/*
 * Names by which an agent's program serves as another one (`exec -a rg claude`): argv[0], whole. Such an exec inside the
 * agent's own session is no session of its own.
 */
struct applet {
	__u32 agent; /* of the catalogue */
	__u8 name[APPLET_MAX];
};

/*
 * A build of a native agent, as it is known without its name: how large the file is, where it begins to run (e_entry), and in
 * whose files it counts. Owner 0: in everybody's but root's.
 */
struct build_key {
	__u64 size; /* bytes */
	__u64 entry;
	__u32 owner; /* uid, in the first user namespace */
	__u32 reserved;
};

enum build_flag {
	BUILD_SHIPPED = 1, /* of the catalogue itself: it counts in root's files too */
};

struct build {
	__u32 agent;	       /* of the catalogue */
	__u32 flags;	       /* enum build_flag */
	__u8 head[BUILD_HEAD]; /* the file's first bytes, all of which are compared */
};

enum seed_mode {
	SEED_MAKE,    /* make sessions, and mark what belongs to them */
	SEED_PRESENT, /* tell the processes that are in sessions */
	SEED_CARRY,   /* take over what the maps of another ABI say of tasks */
	SEED_SWEEP,   /* note which sessions somebody lives in */
	SEED_END,     /* and end those in which nobody was found by this sweep, twice */
	SEED_SOCKETS, /* of open files: mark the sockets, and tell nothing */
};

/* What user space asks of the seeding iterator. */
struct seed {
	__u32 pid; /* adopt this process and what descends from it; 0: whatever the catalogue matches */
	__u32 agent;
	__u32 role;
	__u32 uid;
	__u32 flags;  /* enum session_flag */
	__u32 slot;   /* answer: session given out, where made is not 0 */
	__u32 made;   /* answer: sessions made */
	__u32 marked; /* answer: threads marked in this pass; pass again until it is 0 */
	__u64 after;  /* present and open files: the sessions with a higher number; end: those with none higher */
	__u64 denied; /* of struct session */
	__u32 only;   /* of struct session */
	__u32 mode;   /* enum seed_mode */
	__u32 sweep;  /* number of the sweep, for both of its passes */
	__u32 reserved;
};

/* What user space changes in one session; the context of the program change_session. */
struct change {
	__u32 slot;
	__u32 generation;
	__u32 role; /* or KEEP_ROLE */
	__u32 flags_set;
	__u32 flags_clear;
	__u32 switches_set;
	__u32 switches_clear;
	__u32 taints_set;
	__u32 taints_clear;
	__u32 release; /* threads that are counted and are none: a slot was held while its tasks were carried over */
	__u64 denied_set;
	__u64 denied_clear;
	__u64 relief; /* CLOCK_BOOTTIME, ns; 0 leaves it as it is, 1 ends it */
};

/*
 * The last act on an object that was recorded: the same one again, by the same process and under the same rules, has the
 * same answer, and is counted instead of recorded for a second.
 */
struct act {
	__u64 who;   /* print of process, subject, operation and what was wanted */
	__u64 until; /* jiffies */
	__u32 repeats;
	__s32 error;
};

/*
 * What a name was found to be: its label under one table, kept by dentry. It holds while print is what the dentry and
 * all its parents look like now, which no rename, new link, mount or reuse of memory leaves alone.
 */
struct label {
	__u64 print;
	__u64 policy; /* generation of the table */
	__u64 groups;
	__u64 check;  /* of the four words beside it: an entry may be given to another name while it is read */
	__u32 places; /* generation of the host's mounts */
	__u32 view;
	struct act acts[2]; /* by lowest bit of enum op: reading and mapping, which follow each other, do not meet */
};

/* What has no better home. Written by the kernel. */
struct control {
	__u64 next_session; /* the last number that was given out */
	__u32 next_slot;
	__u32 abi;
	__u64 delegates; /* jiffies: until then some process may act on a session's behalf */
};

/* Until when an administrator lifts what policy refuses: of the whole host, or of a role. CLOCK_BOOTTIME, ns. */
enum relief {
	RELIEF_HOST,
	RELIEF_ROLE, /* + role */
	RELIEFS = RELIEF_ROLE + ROLES_MAX,
};

/* Every place that can lose a record or decide without having looked. Shown by `reeve status`, by these names. */
enum counter {
	COUNT_VERDICTS_LOST, /* no room in the verdicts ring; the verdict held */
	COUNT_ACTIVITY_LOST, /* no room in the activity ring */
	COUNT_NO_BUFFER,     /* task storage could not be had: refused */
	COUNT_NAME_TORN,     /* renames during eight walks: refused */
	COUNT_NAME_DEEP,     /* over DEPTH_MAX components: refused */
	COUNT_NAME_LONG,     /* over TEXT_MAX bytes: refused */
	COUNT_NAME_DETACHED, /* disconnected dentry of a file system: refused */
	COUNT_NAME_FOLDED,   /* a name that its file system takes for others in ways that are not followed: refused */
	COUNT_NAME_DEVICE,   /* a device by another name than the host's in /dev: refused */
	COUNT_NAME_FORGED,   /* a subvolume that is called like one that the host has mounted: refused */
	COUNT_NO_TABLE,	     /* no policy in the map: refused */
	COUNT_STALE_SESSION, /* a task of a session that has ended: refused */
	COUNT_FORK_REFUSED,  /* state could not be inherited: fork refused */
	COUNT_SESSIONS_FULL, /* no free slot: the agent was killed at its exec */
	COUNT_LINE_UNREAD,   /* a command line could not be read: killed */
	COUNT_LINE_CUT,	     /* recorded only to LINE_KEEP bytes; all was judged */
	COUNT_CHECK_LATE,    /* a check was left out by the kernel and made behind the act: killed where it refused */
	COUNT_SESSIONS_STARTED,
	COUNT_SESSIONS_ENDED,
	COUNT_SESSIONS_SWEPT, /* ended late: their last thread's end went by unseen */
	COUNT_JUDGED,
	COUNT_REFUSED,
	COUNT_LABEL_HIT, /* labels that were not worked out anew */
	COUNT_LABEL_MISS,
	COUNT_WRITTEN,	       /* files that sessions wrote, each as it became known */
	COUNT_SOCKET_UNTAGGED, /* a session's socket could not be marked: refused, or its task killed */
	COUNT_PACKETS_DROPPED, /* what a session sent and was not let out */
	COUNT_NAMES_LEARNED,   /* addresses that answers gave a name */
	COUNT_NAMES_DROPPED,   /* addresses of answers that are private, or for which there was no room */
	COUNT_CONNECTORS,      /* that agents started, or were refused */
	COUNT_VERDICTS_FLOOD, /* refusals, asks and audits beyond what is told of one kind in a second; with `folded` of their session */
	COUNTERS,
};

#pragma clang diagnostic pop

_Static_assert(sizeof(struct table_engine) == 544, "struct table_engine");
_Static_assert(sizeof(struct table_future) == 24, "struct table_future");
_Static_assert(sizeof(struct table_header) == 2568, "struct table_header");
_Static_assert(sizeof(struct table_role) == 152, "struct table_role");
_Static_assert(sizeof(struct table_row) == 1152, "struct table_row");
_Static_assert(sizeof(struct event_header) == 88, "struct event_header");
_Static_assert(sizeof(struct event_session) == 120, "struct event_session");
_Static_assert(sizeof(struct event_access) == 152, "struct event_access");
_Static_assert(sizeof(struct event_net) == 152, "struct event_net");
_Static_assert(sizeof(struct event_derived) == 136, "struct event_derived");
_Static_assert(sizeof(struct written_by) == 24, "struct written_by");
_Static_assert(sizeof(struct resolver) == 24, "struct resolver");
_Static_assert(sizeof(struct answer_key) == 32, "struct answer_key");
_Static_assert(sizeof(struct answer) == 272, "struct answer");
_Static_assert(sizeof(struct event_exec) == 144, "struct event_exec");
_Static_assert(sizeof(struct event_line) == 104, "struct event_line");
_Static_assert(sizeof(struct event_process) == 104, "struct event_process");
_Static_assert(sizeof(struct session) == 128, "struct session");
_Static_assert(sizeof(struct label) == 88, "struct label");
_Static_assert(sizeof(struct task_state) == 40, "struct task_state");
_Static_assert(sizeof(struct exec_state) == 304, "struct exec_state");
_Static_assert(sizeof(struct mount_key) == 48, "struct mount_key");
_Static_assert(sizeof(struct build_key) == 24, "struct build_key");
_Static_assert(sizeof(struct build) == 264, "struct build");
_Static_assert(sizeof(struct table_agent) == 16, "struct table_agent");
_Static_assert(sizeof(struct command) == 1040, "struct command");
_Static_assert(sizeof(struct start) == 40, "struct start");
_Static_assert(sizeof(struct skill_key) == 16, "struct skill_key");
_Static_assert(sizeof(struct skill_folder) == 260, "struct skill_folder");
_Static_assert(sizeof(struct copy) == 272, "struct copy");
