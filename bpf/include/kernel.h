/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's structs, only the fields that are read; CO-RE finds them in the running kernel. Flavours (___name) are
 * the shapes of other versions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	u32 val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct qstr {
	union {
		struct {
			u32 hash;
			u32 len;
		};
	};
	const unsigned char *name;
};

struct super_block;
struct address_space;

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	long long i_size;
	unsigned int i_nlink;
	struct hlist_head i_dentry;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_flags;
	u32 i_rdev;
	u32 i_generation;
	struct address_space *i_mapping;
	long long i_ctime_sec; /* since 6.11 */
	u32 i_ctime_nsec;
};

struct timespec64 {
	long long tv_sec;
	long tv_nsec;
};

/* Before, and before 6.6. */
struct inode___six {
	struct timespec64 __i_ctime;
};

struct inode___before {
	struct timespec64 i_ctime;
};

typedef struct seqcount {
	unsigned int sequence;
} seqcount_t;

typedef struct seqcount_spinlock {
	seqcount_t seqcount;
} seqcount_spinlock_t;

enum {
	NAME_SHORT = 32, /* names of fewer bytes lie in their dentry (DNAME_INLINE_LEN is this or more) */
};

struct dentry {
	unsigned int d_flags;
	seqcount_spinlock_t d_seq;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	unsigned char d_iname[NAME_SHORT];
	struct super_block *d_sb;
	void *d_fsdata;		   /* of the file system's own */
	struct hlist_node d_alias; /* since 6.18 */
};

union dentry_alias {
	struct hlist_node d_alias;
};

/* Before: beside d_rcu and others. */
struct dentry___before {
	union dentry_alias d_u;
};

/* In 6.18 and newer, for d_iname. */
union shortname_store {
	unsigned char string[NAME_SHORT];
};

struct dentry___shortname {
	union shortname_store d_shortname;
};

struct unicode_map;

struct super_block {
	struct unicode_map *s_encoding; /* where the kernel is built with it */
	u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct dentry *s_root;
};

struct vfsmount {
	struct dentry *mnt_root;
	int mnt_flags;
};

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct mount {
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct iattr {
	unsigned int ia_valid;
};

struct mnt_idmap;
struct kernel_siginfo;
struct perf_event_attr;
struct sockaddr;
struct posix_acl;
struct file_kattr;

struct address_space {
	struct inode *host;
};

struct file_ra_state {
	unsigned int size;
};

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct address_space *f_mapping;
	struct inode *f_inode;
	struct path f_path;
	struct file_ra_state f_ra;
};

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start;
	unsigned long task_size;
	unsigned long saved_auxv[1]; /* pairs, as many as the kernel has */
};

struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
};

struct tty_driver {
	int major;
	int minor_start;
};

struct tty_struct {
	struct tty_driver *driver;
	int index;
};

struct signal_struct {
	struct tty_struct *tty;
	int group_exit_code;
	struct {
		s32 counter;
	} live;
};

struct bpf_local_storage;
struct net;

struct nsproxy {
	struct net *net_ns;
};

struct task_struct {
	struct bpf_local_storage *bpf_storage; /* NULL where nobody stored anything with the task */
	unsigned int flags;
	int pid;
	int tgid;
	int exit_code;
	u64 start_boottime;
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	const struct cred *cred;
	unsigned int personality;
	kuid_t loginuid;
	char comm[16];
};

struct linux_binprm {
	unsigned long p;
	struct file *executable; /* where its interpreter gets a descriptor of it */
	struct file *file;
	int argc;
	const char *filename;
	const char *interp;
	unsigned long exec;
	char buf[256]; /* the first bytes of file (BINPRM_BUF_SIZE), zeros behind a shorter one */
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	struct {
		u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	unsigned short skc_family;
	u16 skc_num; /* this end's port */
	volatile unsigned char skc_state;
	u32 skc_rcv_saddr;
	struct in6_addr skc_v6_rcv_saddr;
	possible_net_t skc_net;
};

struct upid {
	int nr;
};

struct pid {
	struct upid numbers[1];
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_type;
	u16 sk_protocol;
	struct pid *sk_peer_pid;
};

struct socket {
	struct sock *sk;
};

struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[];
};

struct unix_sock {
	struct unix_address *addr;
	struct path path;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

enum kernel {
	EPERM = 1,
	EAGAIN = 11,
	ENOMEM = 12,
	EACCES = 13,
	ERRNO_MAX = 4095,

	SIGKILL = 9,
	PROT_READ = 1,
	PROT_EXEC = 4,
	VM_EXEC = 4,

