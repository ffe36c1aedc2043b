// SPDX-License-Identifier: Apache-2.0

// Package procfs looks up what the kernel's records do not say of a process: its folder, terminal, program and user, and
// which conversation its agent is in. It enriches and never decides: everything here may be gone, late or forged.
//
// Of the environment only the values of names that the caller allows are kept; the rest is not even returned. This is the
// only package that imports gopsutil.
package procfs
