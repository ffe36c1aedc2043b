// SPDX-License-Identifier: Apache-2.0

// Package store keeps events and gives them back: by session, by time, as they come.
//
// Memory keeps them in bounded memory. What is notable (verdicts, sessions) has a ring of its own, so a flood of allowed
// acts cannot push it out. A follower that is too slow loses events and is told how many; it delays nobody.
package store
