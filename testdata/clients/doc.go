// SPDX-License-Identifier: Apache-2.0

// Package clients lets the programs that people use on networks go where policy lets a session go, and where it does not: in a
// machine of their own, with real servers in a network of theirs behind it, and names that are asked for as machines ask for them:
// of a resolver far away, of a daemon that keeps answers, of systemd-resolved.
package clients
