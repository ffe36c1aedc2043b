// SPDX-License-Identifier: Apache-2.0

// Package evade lets the real Claude Code try to get round a refusal, in the ways of THREATS.md and as agents do when they are
// told that something is forbidden: other programs, other names, other spellings, others who would do it for them. It gets
// nowhere, while its ordinary build and tests go on in between; and it is told why.
//
// Each way is done outside of every session as well, by the same person, where it must succeed: one that fails there too would
// prove nothing. The ways lie in ways_test.go; the machine is that of the sandbox test.
package evade
