// SPDX-License-Identifier: Apache-2.0

// Package attacks holds ways around the policy, one a file, and reads them. Each must fail in a session and succeed beside
// it; testdata/live runs them in a test machine. THREATS.md names every file in the row that it belongs to.
//
// A file is a txtar archive. Its comment says what is tried, then:
//
//	row F2                  the row of THREATS.md
//	open: WHY               it is not stopped: the run fails once it is, so that this line and THREATS.md are put right
//	open on 6.1 lsm: WHY    the same where the kernel's series or the form of the programs is one of these
//	only on 7.3: WHY        elsewhere it cannot be tried
//	agent PATH              the program of a native agent, that the catalogue names and whose build is known
//	original PATH           a program with whose bytes what a step names is compared after it, as the daemon does
//
// The section policy.toml holds rules. The section tree is made below /data, afresh for the session and for the control:
//
//	secret/key              a file
//	free/                   a folder
//	own/file 1000           the same, of user 1000
//
// The section commands holds connectors that the kernel is told of, one a line: the name that the policy declares, or ? where a
// configuration alone has it; asked, approved, pinned or revoked; the program, and its arguments. The actor in a session then runs as
// an agent's own program.
//
// The section skills holds skills that the kernel is told of in the same way, as they are when the session begins: a name or ?; asked,
// approved or revoked; the folder.
//
// The section steps holds one step a line, # begins a comment. Who acts comes first:
//
//	host ACT                a helper outside of every session
//	before ACT              the actor, before it becomes a session
//	both ACT                the actor in a session, and the control; it must succeed
//	agent ACT [-> ERRNO]    the actor in a session; without an errno it must succeed
//	control ACT             the same program, outside; it must succeed
//	lost TEXT ...           what the session sent and no server gets, then or later; of the control it comes
//	gets TEXT ...           what some server gets, of both
//	event OP ACTION OBJECT  what the session's refusal must be recorded as; an object ? may be anything
//	count COUNTER           a counter of `reeve status` that must rise
//
// All but the control act first. Then the tree is made again and all but the agent act. Each agent's step that is refused
// must be done by the control as well, word for word.
//
// An act is one system call or a few; words.go lists them with their arguments. Words with spaces or odd bytes are quoted
// as in Go. {130*d/} is d/ 130 times. Acts that keep a descriptor name it first, {NAME} is then its number, {host.NAME} that
// of the helper's, {host} and {actor} the helper's process and the actor's, {self} the program of all actors; {disk}, {major} and
// {minor} are the block device of /data. Flags are joined by |.
//
// On networks {who} is "ins" for the session and "out" for the control, so that servers tell them apart; the errno CUT is any, of
// a connection that is not let out. The object of an event is there the name that was asked for, or ADDRESS:PORT. Names and
// servers are those of testdata/live (zone, others), where 198.18.0.1 is this machine.
package attacks
