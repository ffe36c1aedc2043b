// SPDX-License-Identifier: Apache-2.0

// Package sensor is the user-space half of observation. In the order of its life: Probe finds what the kernel lets be held,
// Load brings the programs in, SyncMounts tells them where names begin, Attach sets them on their hooks, SeedAgents finds
// the agents that run already, a Watch reads the rings, and Close takes everything away.
//
// It decides nothing: a verdict holds whether or not anybody reads. What is not read in time is counted by the kernel, what
// cannot be understood is counted here. Policy is none of its business; package enforce and this one do not know each other.
package sensor
