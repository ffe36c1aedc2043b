// SPDX-License-Identifier: Apache-2.0

// Steps: who does what to which path, and the table of the calls.

package model

import (
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/enforce"
)

// Who takes a step.
type Who uint8

// The agent is in a session where its tree is judged; the bystander works in the same tree and is in none.
const (
	Agent Who = iota
	Bystander
)

var whoNames = [...]string{"agent", "bystander"}

func (w Who) String() string { return whoNames[w] }

// Slots are where an actor keeps open descriptors: 1 to Slots.
const Slots = 4

// Path is how a step names a file: below the tree, or, after chroot, below the new root; or by way of a descriptor.
type Path struct {
	Slot  int    // of the descriptor that it begins at; 0 is none
	Magic bool   // by /proc/self/fd, which follows it; else as openat(2) does
	Rel   string // "@" in it is the folder of the tree itself, for those who see it from above
}

// Step is one call of one actor.
type Step struct {
	Who   Who
	Do    string
	Flags int    // of an open
	Path  Path   // what it is done to
	To    Path   // new name, or where to mount
	Text  string // of a symbolic link
	Slot  int    // that keeps the descriptor, or that is closed; 0 is none
	Want  string // what has to come of it, in sequences written by hand: ok, refused, or an errno
}

// call is a row of the table of calls. Of args each letter is one: f flags, p path, t new path, x text of a link, s slot,
// S slot that may be left out.
type call struct {
	args string
	plan func(*World, *actor, Step) plan
	ops  []enforce.Op // that may refuse it
}

var (
	madeOps    = []enforce.Op{enforce.OpFileCreate, enforce.OpFileWrite}
	movedOps   = []enforce.Op{enforce.OpFileRename, enforce.OpFileCreate, enforce.OpFileWrite}
	openedOps  = []enforce.Op{enforce.OpFileRead, enforce.OpFileWrite}
	readOps    = []enforce.Op{enforce.OpFileRead}
	writtenOps = []enforce.Op{enforce.OpFileWrite}
	deletedOps = []enforce.Op{enforce.OpFileDelete}
	attrOps    = []enforce.Op{enforce.OpFileAttr}
	execOps    = []enforce.Op{enforce.OpExec, enforce.OpExecMap}
)

var calls = map[string]call{
	"open":        {"fpS", planOpen, openedOps},
	"tmpfile":     {"fps", planTmpfile, openedOps},
	"list":        {"p", planList, readOps},
	"fill":        {"p", planFill(program), writtenOps},
	"script":      {"p", planFill(script), writtenOps},
	"close":       {"s", planClose, nil},
	"mkdir":       {"p", planMake(folder), madeOps},
	"mknod":       {"p", planMake(file), madeOps},
	"symlink":     {"xp", planMake(link), madeOps},
	"rmdir":       {"p", planRmdir, deletedOps},
	"unlink":      {"p", planUnlink, deletedOps},
	"link":        {"pt", planLink, madeOps},
	"rename":      {"pt", planRename(0), movedOps},
	"place":       {"pt", planRename(unix.RENAME_NOREPLACE), movedOps},
	"exchange":    {"pt", planRename(unix.RENAME_EXCHANGE), movedOps},
	"chmod":       {"p", planAttr, attrOps},
	"chown":       {"p", planAttr, attrOps},
	"utimes":      {"p", planAttr, attrOps},
	"setxattr":    {"p", planAttr, attrOps},
	"removexattr": {"p", planAttr, attrOps},
	"truncate":    {"p", planTruncate, writtenOps},
	"exec":        {"p", planExec, execOps},
	"unshare":     {"", planUnshare, nil},
	"bind":        {"pt", planBind, nil},
	"tmpfs":       {"p", planTmpfs, nil},
	"device":      {"p", planDevice, nil},
	"umount":      {"p", planUmount, nil},
	"chroot":      {"p", planChroot, nil},
}

// Calls are the names of all calls.
func Calls() []string { return sortedKeys(calls) }

// Judged reports whether policy may refuse a call.
func Judged(do string) bool { return calls[do].ops != nil }
