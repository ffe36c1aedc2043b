// SPDX-License-Identifier: Apache-2.0

package actor

// The actor's side of the model test: takes the steps of a sequence in one tree. Everything that it needs itself is open
// before it is in a session.

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/testdata/model/step"
)

// stage is where an actor acts.
type stage struct {
	tree   string
	device string
	view   int // the namespace of mounts that it began in
	chroot bool
	slots  map[int]int
}

var on stage

var staged = map[string]func(Act) Result{
	"stage":   func(a Act) Result { return errno(on.enter(a.Path)) },
	"curtain": func(Act) Result { return errno(on.curtain()) },
	"steps":   steps,
}

// enter: the calling thread has a root and mounts of its own from here on, or it could not come back to the host's.
func (g *stage) enter(tree string) (err error) {
	if err = unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	if g.view, err = unix.Open("/proc/self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	g.tree, g.slots = tree, map[int]int{}
	mounts, err := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); fields[1] == step.Home {
			g.device = fields[0]
		}
	}
	return err
}

// curtain ends a sequence: nothing is open, and the view is the host's.
func (g *stage) curtain() error {
	for slot, fd := range g.slots {
		unix.Close(fd)
		delete(g.slots, slot)
	}
	g.chroot = false
	return unix.Setns(g.view, unix.CLONE_NEWNS)
}

// at is a path as the *at calls take it.
func (g *stage) at(p step.Path) (int, string) {
	rel := strings.ReplaceAll(p.Rel, "@", g.tree)
	switch {
	case p.Slot == 0 && g.chroot:
		return unix.AT_FDCWD, "/" + rel
	case p.Slot == 0:
		return unix.AT_FDCWD, filepath.Join(step.Home, g.tree) + "/" + rel
	case p.Magic:
		return unix.AT_FDCWD, strings.TrimSuffix(fmt.Sprintf("/proc/self/fd/%d/%s", g.slots[p.Slot], rel), "/")
	}
	return g.slots[p.Slot], rel
}

// whole is a path as the other calls take it.
func (g *stage) whole(p step.Path) string {
	if p.Slot > 0 {
		p.Magic = true
	}
	_, path := g.at(p)
	return path
}

// itself reports whether a step is done to an open descriptor.
func (g *stage) itself(p step.Path) (fd int, ok bool) {
	return g.slots[p.Slot], p.Slot > 0 && !p.Magic && p.Rel == ""
}

// Order is one step, and how the model thinks that it goes.
type Order struct {
	Step     step.Step
	Succeeds bool
}

// steps takes steps up to the first that goes otherwise.
func steps(a Act) (all Result) {
	for _, o := range a.Steps {
		r := stepCalls[o.Step.Do](&on, o.Step)
		all.Steps = append(all.Steps, r)
		if (r.Errno == 0 && r.Signal == 0) != o.Succeeds {
			break
		}
	}
	return all
}

var stepCalls = map[string]func(*stage, step.Step) Result{
	"open":    func(g *stage, s step.Step) Result { return g.open(s, nil) },
	"tmpfile": func(g *stage, s step.Step) Result { s.Flags |= unix.O_TMPFILE; return g.open(s, nil) },
	"list":    func(g *stage, s step.Step) Result { s.Flags = unix.O_DIRECTORY; return g.open(s, g.list) },
	"fill":    func(g *stage, s step.Step) Result { return g.fill(s, Exits) },
	"script":  func(g *stage, s step.Step) Result { return g.fill(s, []byte("#!"+step.Interpreter+"\n")) },
	"close": func(g *stage, s step.Step) Result {
		defer delete(g.slots, s.Slot)
		return errno(unix.Close(g.slots[s.Slot]))
	},
	"mkdir": func(g *stage, s step.Step) Result {
		return g.by(s, func(at int, p string) error { return unix.Mkdirat(at, p, 0o755) })
	},
	"mknod": func(g *stage, s step.Step) Result {
		return g.by(s, func(at int, p string) error { return unix.Mknodat(at, p, unix.S_IFREG|0o755, 0) })
	},
	"symlink": func(g *stage, s step.Step) Result {
		return g.by(s, func(at int, p string) error { return unix.Symlinkat(strings.ReplaceAll(s.Text, "@", g.tree), at, p) })
	},
	"rmdir": func(g *stage, s step.Step) Result {
		return g.by(s, func(at int, p string) error { return unix.Unlinkat(at, p, unix.AT_REMOVEDIR) })
	},
	"unlink": func(g *stage, s step.Step) Result {
		return g.by(s, func(at int, p string) error { return unix.Unlinkat(at, p, 0) })
	},
	"link":        (*stage).link,
	"rename":      func(g *stage, s step.Step) Result { return g.rename(s, 0) },
	"place":       func(g *stage, s step.Step) Result { return g.rename(s, unix.RENAME_NOREPLACE) },
	"exchange":    func(g *stage, s step.Step) Result { return g.rename(s, unix.RENAME_EXCHANGE) },
	"chmod":       (*stage).chmod,
	"chown":       (*stage).chown,
	"utimes":      (*stage).utimes,
	"setxattr":    (*stage).setxattr,
	"removexattr": (*stage).removexattr,
	"truncate":    (*stage).truncate,
	"exec":        (*stage).exec,
	"unshare":     func(*stage, step.Step) Result { return errno(unix.Unshare(unix.CLONE_NEWNS)) },
	"bind": func(g *stage, s step.Step) Result {
		return errno(unix.Mount(g.whole(s.Path), g.whole(s.To), "", unix.MS_BIND, ""))
	},
	"tmpfs": func(g *stage, s step.Step) Result { return errno(unix.Mount("none", g.whole(s.Path), "tmpfs", 0, "")) },
	"device": func(g *stage, s step.Step) Result {
		return errno(unix.Mount(g.device, g.whole(s.Path), "ext4", 0, ""))
	},
	"umount": func(g *stage, s step.Step) Result { return errno(unix.Unmount(g.whole(s.Path), 0)) },
	"chroot": func(g *stage, s step.Step) Result {
		r := errno(unix.Chroot(g.whole(s.Path)))
		g.chroot = g.chroot || r.Errno == 0
		return r
	},
}

