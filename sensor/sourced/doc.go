// SPDX-License-Identifier: Apache-2.0

// Package sourced finds out when something outside of a session reads as a program what the session wrote: a shell its start-up
// files, make its rules, cron its tables, an interpreter the script that it is given, or what a variable of its environment
// names. The kernel side sees what is executed and mapped; that reading a file is running it, only the name of the file, the
// program that reads it and what that was started with tell. Which these are, tables say (table.go, variable.go).
//
// Opens are learned from fanotify, by marks on those files alone that a session wrote and that some program could run. Nobody
// else's opens cost anything, nothing waits for an answer, and nothing is refused. Who wrote a file is asked of the kernel at
// the moment of the open: a mark says that somebody may be interested, and no more.
//
// What it may miss: a file that is read before it was marked, some tens of milliseconds after it was written; a reader that has
// ended, or has executed another program, before it is looked at (counted); files beyond the room for marks, of which the
// oldest are let go (counted); what was written while no daemon ran; what a variable of more than 256 bytes names; and what a
// variable names that has the end of no program's name (table.go), or lies among packages.
package sourced
