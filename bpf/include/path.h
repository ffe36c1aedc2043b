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

#include "label.h"
#include "task.h"

/* kernel: fs/dcache.c; its first word is the sequence. Needs kallsyms, else every name is refused as torn. */
extern void rename_lock __ksym __weak;

enum name_end {
	NAME_TORN,     /* a rename moved something meanwhile */
	NAME_ROOT,     /* at the root of the file system, or at a mount point of a part of it */
	NAME_DETACHED, /* at a dentry that is its own parent, and not the root */
	NAME_DEEP,
	NAME_LONG,
	NAME_FOLDED, /* its file system takes it for others in ways that are not followed */
	NAME_DEVICE, /* a device node that is not in the host's /dev */
	NAME_FORGED, /* below a subvolume that is called like one that the host has mounted, and lies elsewhere */
};

/* Names end here, with a NUL for the walk. */
#define TEXT_END (TEXT_MAX - 1)

/* verifier: what changes from step to step lies in the buffer (struct name), or each value would be walked on. */
struct name_walk {
	struct dentry *dentry;
	struct dentry *root;
	struct buffer *buffer;
	u32 flags; /* of the device */
	u32 device;
	struct device *host; /* NULL where the host has not mounted the file system */
	struct mount_point *mount;
};

/*
 * One read takes what is needed of a dentry: its beginning, up to the name. verifier: offsets are constants after
 * relocation, kept inside.
 */
struct dentry_head {
	u8 raw[64];
};

#define HEAD_FIELD(head, type, field) \
	(*(type *)((head)->raw +      \
		   (bpf_core_field_offset(struct dentry, field) & (sizeof(struct dentry_head) - sizeof(type)))))

static __always_inline struct mount_point *mount_at(struct name_walk *w, const struct dentry *dentry)
{
	struct mount_key key = { .device = w->device };

	key.inode = BPF_CORE_READ(dentry, d_inode, i_ino);
	if (w->flags & DEVICE_SUBVOLUME)
		bpf_probe_read_kernel_str(key.subvolume, sizeof(key.subvolume), BPF_CORE_READ(dentry, d_name.name));
	return bpf_map_lookup_elem(&mounts, &key);
}

/*
 * kernel: names of a folder are compared by its file system where it has an operation for it; those with an encoding do so
 * in folders that are marked (chattr +F), others everywhere. proc compares to hide, not to fold. verifier: global, as name_of.
 */
__noinline u32 name_folds(u64 folder)
{
	struct dentry *parent = (struct dentry *)folder;
	struct super_block *sb = BPF_CORE_READ(parent, d_sb);
	unsigned long magic = BPF_CORE_READ(sb, s_magic);

	if (magic == PROC_SUPER_MAGIC)
		return 0;
	if (bpf_core_field_exists(sb->s_encoding) && BPF_CORE_READ(sb, s_encoding))
		return BPF_CORE_READ(parent, d_inode, i_flags) & S_CASEFOLD ? FOLDS_ASCII | FOLDS_UNICODE : 0;
	return magic == MSDOS_SUPER_MAGIC ? FOLDS_ASCII | FOLDS_SHORT : FOLDS_ASCII;
}

/* Room in front of a text for name_words(). */
#define SHORT_ROOM (3 * NAME_SHORT)

enum {
	NAME_WORD = 8, /* bytes that most folders' names have at most */
};

/*
 * A name of at most bytes, fewer than NAME_SHORT, to where the offset ends: whole words, by way of the buffer's beginning, where
 * nobody keeps anything while a name is made. What they have in front of the name is written over by what comes there, or lies in
 * front of the text. verifier: typed pointers have constant offsets only, and a stack's words are aligned.
 */
static __always_inline void name_words(struct buffer *buffer, u32 offset, u32 length, const void *name, u32 bytes)
{
	u8 *from = buffer->text + NAME_SHORT;

	copy_words(from, name, bytes);
	FORGET();
	copy_words(buffer->text + ((offset - bytes) & (TEXT_MAX - 1)), from - bytes + (length & (NAME_SHORT - 1)),
		   bytes);
}

/* One component in front of those that the buffer has; its offset, or 0 where there is no room. */
static __always_inline u32 name_component(struct buffer *buffer, u32 offset, u32 length, const unsigned char *name)
{
	if (length >= NAME_MAX_ || offset <= length + 1)
		return 0;
	offset -= length;
	bpf_probe_read_kernel(buffer->text + (offset & (TEXT_MAX - 1)), length & (NAME_MAX_ - 1), name);
	offset--;
	buffer->text[offset & (TEXT_MAX - 1)] = '/';
	return offset;
}

