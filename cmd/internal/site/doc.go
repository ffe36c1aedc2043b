// SPDX-License-Identifier: Apache-2.0

// Package site is what a machine is configured with, as both binaries read it: the configuration file, the agent catalogue,
// the policy and the homes that it is compiled for. It knows files and users, and neither the kernel nor the daemon.
package site
