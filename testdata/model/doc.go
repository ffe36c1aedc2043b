// SPDX-License-Identifier: Apache-2.0

// Package model says what the kernel must answer to a sequence of system calls, from what the sequence has done so far:
// the names that every file has, the mounts that every actor sees, the policy's oracle.
//
// Two trees begin alike. In one an agent acts, in the other nobody is in a session. [Run] lets both take the same steps:
// where policy refuses, by the model, the agent must be refused, and the other tree leaves the step out; everywhere else
// the two must fare alike. So the model has to know names and the oracle, and nothing of what system calls answer else:
// the other tree shows it. It does know when a call cannot succeed, which tells when the model itself is wrong.
//
// The package knows no kernel: it asks a [Kernel], which the live tests are and which its own tests play, faults
// included. It promises the same sequence for the same seed and the same answers, and that a sequence is read back as it
// was written.
package model
