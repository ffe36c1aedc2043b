// SPDX-License-Identifier: Apache-2.0

// Package queue keeps records on disk until somebody says that they arrived: in order, within a bound, through kill -9.
//
// A queue is a folder of segments, each a file of records named by the number of its first one, and a cursor: the number of the
// first record that is still wanted. A record is its length, a CRC over length and bytes, and the bytes. What a crash left torn
// at the end is cut off; what was damaged in the middle is skipped; both are counted. A record that was taken and whose cursor
// was not written yet comes once more: at least once, never less.
//
// bound: a record is with the kernel when Append returns, so the death of the process loses none; Sync is for the death of the machine.
package queue
