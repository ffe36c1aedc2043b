/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an enforcing program returns to the kernel, in one place. */
#pragma once

#include "kernel.h"

/* An earlier program's refusal stands. verifier: 6.12 wants every result bounded to [-4095, 0]. */
#define LSM_KEEP(ret)                                             \
	do {                                                      \
		if (ret)                                          \
			return ret < -4095 || ret > 0 ? -1 : ret; \
	} while (0)

/* verifier: clang folds `cond ? -EPERM : 0` into arithmetic, whose result 6.12 cannot bound. */
#define LSM_ERROR(number)                        \
	({                                       \
		int error_ = -(number);          \
		asm volatile("" : "+r"(error_)); \
		error_;                          \
	})

/* Every result is a constant of its own, also "no error". */
static __always_inline int lsm_errno(int error)
{
	if (error == -EACCES)
		return LSM_ERROR(EACCES);
	if (error == -ENOMEM)
		return LSM_ERROR(ENOMEM);
	if (error)
		return LSM_ERROR(EPERM);
	return LSM_ERROR(0);
}
