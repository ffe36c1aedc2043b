/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* count(): one index per place that loses a record or decides without having looked. */
#pragma once

#include "maps.h"

static __always_inline void count(u32 index)
{
	u64 *value = bpf_map_lookup_elem(&counters, &index);

	if (value)
		__sync_fetch_and_add(value, 1);
}
