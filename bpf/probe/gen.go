// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Package probe runs functions of the kernel side on cases that tests make up. It is not part of the product.
package probe

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -go-package probe -target bpfel -no-global-types -type ask -type ask_move probe ../prog/probe.bpf.c -- -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Wno-unused-function -Werror
