// SPDX-License-Identifier: Apache-2.0

// Package live keeps the inventory current: a full pass at start and every day, niced, and inotify in between, which looks
// again at the part of it that a change is about. It remembers when items were first and last seen, and which sessions used
// them. A part that does not end in time is an item with an error, and delays no other.
package live
