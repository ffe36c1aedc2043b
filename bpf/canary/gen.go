// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Package canary is the object with which coverage is probed.
package canary

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -go-package canary -target bpfel -no-global-types canary ../prog/canary.bpf.c -- -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror
