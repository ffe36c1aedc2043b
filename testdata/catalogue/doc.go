// SPDX-License-Identifier: Apache-2.0

// Package catalogue checks that agents are found by themselves: each real agent that provisioning can have is run in a
// machine as an ordinary user, under the daemon and the preset that ship, with a scripted model on loopback. Each must be a
// session with its name, version, user, role and the agent's own conversation, its model's command must be told without the
// shell that the agent wraps it in, and what policy forbids must be refused to it.
//
// Then the programs of two are run under names that no catalogue has.
//
// The test boots a machine (testdata/vm) and runs its own binary in it, as the test OnStage, which is skipped elsewhere. What the
// agents are told is one scenario for all of them, testdata/messages/scenarios/agents.toml.
package catalogue
