// SPDX-License-Identifier: Apache-2.0

// What a canary can be told to try: one system call for each way into an operation. Every one leaves things as it found
// them, whether it was refused or not.

package sensor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// self is a program that every canary can open, map and execute.
const self = "/proc/self/exe"

// stage is what a canary has at hand since before it was a session's.
type stage struct {
	program *os.File
	folder  string
	file    string // in it, with an extended attribute
	held    int    // a descriptor of the file
	pidfd   int    // its own
	port    int    // of the sensor's servers on this machine
}

// stageFolder makes a folder for one canary, where the file system knows extended attributes if there is such a one.
func stageFolder() (string, error) {
	folder, err := os.MkdirTemp("/dev/shm", "reeve-canary-")
	if err != nil {
		folder, err = os.MkdirTemp("", "reeve-canary-")
	}
	if err != nil {
		return "", fmt.Errorf("making a folder for the canary: %w", err)
	}
	return folder, nil
}

const canaryAttribute = "trusted.reeve"

// skillFile is that of a skill, which nobody knows.
const skillFile = "SKILL.md"

func enter(folder string) (*stage, error) {
	s := &stage{folder: folder, file: filepath.Join(folder, "file")}
	var err error
	if s.program, err = os.Open(self); err != nil {
		return nil, err
	}
	if s.held, err = unix.Open(s.file, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600); err != nil {
		return nil, err
	}
	if s.pidfd, err = unix.PidfdOpen(os.Getpid(), 0); err != nil {
		return nil, err
	}
	if s.port, err = portOf(folder); err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.in(skillFile), nil, 0o600); err != nil {
		return nil, err
	}
	_ = unix.Setxattr(s.file, canaryAttribute, []byte{1}, 0) // where there are none, its trials say so
	return s, nil
}

func (s *stage) in(name string) string { return filepath.Join(s.folder, name) }

// trials by name.
var trials = map[string]func(*stage) error{
	"read":        func(*stage) error { return opened(self, unix.O_RDONLY) },
	"receive":     (*stage).receive,
	"skill":       func(s *stage) error { return opened(s.in(skillFile), unix.O_RDONLY) },
	"write":       func(*stage) error { return opened(os.DevNull, unix.O_WRONLY) },
	"truncate":    func(s *stage) error { return unix.Truncate(s.file, 0) },
	"create":      func(s *stage) error { return s.made(opened(s.in("new"), unix.O_CREAT|unix.O_WRONLY)) },
	"mkfifo":      func(s *stage) error { return s.made(unix.Mkfifo(s.in("new"), 0o600)) },
	"mkdir":       func(s *stage) error { return s.made(unix.Mkdir(s.in("new"), 0o700)) },
	"symlink":     func(s *stage) error { return s.made(unix.Symlink("nowhere", s.in("new"))) },
	"link":        func(s *stage) error { return s.made(unix.Link(s.file, s.in("new"))) },
	"rename":      (*stage).rename,
	"unlink":      (*stage).unlink,
	"rmdir":       (*stage).rmdir,
	"chmod":       func(s *stage) error { return unix.Chmod(s.file, 0o600) },
	"setxattr":    func(s *stage) error { return unix.Setxattr(s.file, canaryAttribute, []byte{1}, 0) },
	"removexattr": (*stage).removexattr,
	"setacl":      func(s *stage) error { return unix.Setxattr(s.file, accessList, accessListOfOwner(), 0) },
	"removeacl":   func(s *stage) error { return unix.Removexattr(s.file, accessList) },
	"chattr":      (*stage).chattr,
	"trace":       func(*stage) error { return looked(os.Getppid()) },
	"signal":      func(*stage) error { return unix.Kill(os.Getppid(), unix.SIGURG) }, // which Go sends itself all the time
	"bpf":         func(*stage) error { return asked() },
	"socket":      func(*stage) error { return socketed() },
	"connect":     func(s *stage) error { return connected(unix.SOCK_STREAM, s.in(streamServer)) },
	"send":        func(s *stage) error { return connected(unix.SOCK_DGRAM, s.in(datagramServer)) },
	"meet":        func(s *stage) error { return met(unix.SOCK_STREAM, fourth(s.port)) },
	"meetsix":     func(s *stage) error { return met(unix.SOCK_STREAM, sixth(s.port)) },
	"tell":        func(s *stage) error { return told(fourth(s.port), []byte("reeve")) },
	"ask":         func(*stage) error { return told(fourth(portOfNames), question) },
	"listen":      func(*stage) error { return listened() },
	"bind":        func(*stage) error { return bound() },
	"map":         func(s *stage) error { return mapped(s.program, unix.PROT_READ|unix.PROT_EXEC, 0) },
	"mprotect":    func(s *stage) error { return mapped(s.program, unix.PROT_READ, unix.PROT_READ|unix.PROT_EXEC) },
	"exec":        func(*stage) error { return executed(self) },
	"written":     (*stage).written,
	"anonymous":   anonymous,
}

