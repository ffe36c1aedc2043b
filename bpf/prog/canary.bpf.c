// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The canary: refuses every exec by a child of one process. Seen to take effect it proves what loading and attaching do
 * not: a kernel whose `lsm=` lacks bpf takes both and never runs the program.
 */
#include "../include/kernel.h"
#include "../include/lsm.h"

char terms[] SEC("license") = "Dual BSD/GPL";

/* Set before load: the process whose children are refused. */
const volatile u32 cfg_parent;

SEC("lsm/bprm_check_security")
int BPF_PROG(canary_exec, struct linux_binprm *bprm, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	LSM_KEEP(ret);
	if ((u32)BPF_CORE_READ(task, real_parent, tgid) != cfg_parent)
		return 0;
	return LSM_ERROR(EPERM);
}

/* What remains where nothing can refuse: a program that only sees. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(canary_exit, struct task_struct *task)
{
	return 0;
}
