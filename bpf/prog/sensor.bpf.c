// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Table of contents: every program of the sensor, in the order in which the kernel calls them in the life of a session.
 * The enforcing ones are written as lsm programs; user space puts the same ones on the security_* functions where lsm
 * programs do not run (enum form).
 * The work is in hooks/, what it shares in include/.
 */
#include "../hooks/again.h"
#include "../hooks/attr.h"
#include "../hooks/connect.h"
#include "../hooks/control.h"
#include "../hooks/exec.h"
#include "../hooks/family.h"
#include "../hooks/file.h"
#include "../hooks/guard.h"
#include "../hooks/held.h"
#include "../hooks/image.h"
#include "../hooks/mount.h"
#include "../hooks/leave.h"
#include "../hooks/names.h"
#include "../hooks/socket.h"
#include "../hooks/terminal.h"
#include "../hooks/trace.h"
#include "../hooks/unix.h"

char terms[] SEC("license") = "Dual BSD/GPL";

/* The generator finds only types that something refers to. */
const union {
	struct event_session session;
	struct event_access access;
	struct event_exec exec;
	struct event_line line;
	struct event_net net;
	struct event_derived derived;
	struct resolver resolver;
	enum net_reason net_reason;
	struct event_process process;
	struct table_header header;
	struct table_future future;
	struct table_row row;
	struct table_role role;
	struct table_agent agent;
	struct grant_key grant_key;
	struct label label;
	struct seed seed;
	struct build_key build_key;
	struct build build;
	enum build_flag build_flag;
	struct change change;
	struct exec_state exec_state;
	struct owner owner;
	struct command command;
	struct start start;
	struct skill_key skill_key;
	struct skill_folder skill_folder;
	enum start_flag start_flag;
	struct decided_key decided_key;
	struct answer_key answer_key;
	struct answer answer;
	struct written_key written_key;
	struct written_by written;
	struct copy copy;
	enum abi abi;
	enum form form;
	enum relief relief;
	enum seed_mode seed_mode;
	enum action action;
	enum op op;
	enum view view;
	enum policy_limits limits;
	enum everyday everyday;
	enum principal principal;
	enum agent_flag agent_flag;
	enum event_kind kind;
	enum event_flag flag;
	enum session_cause cause;
	enum session_switch session_switch;
	enum session_flag session_flag;
	enum task_flag task_flag;
	enum device_flag device_flag;
	enum counter counter;
} *abi_types __attribute__((unused));

SEC("iter/task")
int seed_tasks(struct bpf_iter__task *ctx)
{
	return seed_task(ctx->task);
}

SEC("iter/task_file")
int seed_files(struct bpf_iter__task_file *ctx)
{
	return seed_file(ctx->task, ctx->file);
}

SEC("syscall")
int change_state(struct change *change)
{
	return change_session(change);
}

SEC("syscall")
int guard_self(void *ctx)
{
	return guard_caller();
}

SEC("lsm/task_alloc")
int BPF_PROG(enforce_fork, struct task_struct *task, unsigned long clone_flags, int ret)
{
	int error;

	LSM_KEEP(ret);
	error = decide_fork(task, clone_flags);
	if (error == -EAGAIN)
		return LSM_ERROR(EAGAIN);
	return lsm_errno(error);
}

SEC("tp_btf/task_newtask")
int BPF_PROG(observe_new, struct task_struct *task, u64 clone_flags)
{
	return observe_newtask(task, clone_flags);
}

SEC("lsm/bprm_check_security")
int BPF_PROG(enforce_exec, struct linux_binprm *bprm, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_exec(bprm));
}

SEC("lsm.s/bprm_committed_creds")
int BPF_PROG(enforce_line, struct linux_binprm *bprm)
{
	return decide_line(bprm);
}

SEC("lsm/file_open")
int BPF_PROG(enforce_open, struct file *file, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_open(file));
}

SEC("lsm/file_receive")
int BPF_PROG(enforce_receive, struct file *file, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_receive(file));
}