/*
 * Above a mount point of a part, the walk goes on for the print alone. bound: DEPTH_MAX components, TEXT_MAX bytes; past
 * either the name is refused. KEEP-SYNC print v2 (label.h:print_of)
 */
static long name_step(u32 index, struct name_walk *w)
{
	struct name *name = &w->buffer->name;
	struct dentry *dentry = w->dentry;
	struct dentry_head head;
	struct dentry *parent;
	u32 offset;

	if (name->below) {
		name->above++;
	} else if (w->flags & DEVICE_PARTIAL) {
		w->mount = mount_at(w, dentry);
		name->below = w->mount != NULL;
	}
	if (bpf_probe_read_kernel(&head, sizeof(head), dentry)) {
		name->end = NAME_TORN;
		return 1;
	}
	name->print = index < PRINT_DEPTH ? print_link(name->print, HEAD_FIELD(&head, u32, d_seq),
						       HEAD_FIELD(&head, u32, d_name.hash)) :
					    0;
	if (dentry == w->root) {
		name->end = NAME_ROOT;
		return 1;
	}
	parent = HEAD_FIELD(&head, struct dentry *, d_parent);
	if (parent == dentry) {
		name->end = NAME_DETACHED;
		return 1;
	}
	if (HEAD_FIELD(&head, u32, d_flags) & DCACHE_OP_COMPARE)
		name->folds |= name_folds((u64)parent);
	w->dentry = parent;
	if (name->below)
		return 0;
	offset = name_component(w->buffer, name->offset, HEAD_FIELD(&head, u32, d_name.len),
				HEAD_FIELD(&head, unsigned char *, d_name.name));
	if (!offset) {
		name->end = NAME_LONG;
		return 1;
	}
	name->offset = offset;
	return 0;
}

/*
 * Odd where the lock cannot be read, as without CONFIG_KALLSYMS_ALL: then nothing has a name. Where no file is refused, a
 * name that a rename may have torn is better than none.
 */
static __always_inline u32 rename_sequence(void)
{
	u32 sequence = form_holds(OP_FILE_READ);

	if (&rename_lock)
		bpf_probe_read_kernel(&sequence, sizeof(sequence), &rename_lock);
	return sequence;
}

/* A private instance of proc or sysfs shows the same objects as the host's. */
static __always_inline u32 name_private(struct name_walk *w, struct super_block *sb)
{
	struct name *name = &w->buffer->name;
	unsigned long magic = BPF_CORE_READ(sb, s_magic);
	const char *prefix = magic == PROC_SUPER_MAGIC ? "/proc" : magic == SYSFS_MAGIC ? "/sys" : NULL;
	u32 length = magic == PROC_SUPER_MAGIC ? 5 : 4;

	if (!prefix || name->offset < 5)
		return VIEW_FOREIGN;
	name->offset -= length;
	bpf_probe_read_kernel(w->buffer->text + (name->offset & (TEXT_MAX - 1)), length, prefix);
	return VIEW_HOST;
}

/* In front of the walk goes where the host has mounted the file system. */
static __always_inline u32 name_prefix(struct name_walk *w, struct super_block *sb)
{
	struct name *name = &w->buffer->name;
	struct mount_point *mount = w->mount;
	u32 length;

	if (!mount && w->host && !(w->flags & DEVICE_PARTIAL))
		mount = &w->host->root;
	if (!mount)
		return name_private(w, sb);
	if ((w->flags & DEVICE_SUBVOLUME) && name->above != mount->depth) {
		name->end = NAME_FORGED;
		return VIEW_REFUSED;
	}
	length = mount->length;
	if (length > PREFIX_MAX - 1 || name->offset < length) {
		name->end = NAME_LONG;
		return VIEW_REFUSED;
	}
	if (length < NAME_SHORT && name->offset >= SHORT_ROOM)
		name_words(w->buffer, name->offset, length, mount->prefix, NAME_SHORT);
	else
		bpf_probe_read_kernel(w->buffer->text + ((name->offset - length) & (TEXT_MAX - 1)),
				      length & (PREFIX_MAX - 1), mount->prefix);
	name->offset -= length;
	return VIEW_HOST;
}

