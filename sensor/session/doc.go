// SPDX-License-Identifier: Apache-2.0

// Package session keeps what is known of sessions: whose they are, which processes they hold, what they did.
//
// A Table is a value without locks, clock or input of its own: one owner feeds it events in any order and passes the time
// in. It is bounded: ended sessions leave after a while, the oldest first when there are too many, and a session that made
// too many processes forgets the leaves that ended first and says how many. The kernel stays the authority on membership;
// the table is what people look at.
package session
