// SPDX-License-Identifier: Apache-2.0

package actor

// What an actor can do to names in folders, and to what is kept about a file.

import (
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

var names = map[string]func(Act) Result{
	"rename": func(a Act) Result {
		return errno(unix.Renameat2(unix.AT_FDCWD, a.Path, unix.AT_FDCWD, a.To, uint(a.Flags)))
	},
	"link":     func(a Act) Result { return errno(unix.Linkat(unix.AT_FDCWD, a.Path, unix.AT_FDCWD, a.To, a.Flags)) },
	"linkfd":   func(a Act) Result { return errno(unix.Linkat(a.At, "", unix.AT_FDCWD, a.To, unix.AT_EMPTY_PATH)) },
	"unlink":   func(a Act) Result { return errno(unix.Unlink(a.Path)) },
	"unlinkat": func(a Act) Result { return errno(unix.Unlinkat(a.At, a.Path, 0)) },
	"rmdir":    func(a Act) Result { return errno(unix.Rmdir(a.Path)) },
	"mknod":    mknod,
	"socket":   socketNode,
	"openat":   func(a Act) Result { return closed(holdAt(a)) },
	"holdat":   holdAt,
	"descend":  descend,
	"list":     list,
}

var attributes = map[string]func(Act) Result{
	"truncate":  func(a Act) Result { return errno(unix.Truncate(a.Path, 0)) },
	"ftruncate": func(a Act) Result { return errno(unix.Ftruncate(a.At, 0)) },
	"chmod":     func(a Act) Result { return errno(unix.Chmod(a.Path, 0o777)) },
	"fchmod":    func(a Act) Result { return errno(unix.Fchmod(a.At, 0o777)) },
	"chown":     func(a Act) Result { return errno(unix.Chown(a.Path, 1000, 1000)) },
	"utimes": func(a Act) Result {
		return errno(unix.UtimesNanoAt(unix.AT_FDCWD, a.Path, make([]unix.Timespec, 2), 0))
	},
	"setxattr":    func(a Act) Result { return errno(unix.Setxattr(a.Path, a.To, []byte("x"), 0)) },
	"fsetxattr":   func(a Act) Result { return errno(unix.Fsetxattr(a.At, a.To, []byte("x"), 0)) },
	"removexattr": func(a Act) Result { return errno(unix.Removexattr(a.Path, a.To)) },
	"getxattr": func(a Act) Result {
		_, err := unix.Getxattr(a.Path, a.To, make([]byte, 64))
		return errno(err)
	},
	"setacl":    func(a Act) Result { return errno(unix.Setxattr(a.Path, accessACL, accessFor1000, 0)) },
	"removeacl": func(a Act) Result { return errno(unix.Removexattr(a.Path, accessACL)) },
	"chattr":    chattr,
}

const accessACL = "system.posix_acl_access"

// accessFor1000 lets user 1000 read and write (include/uapi/linux/posix_acl_xattr.h).
var accessFor1000 = []byte{
	2, 0, 0, 0,
	0x01, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, // owner
	0x02, 0, 7, 0, 0xe8, 0x03, 0, 0, // user 1000
	0x04, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, // group
	0x10, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, // mask
	0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, // others
}

// closed closes what an act opened.
func closed(r Result) Result {
	if r.Errno == 0 {
		unix.Close(r.Status)
	}
	return r
}

func holdAt(a Act) Result { return opened(unix.Openat(a.At, a.Path, a.Flags|unix.O_CLOEXEC, 0o644)) }

// mknod takes the kind as find -type has it, and a device's two numbers.
func mknod(a Act) Result {
	kinds := map[string]uint32{"b": unix.S_IFBLK, "c": unix.S_IFCHR, "p": unix.S_IFIFO, "f": unix.S_IFREG}
	device := uint64(0)
	if len(a.Argv) == 3 {
		major, _ := strconv.Atoi(a.Argv[1])
		minor, _ := strconv.Atoi(a.Argv[2])
		device = unix.Mkdev(uint32(major), uint32(minor))
	}
	return errno(unix.Mknod(a.Path, kinds[a.Argv[0]]|0o666, int(device)))
}

// socketNode makes a socket's name as a server does.
func socketNode(a Act) Result {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	return errno(unix.Bind(fd, &unix.SockaddrUnix{Name: a.Path}))
}

// descend goes down a chain of folders of one name, making those that are missing, and holds the last: no path is as long.
func descend(a Act) Result {
	count, _ := strconv.Atoi(a.Argv[0])
	at, err := unix.Open(a.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	for range count {
		if err != nil {
			break
		}
		if err = unix.Mkdirat(at, a.To, 0o755); err != nil && err != unix.EEXIST {
			break
		}
		var next int
		if next, err = unix.Openat(at, a.To, unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(at)
			at = next
		}
	}
	return opened(at, err)
}

func list(a Act) Result {
	_, err := os.ReadDir(a.Path)
	return errno(err)
}

// chattr sets a flag that means nothing here: not to be dumped.
func chattr(a Act) Result {
	const noDump = 0x40
	fd, err := unix.Open(a.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(fd)
	flags, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	if err != nil {
		return errno(err)
	}
	flags |= noDump
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.FS_IOC_SETFLAGS, uintptr(unsafe.Pointer(&flags)))
	return Result{Errno: e}
}

// flood makes folders by ever new names, and takes away those that it could make. Status: how many were refused.
func flood(a Act) (r Result) {
	for i := range a.At {
		path := fmt.Sprintf("%s/%0*d", a.Path, a.Flags, i)
		switch err := unix.Mkdir(path, 0o755); err {
		case nil:
			_ = unix.Rmdir(path)
		case unix.EACCES:
			r.Status++
		default:
			return errno(err)
		}
	}
	return r
}