static __always_inline u32 name_view(struct name_walk *w, struct super_block *sb)
{
	struct name *name = &w->buffer->name;

	if (name->end == NAME_ROOT || (name->end == NAME_DEEP && w->mount))
		return name_prefix(w, sb);
	if (name->end == NAME_DETACHED && (BPF_CORE_READ(sb, s_flags) & (SB_KERNMOUNT | SB_NOUSER)))
		return VIEW_NAMELESS;
	return VIEW_REFUSED;
}

/* What climb.h has found is taken, once. What is only above the mount point of a part has no name, so there it is walked. */
static __always_inline bool name_climbed(struct name_walk *w)
{
	struct buffer *buffer = w->buffer;
	bool climbed = buffer->source.climbed && !(w->flags & DEVICE_PARTIAL);

	buffer->source.climbed = 0;
	if (!climbed) {
		buffer->name.offset = TEXT_END;
		buffer->name.print = cfg_key;
	}
	buffer->name.end = climbed ? NAME_ROOT : NAME_DEEP;
	return climbed;
}

/*
 * One walk. verifier: global, as name_of, and so walked once for all tries. 6.1 looks at a loop's body once, with the values
 * of its first round: what it must not take for constant begins, or lies, in the buffer.
 */
__noinline int name_once(struct buffer *buffer)
{
	struct name_walk w = { .buffer = buffer };
	struct device *device;
	struct name *name;

	if (!buffer)
		return 0;
	name = &buffer->name;
	name->below = 0;
	name->above = 0;
	name->folds = 0;
	FORGET();
	w.dentry = (struct dentry *)buffer->source.dentry;
	w.root = (struct dentry *)buffer->source.root;
	w.device = buffer->source.device;
	device = bpf_map_lookup_elem(&devices, &w.device);
	w.host = device;
	if (device)
		w.flags = device->flags;
	if (!name_climbed(&w))
		bpf_loop(DEPTH_MAX + 1, name_step, &w, 0);
	name->view = name_view(&w, (struct super_block *)buffer->source.sb);
	name->print = name->end == NAME_ROOT && name->print ? name->print | 1 : 0;
	return 0;
}

/*
 * Who renames may be held up amid that: by its host, where the machine is a virtual one. So it is waited for, as the kernel does
 * (include/linux/seqlock.h:read_seqbegin), some milliseconds at most.
 */
#define RENAME_SPINS (1 << 16)

static long rename_spin(u32 index, u32 *sequence)
{
	*sequence = rename_sequence();
	return !(*sequence & 1);
}

/* An even sequence, where one can be had. */
static __always_inline u32 rename_begin(void)
{
	u32 sequence = rename_sequence();

	if (sequence & 1 && &rename_lock)
		bpf_loop(RENAME_SPINS, rename_spin, &sequence, 0);
	return sequence;
}

/*
 * race: names and parents change under the walk. An even rename_lock that did not move says that none did; after some
 * tries the name is refused. Other renames of the host move it too.
 */
static __always_inline void name_still(struct buffer *buffer)
{
	for (u32 try = 0; try < 8; try++) {
		u32 before = buffer->source.climbed ? buffer->source.renames : rename_begin();

		name_once(buffer);
		if (!(before & 1) && before == rename_sequence())
			return;
	}
	buffer->name.view = VIEW_REFUSED;
	buffer->name.end = NAME_TORN;
}

static __always_inline void name_refused(u32 end)
{
	count(end == NAME_DEEP	   ? COUNT_NAME_DEEP :
	      end == NAME_LONG	   ? COUNT_NAME_LONG :
	      end == NAME_DETACHED ? COUNT_NAME_DETACHED :
	      end == NAME_DEVICE   ? COUNT_NAME_DEVICE :
	      end == NAME_FOLDED   ? COUNT_NAME_FOLDED :
	      end == NAME_FORGED   ? COUNT_NAME_FORGED :
				     COUNT_NAME_TORN);
}

/* The root directory itself has no component: its name is "/". The kernel's own name of what is nameless. */
static __always_inline void name_finish(struct buffer *buffer)
{
	struct dentry *dentry = (struct dentry *)buffer->source.dentry;
	struct name *name = &buffer->name;
	u32 length;

	buffer->text[TEXT_END] = 0;
	if (name->view == VIEW_NAMELESS) {
		length = BPF_CORE_READ(dentry, d_name.len);
		if (length > NAME_MAX_ - 1)
			length = NAME_MAX_ - 1;
		name->offset = TEXT_END - length;
		bpf_probe_read_kernel(buffer->text + (name->offset & (TEXT_MAX - 1)), length & (NAME_MAX_ - 1),
				      BPF_CORE_READ(dentry, d_name.name));
	} else if (name->offset == TEXT_END) {
		name->offset--;
		buffer->text[name->offset & (TEXT_MAX - 1)] = '/';
	}
	name->length = TEXT_END - name->offset;
}

