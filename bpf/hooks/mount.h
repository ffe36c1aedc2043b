/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Mounts that others see. Names are the host's, so what a session mounts for itself alone changes none. In the host's own mount
 * namespace, and where a mount spreads, people and the sensor would find something else below a name: as if a link were made
 * there, which is what is asked. kernel: who may do that is root in the host's user namespace.
 */
#pragma once

#include "names.h"

/* The mount is the host's, or what happens to it happens to others too. */
static __always_inline bool mount_seen(struct vfsmount *mnt)
{
	struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);

	if (BPF_CORE_READ(mnt, mnt_flags) & MNT_SHARED)
		return true;
	return BPF_CORE_READ(mount, mnt_ns, ns.inum) == cfg_mounts;
}

/* What a mount does to the names below a folder. */
enum mount_act {
	MOUNT_COMES, /* they lead to something else */
	MOUNT_GOES,  /* what had them has others, or none */
};

static __always_inline int mount_judge(struct vfsmount *mnt, struct dentry *dentry, enum mount_act act)
{
	struct task_state *state = task_state();
	struct names names;
	int error;

	if (!state || !mount_seen(mnt))
		return 0;
	if (!names_take(&names))
		return judge_blind(state, OP_FILE_WRITE);
	name_into(names.from, dentry);
	name_into(names.to, dentry);
	name_beside(names.to);
	error = act == MOUNT_GOES ? judge_move(state, names.from, names.to) : judge_lead(state, names.to, names.from);
	buffer_give(names.to);
	buffer_give(names.from);
	return error;
}

/*
 * security_sb_mount: mount(2). How a mount spreads, and its options, change no name. kernel: what is moved is known here by a
 * path in the caller's view alone, so nothing is.
 */
static __always_inline int decide_mount(const struct path *to, unsigned long flags)
{
	struct task_state *state = task_state();

	if (!state || (flags & (MS_REMOUNT | MS_SPREADING)))
		return 0;
	if ((flags & MS_MOVE) && mount_seen(to->mnt))
		return judge_blind(state, OP_FILE_RENAME);
	return mount_judge(to->mnt, to->dentry, MOUNT_COMES);
}

/* security_move_mount, whether the mount was somewhere before or is new. */
static __always_inline int decide_move_mount(const struct path *from, const struct path *to)
{
	int error = mount_judge(to->mnt, to->dentry, MOUNT_COMES);

	return error ? error : mount_judge(from->mnt, from->dentry, MOUNT_GOES);
}

/* security_sb_umount. */
static __always_inline int decide_umount(struct vfsmount *mnt)
{
	return mount_judge(mnt, mnt->mnt_root, MOUNT_GOES);
}
