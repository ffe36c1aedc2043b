/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Terminals: which are the session's own? A rule on the terminals below /dev/pts means those of other people's making, on whose
 * screen a session would write and whose keys it would read. Programs of a session make terminals all the time, and open the one
 * that they run in by its name (`> /dev/stderr`): of these no rule is asked.
 *
 * Its own are the terminal that controls the process, and those that the session made, or the one that it began inside of. Who made
 * a terminal is kept as who wrote a file is (written.h): by device, inode and generation, one inode for each terminal.
 *
 * What escapes: one that is passed over a socket was given by whoever passes it, as a client of tmux does to its server. bound: a
 * terminal that the session made before it was one, or 131,072 written files ago, is its own to what runs in it alone.
 */
#pragma once

#include "../include/written.h"

enum device_number {
	TERMINAL_CONSOLE = 4, /* the major number of the virtual consoles' and serial lines' terminals */
	MAJOR_SHIFT = 20,
};

/* Terminals that programs make, whatever instance of devpts they lie in. */
static __always_inline bool terminal_made_by_program(const struct inode *inode)
{
	return inode->i_sb->s_magic == DEVPTS_SUPER_MAGIC;
}

static __always_inline bool terminal(const struct inode *inode)
{
	if ((inode->i_mode & S_IFMT) != S_IFCHR)
		return false;
	return inode->i_rdev >> MAJOR_SHIFT == TERMINAL_CONSOLE || terminal_made_by_program(inode);
}

/* kernel: the entry in devpts leads to the end that programs read and write (drivers/tty/pty.c:ptmx_open). */
static __always_inline bool terminal_controls(struct dentry *dentry, const struct inode *inode)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);
	u32 number;

	if (!tty)
		return false;
	if (terminal_made_by_program(inode))
		return BPF_CORE_READ(dentry, d_fsdata) == tty;
	number = (u32)BPF_CORE_READ(tty, driver, major) << MAJOR_SHIFT;
	number += (u32)BPF_CORE_READ(tty, driver, minor_start) + (u32)BPF_CORE_READ(tty, index);
	return inode->i_rdev == number;
}

/* What is opened is a terminal, and the session's own. */
static __always_inline bool terminal_own(const struct task_state *state, struct file *file)
{
	struct inode *inode = file->f_inode;
	const struct session *session;
	const struct written_by *by;

	if (!terminal(inode))
		return false;
	if (terminal_controls(file->f_path.dentry, inode))
		return true;
	if (!terminal_made_by_program(inode))
		return false;
	session = session_of(state);
	by = written_find(inode);
	return session && by && (by->session == session->id || by->session == session->parent);
}

/*
 * devpts_pty_new: /dev/ptmx was opened, and a terminal has come to be. Its inode's number was another terminal's before, perhaps a
 * session's. It returns an address or an error.
 */
static __always_inline int terminal_made(struct dentry *dentry)
{
	struct task_state *state = task_state();
	struct written_key key;
	struct inode *inode;

	if (!dentry || (u64)dentry >= (u64)-ERRNO_MAX)
		return 0;
	inode = dentry->d_inode;
	if (state) {
		written_by_session(state, inode);
		return 0;
	}
	key = written_key(inode);
	if (bpf_map_lookup_elem(&written, &key))
		bpf_map_delete_elem(&written, &key);
	return 0;
}
