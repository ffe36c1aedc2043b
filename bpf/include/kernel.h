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

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_generation;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
};

struct super_block {
	u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct dentry *s_root;
};

struct path {
	struct dentry *dentry;
};

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct inode *f_inode;
	struct path f_path;
};

struct mm_struct {
	struct file *exe_file;
};

struct vm_area_struct {
	struct file *vm_file;
};

struct signal_struct {
	int group_exit_code;
	struct {
		s32 counter;
	} live;
};

struct bpf_local_storage;

struct task_struct {
	struct bpf_local_storage *bpf_storage; /* NULL where nobody stored anything with the task */
	int pid;
	int tgid;
	int exit_code;
	u64 start_boottime;
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	const struct cred *cred;
	kuid_t loginuid;
	char comm[16];
};

struct linux_binprm {
	unsigned long p;
	struct file *file;
	int argc;
	const char *filename;
	const char *interp;
	unsigned long exec;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

enum kernel {
	EPERM = 1,
	ENOMEM = 12,
	EACCES = 13,

	SIGKILL = 9,
	PROT_EXEC = 4,
	VM_EXEC = 4,

	FMODE_READ = 1,
	FMODE_WRITE = 2,
	FMODE_EXEC = 0x20, /* in f_flags of an open by exec; open(2) cannot set it (fs/open.c:build_open_flags) */
	O_TRUNC = 01000,

	CLONE_THREAD = 0x10000,

	SB_KERNMOUNT = 1 << 22,
	PROC_SUPER_MAGIC = 0x9fa0,
	SYSFS_MAGIC = 0x62656572,
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