SEC("lsm/inode_create")
int BPF_PROG(enforce_create, struct inode *dir, struct dentry *dentry, u32 mode, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_create(dentry));
}

SEC("lsm/inode_mknod")
int BPF_PROG(enforce_mknod, struct inode *dir, struct dentry *dentry, u32 mode, u32 device, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_mknod(dentry, mode, device));
}

SEC("lsm/inode_mkdir")
int BPF_PROG(enforce_mkdir, struct inode *dir, struct dentry *dentry, u32 mode, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_create(dentry));
}

SEC("lsm/inode_symlink")
int BPF_PROG(enforce_symlink, struct inode *dir, struct dentry *dentry, const char *target, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_symlink(dentry));
}

SEC("lsm/inode_link")
int BPF_PROG(enforce_link, struct dentry *from, struct inode *dir, struct dentry *to, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_link(from, to));
}

SEC("lsm/inode_unlink")
int BPF_PROG(enforce_unlink, struct inode *dir, struct dentry *dentry, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_delete(dentry));
}

SEC("lsm/inode_rmdir")
int BPF_PROG(enforce_rmdir, struct inode *dir, struct dentry *dentry, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_delete(dentry));
}

/* The hook is called for each way of an exchange. */
SEC("lsm/inode_rename")
int BPF_PROG(enforce_rename, struct inode *from_dir, struct dentry *from, struct inode *to_dir, struct dentry *to,
	     int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_rename(from, to, 0));
}

/* The function that calls the hook is called once. */
SEC("fmod_ret/security_inode_rename")
int BPF_PROG(modify_rename, struct inode *from_dir, struct dentry *from, struct inode *to_dir, struct dentry *to,
	     u32 flags, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_rename(from, to, flags));
}

SEC("lsm/inode_setattr")
int BPF_PROG(enforce_setattr, struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_setattr(dentry, attr));
}

/* The hook of kernels before 6.2, which gives no idmap; the function that calls it does. */
SEC("lsm/inode_setattr")
int BPF_PROG(enforce_setattr_old, struct dentry *dentry, struct iattr *attr, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_setattr(dentry, attr));
}

SEC("lsm/inode_setxattr")
int BPF_PROG(enforce_setxattr, struct mnt_idmap *idmap, struct dentry *dentry, const char *name, const void *value,
	     size_t size, int flags, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_attr(dentry));
}

SEC("lsm/inode_removexattr")
int BPF_PROG(enforce_removexattr, struct mnt_idmap *idmap, struct dentry *dentry, const char *name, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_attr(dentry));
}

/* Access lists pass inode_setxattr before 6.2. */
SEC("lsm/inode_set_acl")
int BPF_PROG(enforce_setacl, struct mnt_idmap *idmap, struct dentry *dentry, const char *name, struct posix_acl *acl,
	     int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_attr(dentry));
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(enforce_removeacl, struct mnt_idmap *idmap, struct dentry *dentry, const char *name, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_attr(dentry));
}

/* chattr(1), where the kernel asks: since 6.17. */
SEC("lsm/inode_file_setattr")
int BPF_PROG(enforce_setflags, struct dentry *dentry, struct file_kattr *flags, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_attr(dentry));
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(enforce_trace, struct task_struct *target, u32 mode, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_trace(target, mode));
}

SEC("lsm/task_kill")
int BPF_PROG(enforce_signal, struct task_struct *target, struct kernel_siginfo *info, int number,
	     const struct cred *cred, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_signal(target, number));
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(enforce_connect, struct sock *client, struct sock *server, struct sock *accepted, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_connect(server));
}

SEC("lsm/unix_may_send")
int BPF_PROG(enforce_send, struct socket *client, struct socket *server, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_send(server));
}

SEC("lsm/socket_create")
int BPF_PROG(enforce_socket, int family, int type, int protocol, int kern, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_socket(family, type, protocol, kern));
}

SEC("lsm/socket_bind")
int BPF_PROG(enforce_bind, struct socket *socket, struct sockaddr *address, int length, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(socket_bound(socket, address, length));
}