	FMODE_READ = 1,
	FMODE_WRITE = 2,
	FMODE_PATH = 0x4000,
	FMODE_EXEC = 0x20, /* in f_flags of an open by exec; open(2) cannot set it (fs/open.c:build_open_flags) */
	O_TRUNC = 01000,
	O_PATH = 010000000,
	S_IFMT = 0170000,
	S_IFSOCK = 0140000,
	S_IFREG = 0100000,
	S_IFBLK = 0060000,
	S_IFLNK = 0120000,
	S_IFDIR = 0040000,
	S_IFCHR = 0020000,

	/* include/linux/fs.h */
	ATTR_MODE = 1,
	ATTR_UID = 2,
	ATTR_GID = 4,
	ATTR_SIZE = 8,
	ATTR_ATIME = 16,
	ATTR_MTIME = 32,
	ATTR_FORCE = 512,  /* the kernel's own: a write takes set-user-id away */
	ATTR_OPEN = 32768, /* part of an open with O_TRUNC */
	RENAME_EXCHANGE = 2,

	/* include/linux/mount.h, include/uapi/linux/mount.h */
	MNT_SHARED = 0x1000,
	MS_REMOUNT = 32,
	MS_MOVE = 8192,
	MS_SPREADING = 1 << 17 | 1 << 18 | 1 << 19 | 1 << 20, /* unbindable, private, slave, shared */

	/* include/linux/ptrace.h */
	PTRACE_MODE_NOAUDIT = 4,

	/* include/linux/perf_event.h, include/linux/kernel_read_file.h */
	PERF_SECURITY_KERNEL = 2,
	READING_MODULE = 2,

	/* include/uapi/asm-generic/ioctls.h */
	TIOCSTI = 0x5412,
	TIOCLINUX = 0x541c, /* pastes, among others */

	AF_UNIX = 1,
	AF_INET = 2,
	AF_INET6 = 10,

	ETH_P_IP = 0x0800,
	ETH_P_IPV6 = 0x86dd,
	PORT_DNS = 53,
	PORT_HTTP = 80,
	PORT_TLS = 443,

	SOCK_STREAM = 1,
	SOCK_DGRAM = 2,
	IPPROTO_TCP = 6,
	IPPROTO_UDP = 17,
	SUN_PATH_MAX = 108, /* include/uapi/linux/un.h */

	PF_EXITING = 4, /* set before sched_process_exit */
	CLONE_THREAD = 0x10000,
	READ_IMPLIES_EXEC = 0x0400000, /* personality(2) */

	SB_KERNMOUNT = 1 << 22,
	PROC_SUPER_MAGIC = 0x9fa0,
	SYSFS_MAGIC = 0x62656572,
	DEVPTS_SUPER_MAGIC = 0x1cd1,
	MSDOS_SUPER_MAGIC = 0x4d44,
	DCACHE_OP_COMPARE = 2, /* names are compared by the file system */
	S_CASEFOLD = 1 << 15,
	NO_UID = -1,
};

#define SB_NOUSER (1ul << 31)

/*
 * The lesser of value and a constant. verifier: 6.1 does not connect a value with its copy that clang compared; here both
 * are one register.
 */
#define BOUNDED(value, max)                                                                 \
	({                                                                                  \
		u64 bounded_ = (value);                                                     \
		asm volatile("if %0 <= %1 goto +1\n\t%0 = %1" : "+r"(bounded_) : "i"(max)); \
		bounded_;                                                                   \
	})

/* 1 or 0 without a branch. clang would know the idiom and make a branch of it: what it sees is opaque, before and after. */
#define NONZERO(value)                                        \
	({                                                    \
		u64 nonzero_ = (value), negative_ = nonzero_; \
		asm volatile("%0 = -%0" : "+r"(negative_));   \
		nonzero_ = (nonzero_ | negative_) >> 63;      \
		asm volatile("" : "+r"(nonzero_));            \
		(u32) nonzero_;                               \
	})

/* verifier: what it knows of a value that lies in a map is lost when the value is read anew; so outcomes stay few. */
#define FORGET() asm volatile("" ::: "memory")

/*
 * Whole words, a load and a store each; bytes is a constant. verifier: arrays of bytes in typed structs may be read so. As
 * a function, for clang would go byte by byte where it sees what is no array of words.
 */
static __always_inline void copy_words(void *to, const void *from, u32 bytes)
{
	for (u32 i = 0; i < bytes / 8; i++)
		((u64 *)to)[i] = ((const u64 *)from)[i];
}
