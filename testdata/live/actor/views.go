// SPDX-License-Identifier: Apache-2.0

package actor

// How an actor changes its own view of the files: mounts, roots, namespaces, a deputy that lives in others.

import (
	"encoding/gob"
	"io"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var views = map[string]func(Act) Result{
	"fchdir": func(a Act) Result { return errno(unix.Fchdir(a.At)) },
	"pivot":  pivot,
	"move":   func(a Act) Result { return errno(unix.Mount(a.Path, a.To, "", unix.MS_MOVE, "")) },
	"mount":  mount,
	"umount": func(a Act) Result { return errno(unix.Unmount(a.Path, unix.MNT_DETACH)) },
	"movetree": func(a Act) Result {
		return errno(unix.MoveMount(unix.AT_FDCWD, a.Path, unix.AT_FDCWD, a.To, 0))
	},
	"opentree": func(a Act) Result {
		return opened(unix.OpenTree(unix.AT_FDCWD, a.Path, uint(a.Flags)|unix.OPEN_TREE_CLOEXEC))
	},
	"movemount": func(a Act) Result {
		return errno(unix.MoveMount(a.At, "", unix.AT_FDCWD, a.To, unix.MOVE_MOUNT_F_EMPTY_PATH))
	},
	"subvolume": func(a Act) Result { return errno(volume(ioctlSubvolume, a.Path, 0)) },
	"snapshot": func(a Act) Result {
		return using(a.Path, unix.O_RDONLY|unix.O_DIRECTORY, func(fd int) error { return volume(ioctlSnapshot, a.To, fd) })
	},
	"loop":     loop,
	"child":    child,
	"memchild": memoryChild,
}

// mount takes the type, and options where there are any; ro comes first.
func mount(a Act) Result {
	options, flags := "", uintptr(0)
	if len(a.Argv) > 1 {
		options = a.Argv[1]
	}
	if rest, ok := strings.CutPrefix(options, "ro,"); ok {
		options, flags = rest, unix.MS_RDONLY
	}
	return errno(unix.Mount(a.Path, a.To, a.Argv[0], flags, options))
}

// Ioctls of btrfs, on the folder that the new subvolume will lie in (linux/btrfs.h).
const (
	ioctlSubvolume = 0x5000940e // BTRFS_IOC_SUBVOL_CREATE
	ioctlSnapshot  = 0x50009401 // BTRFS_IOC_SNAP_CREATE
)

// volume makes a subvolume, empty or with what another one has.
func volume(request uint, name string, of int) error {
	args := struct { // btrfs_ioctl_vol_args
		fd   int64
		name [4088]byte
	}{fd: int64(of)}
	copy(args.name[:], path.Base(name))
	folder, err := unix.Open(path.Dir(name), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(folder)
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(folder), uintptr(request), uintptr(unsafe.Pointer(&args))); e != 0 {
		return e
	}
	return nil
}

// pivot makes a folder the root, as container programs do: the old root is stacked below it and taken away.
func pivot(a Act) Result {
	if err := unix.Mount(a.Path, a.Path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return errno(err)
	}
	if err := unix.Chdir(a.Path); err != nil {
		return errno(err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return errno(err)
	}
	return errno(unix.Unmount(".", unix.MNT_DETACH))
}

// loop puts a file behind a free loop device and answers with its number.
func loop(a Act) Result {
	control, err := unix.Open("/dev/loop-control", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(control)
	number, err := unix.IoctlRetInt(control, unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return errno(err)
	}
	device, err := unix.Open("/dev/loop"+strconv.Itoa(number), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return errno(err)
	}
	defer unix.Close(device)
	file, err := unix.Open(a.Path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == unix.EBUSY || err == unix.EPERM { // what is mounted may not always be written
		file, err = unix.Open(a.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return errno(err)
	}
	defer unix.Close(file)
	r := errno(unix.IoctlSetInt(device, unix.LOOP_SET_FD, file))
	r.Status = number
	return r
}

// deputy acts in place of the process that started it.
var deputy *relay

type relay struct {
	in  *gob.Encoder
	out *gob.Decoder
}

func (r *relay) ask(a Act) Result {
	var answer Result
	if err := r.in.Encode(a); err != nil {
		panic(err)
	}
	if err := r.out.Decode(&answer); err != nil {
		return Result{Errno: unix.EPIPE} // it was killed
	}
	return answer
}

// child starts a deputy of another user, in new namespaces where flags ask for them. In a user namespace it is root.
func child(a Act) Result {
	uid, err := strconv.Atoi(a.Argv[0])
	if err != nil {
		return Result{Errno: unix.EINVAL}
	}
	attr := &syscall.SysProcAttr{Cloneflags: uintptr(a.Flags)}
	switch {
	case a.Flags&unix.CLONE_NEWUSER != 0:
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	case uid != os.Getuid():
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	return depute("/proc/self/exe", attr)
}

// memoryChild starts a deputy whose program has no name.
func memoryChild(Act) Result {
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		return errno(err)
	}
	defer program.Close()
	fd, err := unix.MemfdCreate("program", 0)
	if err != nil {
		return errno(err)
	}
	memory := os.NewFile(uintptr(fd), "program")
	defer memory.Close()
	if _, err := io.Copy(memory, program); err != nil {
		return errno(err)
	}
	return depute("/proc/self/fd/"+strconv.Itoa(fd), nil)
}

func depute(program string, attr *syscall.SysProcAttr) Result {
	cmd := exec.Command(program)
	cmd.Env, cmd.Stderr, cmd.SysProcAttr = os.Environ(), os.Stderr, attr
	in, err := cmd.StdinPipe()
	if err != nil {
		return errno(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return errno(err)
	}
	if err := cmd.Start(); err != nil {
		return errno(err)
	}
	deputy = &relay{gob.NewEncoder(in), gob.NewDecoder(out)}
	return Result{PID: cmd.Process.Pid}
}
