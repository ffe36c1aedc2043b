// SPDX-License-Identifier: Apache-2.0

// Package connectors lets the real Claude Code work with two real connectors, one on the official SDK for Go and one on that for
// TypeScript, both of which read any file and fetch any page that they are asked for: in a machine, under the preset and a
// site's policy. Neither starts before somebody approves it; then each reaches its own folder and its one domain, and nothing
// else that its user could; and each is held again when another release of it lies in its place.
//
// What is refused to them is not refused to the agent beside them, nor to the same programs outside of every session: else it
// would prove nothing. The servers' sources are in servers/; provisioning builds and installs them.
package connectors