SEC("lsm/socket_listen")
int BPF_PROG(enforce_listen, struct socket *socket, int backlog, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_listen(socket));
}

/* Programs that mark sockets: they return nothing, so that in the fallback they may sit where a function is entered. */
SEC("lsm/socket_post_create")
int BPF_PROG(mark_socket, struct socket *socket, int family, int type, int protocol, int kern)
{
	return socket_made(socket, kern);
}

SEC("lsm/file_receive")
int BPF_PROG(mark_received, struct file *file)
{
	return socket_received(file);
}

SEC("lsm/socket_listen")
int BPF_PROG(mark_server, struct socket *socket)
{
	return socket_serves(socket);
}

/* Programs of cgroups: 1 lets go. */
SEC("cgroup/sock_create")
int mark_created(struct bpf_sock *sock)
{
	return !socket_created(sock);
}

SEC("cgroup_skb/egress")
int judge_egress(struct __sk_buff *skb)
{
	return !leave(skb);
}

SEC("cgroup_skb/ingress")
int learn_ingress(struct __sk_buff *skb)
{
	return !enter(skb);
}

SEC("cgroup/connect4")
int judge_connect4(struct bpf_sock_addr *way)
{
	return !connect_four(way);
}

SEC("cgroup/connect6")
int judge_connect6(struct bpf_sock_addr *way)
{
	return !connect_six(way);
}

SEC("lsm/sb_mount")
int BPF_PROG(enforce_mount, const char *source, const struct path *path, const char *type, unsigned long flags,
	     void *data, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_mount(path, flags));
}

SEC("lsm/move_mount")
int BPF_PROG(enforce_move_mount, const struct path *from, const struct path *to, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_move_mount(from, to));
}

SEC("lsm/sb_umount")
int BPF_PROG(enforce_umount, struct vfsmount *mnt, int flags, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_umount(mnt));
}

/* Some kernels give one more argument behind these; what came before would stand behind it. */
SEC("lsm/bpf")
int BPF_PROG(enforce_bpf, int command)
{
	return lsm_errno(guard_bpf(command));
}

SEC("lsm/perf_event_open")
int BPF_PROG(enforce_perf, int type, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(guard_perf(type));
}

/* The hook of kernels that give the attributes too. */
SEC("lsm/perf_event_open")
int BPF_PROG(enforce_perf_old, struct perf_event_attr *attributes, int type, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(guard_perf(type));
}

SEC("lsm/kernel_load_data")
int BPF_PROG(enforce_load, u32 id, bool contents, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(guard_load(id));
}

SEC("lsm/kernel_read_file")
int BPF_PROG(enforce_load_file, struct file *file, u32 id, bool contents, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(guard_load(id));
}

SEC("lsm/file_ioctl")
int BPF_PROG(enforce_ioctl, struct file *file, u32 command, unsigned long argument, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(guard_ioctl(command));
}

/* The same, asked by a 32-bit program. */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(enforce_ioctl_compat, struct file *file, u32 command, unsigned long argument, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(guard_ioctl(command));
}

SEC("fexit/devpts_pty_new")
int BPF_PROG(mark_terminal, void *instance, int index, void *tty, struct dentry *made)
{
	return terminal_made(made);
}

SEC("lsm/mmap_file")
int BPF_PROG(enforce_mmap, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_mmap(file, prot));
}

/* The function that fmod_ret sits on is not asked what the hook is. */
SEC("fmod_ret/security_mmap_file")
int BPF_PROG(modify_mmap, struct file *file, unsigned long prot, unsigned long flags, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_mmap_asked(file, prot));
}

SEC("lsm/file_mprotect")
int BPF_PROG(enforce_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_mprotect(vma, prot));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(observe_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return settle_exec(bprm);
}

SEC("kprobe/file_ra_state_init")
int observe_open(void *ctx)
{
	return again_open(again_argument(ctx, 0), again_argument(ctx, 1));
}

SEC("kprobe/perf_event_mmap")
int observe_map(void *ctx)
{
	return again_map(again_argument(ctx, 0));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(observe_end, struct task_struct *task)
{
	return observe_exit(task);
}
