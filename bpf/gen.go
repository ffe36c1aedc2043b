// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

package bpf

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -go-package bpf -target bpfel -no-global-types -type event_header -type event_session -type event_access -type event_exec -type event_line -type event_process -type event_kind -type event_flag -type session -type session_cause -type session_switch -type session_flag -type task_state -type task_flag -type seed -type change -type applet -type control -type device -type device_flag -type mount_key -type mount_point -type grant_key -type grant -type counter -type abi -type action -type op -type view -type policy_limits -type principal -type agent_flag -type table_engine -type table_header -type table_role -type table_row -type table_agent sensor prog/sensor.bpf.c -- -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror
