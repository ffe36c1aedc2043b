// SPDX-License-Identifier: Apache-2.0

// Package sandbox checks that the agents' own sandboxes and ours go together: the real Claude Code with its sandbox switched
// on, and the real Codex with workspace-write, do ordinary work in namespaces that they made themselves, under the preset
// that ships. Not one act of it may be refused, and what policy forbids stays forbidden in there.
//
// The test boots machines (testdata/vm) and runs its own binary in each, as the test OnStage, which is skipped elsewhere. What
// the agents are told lies in work_test.go, once for both.
package sandbox
