// SPDX-License-Identifier: Apache-2.0

// Package copies finds out which files that sessions wrote have the bytes of a program that policy refuses, and tells the kernel, which then
// judges them by that program's name too.
//
// What a session wrote is looked at when its event comes and each time that it is closed by who had it open for writing, by fanotify
// marks on those files alone. Sizes are compared first, then bytes, and only with programs of the same size: a build costs a mark and a stat for
// each file. Nobody waits for a Watcher.
//
// What it may miss, and what is then no more than a file that the session wrote: one that is executed before it was looked at, some tens
// of milliseconds after it was closed; one that had another name, or lay in another folder, by the time that its event was read; what came by
// a descriptor that another process opened; files beyond the room for marks or in the queue (counted); files on file systems that may not
// answer; what was written while no daemon ran.
package copies
