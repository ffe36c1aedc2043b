// SPDX-License-Identifier: Apache-2.0

// The words of the steps: acts with their arguments, flags, counters, errnos.

package attacks

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/bpf"
)

// acts are what can be done: the fields of a Step in the order in which they are written. Those in brackets may be left
// out; words are all that remain. What each does is in testdata/live, where a test holds the two tables together.
var acts = map[string]string{
	// Opening and reading.
	"open":        "path [flags]",
	"openat":      "at path [flags]",
	"hold":        "name path [flags]", // open, and leave it open
	"holdat":      "name at path [flags]",
	"descend":     "name path to words", // hold the folder reached by going into `to` so often, making what is missing
	"read":        "path",               // at least a byte
	"readfd":      "at",
	"writefd":     "at",
	"list":        "path",
	"map":         "path", // executable
	"mprotect":    "path", // mapped to be read, and made executable
	"mapwrite":    "path", // opened for reading and writing, then mapped shared
	"mapfd":       "at",   // mapped shared and writable
	"copy":        "path to",
	"splice":      "path",
	"clone":       "path to", // shares its blocks with a new file
	"sendfile":    "path",
	"readlink":    "path",
	"getxattr":    "path to",
	"notify":      "path",      // inotify
	"fanotify":    "name path", // what is opened on a mount
	"fanread":     "at",        // what it tells of
	"handle":      "path",      // name_to_handle_at, of the object that openhandle opens
	"openhandle":  "path [flags]",
	"loop":        "name path", // a loop device's number
	"exec":        "path words",
	"run":         "words",      // busybox; a status other than 0 is EIO
	"launch":      "path words", // as an agent starts a connector; killed before it ran is EPERM, a status other than 0 EIO
	"execmemory":  "",           // a program in a memfd
	"execdeleted": "path",       // by a descriptor, after its file is gone
	"execat":      "path words", // by a descriptor, and no name at all
	"exectmpfile": "path words", // busybox, from a file in this folder that never had a name
	"execfd":      "path",       // a program whose interpreter reads the descriptor that it gets

	// Names.
	"write":    "path to",
	"mkdir":    "path",
	"rmdir":    "path",
	"unlink":   "path",
	"unlinkat": "at path",
	"mknod":    "path words",
	"socket":   "path",
	"symlink":  "path to",
	"link":     "path to [flags]",
	"linkfd":   "at to",
	"rename":   "path to [flags]",

	// Attributes.
	"truncate":    "path",
	"ftruncate":   "at",
	"chmod":       "path",
	"fchmod":      "at",
	"chown":       "path",
	"utimes":      "path",
	"setxattr":    "path to",
	"fsetxattr":   "at to",
	"removexattr": "path to",
	"setacl":      "path",
	"removeacl":   "path",
	"chattr":      "path",

	// By an io_uring worker.
	"worker":         "path [flags]",
	"worker-unlink":  "path",
	"worker-mkdir":   "path",
	"worker-symlink": "path to",
	"worker-link":    "path to",
	"worker-rename":  "path to",

	// What the actor sees.
	"chdir":     "path",
	"fchdir":    "at",
	"chroot":    "path",
	"pivot":     "path",
	"unshare":   "flags",
	"bind":      "path to",
	"move":      "path to",       // a mount
	"movetree":  "path to",       // by the newer call
	"mount":     "path to words", // source, target, type, options
	"umount":    "path",
	"opentree":  "name path [flags]",
	"subvolume": "path",
	"snapshot":  "path to", // of a subvolume
	"movemount": "at to",
	"child":     "name words [flags]", // what follows is done by a child of this user, in these namespaces
	"memchild":  "name",               // by a child whose program lies in a memfd

	// What others see.
	"comm": "path", // what the actor calls itself

	// Other processes.
	"offer":   "path [flags]", // what receive gets, over a socket
	"receive": "name",
	"getfd":   "name words at", // of the process
	"vmread":  "words",
	"attach":  "words",
	"kcmp":    "words",
	"kill":    "words", // a signal that is ignored where nobody waits for it
	"pidkill": "words",
	"queue":   "words",

	// Terminals.
	"terminal": "name",     // a new one's number; it is there until
	"hangup":   "",         // the last one's master is closed
	"runin":    "at words", // as run, in a session of its own that this terminal controls
	"type":     "",         // into a terminal of its own
	"paste":    "path",     // what a virtual console does for a mouse

	// Sockets.
	"newsocket":        "words", // family, type and protocol, by their numbers
	"serve":            "path",  // a path, or @NAME
	"servedatagrams":   "path",
	"connect":          "path",
	"connectdatagrams": "path",
	"send":             "path",

	// Networks. Orders to one socket after the other (testdata/live, netOrders), up to the first that fails, which must be the last.
	"net":   "words",
	"netfd": "name words", // the number of that socket is kept

	// The kernel.
	"bpf":        "", // asks for the first program
	"perf":       "",
	"module":     "path", // what is no module: the kernel reads it and says so
	"modulefrom": "path", // from memory
}

// Acts are the words that an actor must know.
func Acts() map[string]string { return acts }

var flags = map[string]int{
	"O_RDONLY": unix.O_RDONLY, "O_WRONLY": unix.O_WRONLY, "O_RDWR": unix.O_RDWR, "O_CREAT": unix.O_CREAT, "O_EXCL": unix.O_EXCL,
	"O_TRUNC": unix.O_TRUNC, "O_APPEND": unix.O_APPEND, "O_PATH": unix.O_PATH, "O_DIRECTORY": unix.O_DIRECTORY,
	"O_TMPFILE": unix.O_TMPFILE, "O_NOFOLLOW": unix.O_NOFOLLOW, "O_NONBLOCK": unix.O_NONBLOCK,
	"RENAME_EXCHANGE": unix.RENAME_EXCHANGE, "RENAME_NOREPLACE": unix.RENAME_NOREPLACE, "RENAME_WHITEOUT": unix.RENAME_WHITEOUT,
	"AT_SYMLINK_FOLLOW": unix.AT_SYMLINK_FOLLOW, "OPEN_TREE_CLONE": unix.OPEN_TREE_CLONE, "AT_RECURSIVE": unix.AT_RECURSIVE,
	"CLONE_NEWNS": unix.CLONE_NEWNS, "CLONE_NEWUSER": unix.CLONE_NEWUSER, "CLONE_NEWPID": unix.CLONE_NEWPID,
	"CLONE_NEWNET": unix.CLONE_NEWNET, "CLONE_NEWCGROUP": unix.CLONE_NEWCGROUP,
}

var counters = map[string]bpf.Counter{
	"name_deep": bpf.CountNameDeep, "name_long": bpf.CountNameLong, "name_detached": bpf.CountNameDetached,
	"name_device": bpf.CountNameDevice, "name_forged": bpf.CountNameForged, "refused": bpf.CountRefused,
}

// errnos by name, as the kernel's headers have them, and one of our own.
var errnos = func() map[string]syscall.Errno {
	names := map[string]syscall.Errno{"CUT": Cut}
	for e := syscall.Errno(1); e < 134; e++ {
		if name := unix.ErrnoName(e); name != "" {
			names[name] = e
		}
	}
	return names
}()
