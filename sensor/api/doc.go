// SPDX-License-Identifier: Apache-2.0

// Package api is the daemon's three local sockets and the way to them.
//
// admin.sock answers everything; the file system says who may open it. reeve.sock is open to every user and answers about
// the caller's own sessions. session.sock is the only one that processes of a session may use: it answers Why, about the
// caller's own session as the kernel has it, so many times a second. Who calls is taken from the socket when the connection
// is made, never from the call.
package api