static __always_inline bool node_of_device(u32 mode)
{
	return (mode & S_IFMT) == S_IFCHR || (mode & S_IFMT) == S_IFBLK;
}

/*
 * Devices that say nothing of this host and that every sandbox makes for itself: null, zero, full, random, urandom, tty, ptmx;
 * and overlay's whiteout (0, 0).
 */
static __always_inline bool node_harmless(u32 mode, u32 major, u32 minor)
{
	if ((mode & S_IFMT) != S_IFCHR)
		return false;
	return (major == 0 && minor == 0) || (major == 1 && (minor == 3 || minor == 5 || (minor >= 7 && minor <= 9))) ||
	       (major == 5 && (minor == 0 || minor == 2));
}

/*
 * A device is named by its node in the host's /dev; a node elsewhere is another name for it that no rule could mean.
 * Terminals of a private devpts are the session's own.
 */
static __always_inline void name_device(struct buffer *buffer)
{
	const u8 *text = buffer->text + (buffer->name.offset & (TEXT_MAX - 1));
	struct super_block *sb = (struct super_block *)buffer->source.sb;
	const struct source *source = &buffer->source;

	if (node_harmless(source->mode, source->number >> 20, source->number & 0xfffff))
		return;
	if (buffer->name.view == VIEW_HOST && text[0] == '/' && text[1] == 'd' && text[2] == 'e' && text[3] == 'v' &&
	    text[4] == '/')
		return;
	if (BPF_CORE_READ(sb, s_magic) == DEVPTS_SUPER_MAGIC)
		return;
	buffer->name.view = VIEW_REFUSED;
	buffer->name.end = NAME_DEVICE;
}

/* Follows typed pointers, which costs a load a step and no helper call. inode is NULL where nothing has the name yet. */
static __always_inline void source_of(struct source *source, struct dentry *dentry, struct inode *inode)
{
	struct super_block *sb = dentry->d_sb;

	__builtin_memset(source, 0, sizeof(*source));
	source->places = places_now();
	source->dentry = (u64)dentry;
	source->sb = (u64)sb;
	source->root = (u64)sb->s_root;
	source->device = sb->s_dev;
	if (!inode)
		return;
	source->node = (u64)inode;
	source->inode = inode->i_ino;
	source->generation = inode->i_generation;
	source->mode = inode->i_mode;
	source->links = inode->i_nlink;
	source->number = inode->i_rdev;
}

/* verifier: the position comes from the index; what is kept lies in the buffer (name_once). bound: TEXT_MAX bytes. */
static long fold_byte(u32 index, struct buffer **context)
{
	struct buffer *buffer = *context;
	struct name *name = &buffer->name;
	u8 *at = buffer->text + ((name->offset + index) & (TEXT_MAX - 1));
	u8 byte = *at;

	if (!byte)
		return 1;
	if (((name->folds & FOLDS_UNICODE) && byte >= 0x80) ||
	    ((name->folds & FOLDS_SHORT) && name->tilde && byte >= '0' && byte <= '9'))
		name->end = NAME_FOLDED;
	name->tilde = byte == '~';
	if (byte >= 'A' && byte <= 'Z')
		*at = byte + ('a' - 'A');
	return 0;
}

/*
 * Small letters for capitals, for a file system that takes them for one; what it takes for one besides is not known here:
 * the name ends as NAME_FOLDED where such a byte is met. verifier: global, as name_of.
 */
__noinline int name_fold(struct buffer *buffer)
{
	if (!buffer)
		return 0;
	buffer->name.tilde = 0;
	bpf_loop(TEXT_MAX, fold_byte, &buffer, 0);
	return 0;
}

/*
 * Names buffer->source. One function for every hook and every program type: it needs probe reads only. verifier: global,
 * so it is walked once a program and not once a caller's state.
 */
__noinline int name_of(struct buffer *buffer)
{
	if (!buffer)
		return 0;
	name_still(buffer);
	FORGET();
	if (node_of_device(buffer->source.mode))
		name_device(buffer);
	FORGET();
	if (buffer->name.view == VIEW_REFUSED)
		name_refused(buffer->name.end);
	name_finish(buffer);
	return 0;
}
