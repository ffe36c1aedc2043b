// SPDX-License-Identifier: Apache-2.0

// Package live holds the tests that need the kernel: programs loaded, attached and judging real system calls of real
// processes. They run in a test machine (testdata/vm), on every kernel of the matrix. A task outside every session does
// the same beside each refusal and must succeed.
package live