// absent is what the kernel says where a file system has not what a trial needs.
func absent(o outcome) bool {
	return slices.Contains([]unix.Errno{unix.EOPNOTSUPP, unix.ENOTTY, unix.ENOSYS, unix.EAFNOSUPPORT}, o.Errno)
}

// made takes away what was made.
func (s *stage) made(err error) error {
	if err == nil {
		return os.Remove(s.in("new"))
	}
	return err
}

// receive gets an open file the way that another process's would come.
func (s *stage) receive() error {
	fd, err := unix.PidfdGetfd(s.pidfd, s.held, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func (s *stage) rename() error {
	if err := unix.Rename(s.file, s.in("moved")); err != nil {
		return err
	}
	return unix.Rename(s.in("moved"), s.file)
}

func (s *stage) unlink() error {
	if err := opened(s.in("old"), unix.O_CREAT|unix.O_WRONLY); err != nil {
		return err
	}
	return unix.Unlink(s.in("old"))
}

func (s *stage) rmdir() error {
	if err := unix.Mkdir(s.in("folder"), 0o700); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return unix.Rmdir(s.in("folder"))
}

// removexattr takes the attribute away the first time. The kernel asks before it looks whether there is one.
func (s *stage) removexattr() error {
	err := unix.Removexattr(s.file, canaryAttribute)
	if errors.Is(err, unix.ENODATA) {
		return nil
	}
	return err
}

// accessList is the attribute by which access lists are set. kernel: include/uapi/linux/posix_acl_xattr.h.
const accessList = "system.posix_acl_access"

// accessListOfOwner says what mode 0600 says.
func accessListOfOwner() []byte {
	const version, owner, group, others, nobody = 2, 1, 4, 32, ^uint32(0)
	b := binary.LittleEndian.AppendUint32(nil, version)
	for _, entry := range [][2]uint16{{owner, 6}, {group, 0}, {others, 0}} {
		b = binary.LittleEndian.AppendUint16(b, entry[0])
		b = binary.LittleEndian.AppendUint16(b, entry[1])
		b = binary.LittleEndian.AppendUint32(b, nobody)
	}
	return b
}

// chattr sets the flags that the file has.
func (s *stage) chattr() error {
	flags, err := unix.IoctlGetInt(s.held, unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	return unix.IoctlSetPointerInt(s.held, unix.FS_IOC_SETFLAGS, flags)
}

// looked asks what only those may see who may trace.
func looked(pid int) error {
	_, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	return err
}

// Servers of the sensor's in a canary's folder, by type.
const (
	streamServer   = "stream"
	datagramServer = "datagram"
)

// serve gives a canary's folder the servers that it may not reach. They answer nothing: the kernel connects.
func serve(folder string) ([]io.Closer, error) {
	stream, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(folder, streamServer), Net: "unix"})
	if err != nil {
		return nil, err
	}
	datagrams, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(folder, datagramServer), Net: "unixgram"})
	if err != nil {
		return nil, errors.Join(err, stream.Close())
	}
	servers := []io.Closer{stream, datagrams}
	more, err := serveNetwork(folder)
	return append(servers, more...), err
}

func connected(kind int, path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}

// asked asks bpf(2) for the first program of all.
func asked() error {
	_, err := ebpf.ProgramGetNextID(0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func opened(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func mapped(f *os.File, first, then int) error {
	memory, err := unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), first, unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(memory) }()
	if then == 0 {
		return nil
	}
	return unix.Mprotect(memory, then)
}

// script is a program that this one runs.
const script = "#!" + self + "\n"

// written executes what it has written. Where the folder lets nothing be executed, nobody can.
func (s *stage) written() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(s.folder, &fs); err != nil || fs.Flags&unix.ST_NOEXEC != 0 {
		return errors.Join(err, unix.ENOSYS)
	}
	if err := os.WriteFile(s.in("script"), []byte(script), 0o700); err != nil {
		return err
	}
	return executed(s.in("script"))
}

// anonymous executes what is in no file.
func anonymous(*stage) error {
	fd, err := unix.MemfdCreate("reeve-canary", 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(script)); err != nil {
		return err
	}
	return executed("/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(fd))
}

func executed(program string) error {
	cmd := exec.Command(program)
	cmd.Env = []string{canaryMark + "=" + canaryTwice}
	return cmd.Run()
}

// socketed makes a socket of everyday, which only a rule may speak of.
func socketed() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
