/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which text names a file: its path in the host's view, whatever the task did to its own view.
 *
 * The path inside the file system is walked from the dentry to the superblock's root; mounts cannot influence it. In
 * front of it goes the host's canonical mount point of that file system. So a bind mount, a second mount, chroot,
 * pivot_root, a mount or user namespace, a descriptor from elsewhere and /proc/PID/root give the same name; a rename
 * gives the new one; a hard link the link's own; an unlinked file its last. A file system that the host did not mount
 * has no host name (VIEW_FOREIGN); memfd and the like have none at all (VIEW_NAMELESS).
 */
#pragma once

#include "task.h"

/* kernel: fs/dcache.c; its first word is the sequence. Needs kallsyms, else every name is refused as torn. */
extern void rename_lock __ksym __weak;

enum name_end {
	NAME_TORN,     /* a rename moved something meanwhile */
	NAME_ROOT,     /* at the root of the file system, or at a mount point of a part of it */
	NAME_DETACHED, /* at a dentry that is its own parent, and not the root */
	NAME_DEEP,
	NAME_LONG,
};

/* Names end here, with a NUL for the walk. */
#define TEXT_END (TEXT_MAX - 1)

struct name_walk {
	struct dentry *dentry;
	struct dentry *root;
	struct buffer *buffer;
	u32 offset;
	u32 end;   /* enum name_end */
	u32 flags; /* of the device */
	u32 device;
	struct device *host; /* NULL where the host has not mounted the file system */
	struct mount_point *mount;
};

/*
 * One read takes what is needed of a dentry: d_parent and the d_name behind it. verifier: offsets are constants after
 * relocation, kept inside.
 */
struct dentry_head {
	u8 raw[32];
};

#define HEAD_BEGIN bpf_core_field_offset(struct dentry, d_parent)
#define HEAD_FIELD(head, type, field)                                                          \
	(*(type *)((head)->raw + ((bpf_core_field_offset(struct dentry, field) - HEAD_BEGIN) & \
				  (sizeof(struct dentry_head) - sizeof(type)))))

static __always_inline struct mount_point *mount_at(struct name_walk *w, const struct dentry *dentry)
{
	struct mount_key key = { .device = w->device };

	key.inode = BPF_CORE_READ(dentry, d_inode, i_ino);
	if (w->flags & DEVICE_SUBVOLUME)
		bpf_probe_read_kernel_str(key.subvolume, sizeof(key.subvolume), BPF_CORE_READ(dentry, d_name.name));
	return bpf_map_lookup_elem(&mounts, &key);
}

/* bound: DEPTH_MAX components, TEXT_MAX bytes; past either the name is refused. */
static long name_step(u32 index, struct name_walk *w)
{
	struct dentry *dentry = w->dentry;
	struct dentry_head head;
	struct dentry *parent;
	u32 length;

	if (w->flags & DEVICE_PARTIAL) {
		w->mount = mount_at(w, dentry);
		if (w->mount) {
			w->end = NAME_ROOT;
			return 1;
		}
	}
	if (dentry == w->root) {
		w->end = NAME_ROOT;
		return 1;
	}
	if (bpf_probe_read_kernel(&head, sizeof(head), (void *)dentry + HEAD_BEGIN)) {
		w->end = NAME_TORN;
		return 1;
	}
	parent = HEAD_FIELD(&head, struct dentry *, d_parent);
	if (parent == dentry) {
		w->end = NAME_DETACHED;
		return 1;
	}
	length = HEAD_FIELD(&head, u32, d_name.len);
	if (length >= NAME_MAX_ || w->offset < length + 1) {
		w->end = NAME_LONG;
		return 1;
	}
	w->offset -= length;
	bpf_probe_read_kernel(w->buffer->text + (w->offset & (TEXT_MAX - 1)), length & (NAME_MAX_ - 1),
			      HEAD_FIELD(&head, unsigned char *, d_name.name));
	w->offset--;
	w->buffer->text[w->offset & (TEXT_MAX - 1)] = '/';
	w->dentry = parent;
	return 0;
}

static __always_inline u32 rename_sequence(void)
{
	u32 sequence = 1;

	if (&rename_lock)
		bpf_probe_read_kernel(&sequence, sizeof(sequence), &rename_lock);
	return sequence;
}

/*
 * race: names and parents change under the walk. An even rename_lock that did not move says that none did; after four
 * tries the name is refused. Other renames of the host move it too.
 */
static __noinline int name_walk(struct name_walk *w, struct dentry *dentry)
{
	for (u32 try = 0; try < 4; try++) {
		u32 before = rename_sequence();

		w->dentry = dentry;
		w->offset = TEXT_END;
		w->end = NAME_DEEP;
		w->mount = NULL;
		bpf_loop(DEPTH_MAX + 1, name_step, w, 0);
		if (!(before & 1) && before == rename_sequence())
			return 0;
	}
	w->end = NAME_TORN;
	return 0;
}

