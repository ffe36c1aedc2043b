// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Package native runs the kernel side's parsers of packets in user space, for tests alone: the same lines of C, by cgo.
// Without cgo the package is empty. The links to headers are there for the go tool, which builds anew when a C file of
// this folder changes, and looks at no other folder.
package native
