// SPDX-License-Identifier: Apache-2.0

// Package step has the words of a sequence of the model: who does what to which path. It is what the tests' small actor has to know of
// the model, and imports nothing of it.
package step

import (
	"maps"
	"slices"
)

// Home is where the host has mounted the file system that the trees lie on, and Interpreter a program beside them that runs scripts.
const (
	Home        = "/data"
	Interpreter = Home + "/run"
)

// Who takes a step.
type Who uint8

// The agent is in a session where its tree is judged; the bystander works in the same tree and is in none.
const (
	Agent Who = iota
	Bystander
)

// Actors is how many there are.
const Actors = len(whoNames)

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

var arguments = map[string]string{
	"open":        "fpS",
	"tmpfile":     "fps",
	"list":        "p",
	"fill":        "p",
	"script":      "p",
	"close":       "s",
	"mkdir":       "p",
	"mknod":       "p",
	"symlink":     "xp",
	"rmdir":       "p",
	"unlink":      "p",
	"link":        "pt",
	"rename":      "pt",
	"place":       "pt",
	"exchange":    "pt",
	"chmod":       "p",
	"chown":       "p",
	"utimes":      "p",
	"setxattr":    "p",
	"removexattr": "p",
	"truncate":    "p",
	"exec":        "p",
	"unshare":     "",
	"bind":        "pt",
	"tmpfs":       "p",
	"device":      "p",
	"umount":      "p",
	"chroot":      "p",
}

// Calls are the names of all calls, in order.
func Calls() []string { return slices.Sorted(maps.Keys(arguments)) }

// Arguments are the letters of a call's arguments: of f flags, p path, t new path, x text of a link, s slot, S slot that may be
// left out.
func Arguments(do string) string { return arguments[do] }