/* A private instance of proc or sysfs shows the same objects as the host's. */
static __always_inline u32 name_private(struct name_walk *w, struct super_block *sb)
{
	unsigned long magic = BPF_CORE_READ(sb, s_magic);
	const char *prefix = magic == PROC_SUPER_MAGIC ? "/proc" : magic == SYSFS_MAGIC ? "/sys" : NULL;
	u32 length = magic == PROC_SUPER_MAGIC ? 5 : 4;

	if (!prefix || w->offset < 5)
		return VIEW_FOREIGN;
	w->offset -= length;
	bpf_probe_read_kernel(w->buffer->text + (w->offset & (TEXT_MAX - 1)), length, prefix);
	return VIEW_HOST;
}

static __always_inline u32 name_prefix(struct name_walk *w, struct super_block *sb)
{
	struct mount_point *mount = w->mount;
	u32 length;

	if (!mount && w->host && !(w->flags & DEVICE_PARTIAL))
		mount = &w->host->root;
	if (!mount)
		return name_private(w, sb);
	length = mount->length;
	if (length > PREFIX_MAX - 1 || w->offset < length) {
		count(COUNT_NAME_LONG);
		return VIEW_REFUSED;
	}
	w->offset -= length;
	bpf_probe_read_kernel(w->buffer->text + (w->offset & (TEXT_MAX - 1)), length & (PREFIX_MAX - 1), mount->prefix);
	return VIEW_HOST;
}

static __always_inline u32 name_refused(u32 end)
{
	count(end == NAME_DEEP	   ? COUNT_NAME_DEEP :
	      end == NAME_LONG	   ? COUNT_NAME_LONG :
	      end == NAME_DETACHED ? COUNT_NAME_DETACHED :
				     COUNT_NAME_TORN);
	return VIEW_REFUSED;
}

static __always_inline u32 name_view(struct name_walk *w, struct super_block *sb)
{
	if (w->end == NAME_ROOT)
		return name_prefix(w, sb);
	if (w->end == NAME_DETACHED && (BPF_CORE_READ(sb, s_flags) & (SB_KERNMOUNT | SB_NOUSER)))
		return VIEW_NAMELESS;
	return name_refused(w->end);
}

/* The root directory itself has no component: its name is "/". The kernel's own name of what is nameless. */
static __always_inline void name_finish(struct name_walk *w, struct dentry *dentry, u32 view)
{
	u32 length;

	if (view == VIEW_NAMELESS) {
		length = BPF_CORE_READ(dentry, d_name.len);
		if (length > NAME_MAX_ - 1)
			length = NAME_MAX_ - 1;
		w->offset = TEXT_END - length;
		bpf_probe_read_kernel(w->buffer->text + (w->offset & (TEXT_MAX - 1)), length & (NAME_MAX_ - 1),
				      BPF_CORE_READ(dentry, d_name.name));
	} else if (w->offset == TEXT_END) {
		w->offset--;
		w->buffer->text[w->offset & (TEXT_MAX - 1)] = '/';
	}
}

/* Follows typed pointers, which costs a load a step and no helper call. */
static __always_inline void source_of(struct source *source, struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;
	struct super_block *sb = dentry->d_sb;
	struct inode *inode = file->f_inode;

	source->dentry = (u64)dentry;
	source->sb = (u64)sb;
	source->root = (u64)sb->s_root;
	source->device = sb->s_dev;
	source->inode = inode->i_ino;
	source->generation = inode->i_generation;
}

/*
 * Names buffer->source. One function for every hook and every program type: it needs probe reads only. verifier: global,
 * so it is walked once a program and not once a caller's state.
 */
__noinline int name_of(struct buffer *buffer)
{
	struct name_walk w = { .buffer = buffer };
	struct device *device;
	struct name *name;

	if (!buffer)
		return 0;
	w.root = (struct dentry *)buffer->source.root;
	w.device = buffer->source.device;
	device = bpf_map_lookup_elem(&devices, &w.device);
	w.host = device;
	if (device)
		w.flags = device->flags;
	buffer->text[TEXT_END] = 0;
	name_walk(&w, (struct dentry *)buffer->source.dentry);
	name = &buffer->name;
	name->view = name_view(&w, (struct super_block *)buffer->source.sb);
	name_finish(&w, (struct dentry *)buffer->source.dentry, name->view);
	name->offset = w.offset;
	name->length = TEXT_END - w.offset;
	return 0;
}
