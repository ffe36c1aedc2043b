// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Table of contents: every program of the sensor, in the order in which the kernel calls them in the life of a session.
 * The work is in hooks/, what it shares in include/.
 */
#include "../hooks/control.h"
#include "../hooks/exec.h"
#include "../hooks/file.h"
#include "../hooks/image.h"

char terms[] SEC("license") = "Dual BSD/GPL";

/* The generator finds only types that something refers to. */
const union {
	struct event_session session;
	struct event_access access;
	struct event_exec exec;
	struct event_line line;
	struct event_process process;
	struct table_header header;
	struct table_row row;
	struct table_role role;
	struct table_agent agent;
	struct grant_key grant_key;
	struct seed seed;
	struct change change;
	struct exec_state exec_state;
	enum abi abi;
	enum action action;
	enum op op;
	enum view view;
	enum policy_limits limits;
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

SEC("syscall")
int change_state(struct change *change)
{
	return change_session(change);
}

SEC("lsm/task_alloc")
int BPF_PROG(enforce_fork, struct task_struct *task, unsigned long clone_flags, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(inherit_task(task));
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

SEC("lsm/mmap_file")
int BPF_PROG(enforce_mmap, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_mmap(file, prot));
}

SEC("lsm/file_mprotect")
int BPF_PROG(enforce_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot, int ret)
{
	LSM_KEEP(ret);
	return lsm_errno(decide_mprotect(vma, prot));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(observe_end, struct task_struct *task)
{
	return observe_exit(task);
}
