// SPDX-License-Identifier: Apache-2.0

// Package churn holds enforcement to its word while the daemon comes and goes: an agent hammers what policy denies to it,
// and a bystander what it denies to agents, through restarts, upgrades between two builds, kills and reloads. Not one act
// of the agent may succeed, and not one of the bystander may fail. And sessions by the hundred, each with a storm of
// forks, leave nothing behind. It runs in a test machine (make test-churn).
package churn
