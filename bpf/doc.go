// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Package bpf is everything that runs in the kernel, and its Go face.
//
// The C is in prog (a table of contents), hooks (one file per family) and include (what they share). Its types reach Go
// by generation from include/abi.h and include/policy.h; abi.go gives them names, and no number is written twice.
//
// Spec is the embedded object, sized for a policy table. Programs is the table of programs, in attach order. Nothing here
// attaches or reads by itself.
package bpf