func (g *stage) by(s step.Step, call func(int, string) error) Result {
	at, path := g.at(s.Path)
	return errno(call(at, path))
}

// open opens, looks at what is open, and keeps it where it is told to.
func (g *stage) open(s step.Step, use func(fd int) (string, error)) Result {
	at, path := g.at(s.Path)
	if _, ok := g.itself(s.Path); ok {
		path = "."
	}
	fd, err := unix.Openat(at, path, s.Flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o755)
	if err != nil {
		return errno(err)
	}
	if use == nil {
		use = look
	}
	seen, err := use(fd)
	if s.Slot == 0 || err != nil {
		unix.Close(fd)
		return Result{Errno: errno(err).Errno, Seen: seen}
	}
	if old, ok := g.slots[s.Slot]; ok {
		unix.Close(old)
	}
	g.slots[s.Slot] = fd
	return Result{Seen: seen}
}

// look tells what both trees must have alike of a file.
func look(fd int) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return fmt.Sprintf("folder, %d links", st.Nlink), nil
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		st.Size = 0 // its target may have the name of the tree in it, and the two have other names
	}
	return fmt.Sprintf("%o, %d bytes, %d links", st.Mode, st.Size, st.Nlink), nil
}

func (g *stage) list(fd int) (string, error) {
	var names []string
	buf := make([]byte, 4096)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil || n == 0 {
			slices.Sort(names)
			return strings.Join(names, " "), err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

func (g *stage) fill(s step.Step, content []byte) Result {
	s.Flags = unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC
	return g.open(s, func(fd int) (string, error) {
		_, err := unix.Write(fd, content)
		return "", err
	})
}

func (g *stage) link(s step.Step) Result {
	at, path := g.at(s.Path)
	toAt, to := g.at(s.To)
	flags := 0
	if _, ok := g.itself(s.Path); ok {
		flags = unix.AT_EMPTY_PATH
	} else if s.Path.Magic {
		flags = unix.AT_SYMLINK_FOLLOW
	}
	return errno(unix.Linkat(at, path, toAt, to, flags))
}

func (g *stage) rename(s step.Step, flags uint) Result {
	at, path := g.at(s.Path)
	toAt, to := g.at(s.To)
	return errno(unix.Renameat2(at, path, toAt, to, flags))
}

func (g *stage) chmod(s step.Step) Result {
	if fd, ok := g.itself(s.Path); ok {
		return errno(unix.Fchmod(fd, 0o755))
	}
	return g.by(s, func(at int, p string) error { return unix.Fchmodat(at, p, 0o755, 0) })
}

func (g *stage) chown(s step.Step) Result {
	if fd, ok := g.itself(s.Path); ok {
		return errno(unix.Fchown(fd, 0, 0))
	}
	return g.by(s, func(at int, p string) error { return unix.Fchownat(at, p, 0, 0, 0) })
}

func (g *stage) utimes(s step.Step) Result {
	times := []unix.Timespec{{Sec: 1}, {Sec: 2}}
	if _, ok := g.itself(s.Path); ok {
		s.Path.Magic = true
	}
	return g.by(s, func(at int, p string) error { return unix.UtimesNanoAt(at, p, times, 0) })
}

const attribute = "user.model"

func (g *stage) setxattr(s step.Step) Result {
	if fd, ok := g.itself(s.Path); ok {
		return errno(unix.Fsetxattr(fd, attribute, []byte("x"), 0))
	}
	return errno(unix.Setxattr(g.whole(s.Path), attribute, []byte("x"), 0))
}

func (g *stage) removexattr(s step.Step) Result {
	if fd, ok := g.itself(s.Path); ok {
		return errno(unix.Fremovexattr(fd, attribute))
	}
	return errno(unix.Removexattr(g.whole(s.Path), attribute))
}

func (g *stage) truncate(s step.Step) Result {
	if fd, ok := g.itself(s.Path); ok {
		return errno(unix.Ftruncate(fd, 0))
	}
	return errno(unix.Truncate(g.whole(s.Path), 0))
}

// exec starts a program in a child, which has the actor's root and mounts. Nothing else is opened for it.
func (g *stage) exec(s step.Step) Result {
	r := started(Act{Path: g.whole(s.Path), Argv: []string{"model"}})
	if r.Errno == 0 {
		r.Seen = fmt.Sprint("exit ", r.Status)
	}
	return r
}

// Exits is a program that ends at once: mov edi, 0; mov eax, 231 (exit_group); syscall.
var Exits = ProgramOf([]byte{0xbf, 0, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05}, "")
