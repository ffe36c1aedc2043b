// SPDX-License-Identifier: Apache-2.0

// From a path to what it names, for one actor: as fs/namei.c walks.

package model

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// found is where a path leads.
type found struct {
	parent place  // in which its last component is looked for
	base   string // the last component; empty where it is none: "..", a descriptor itself
	child  *name  // what has that name there, whatever is mounted over it; nil where nothing has
	at     place  // where the path ends, mounts crossed; no name where it is missing
}

// missing reports whether the path ends at a name that nothing has yet.
func (f found) missing() bool { return f.at.name == nil }

// walker is one walk.
type walker struct {
	w      *World
	a      *actor
	at     place
	rest   []string
	follow bool // a symbolic link at the end as well
	links  int
	lost   bool // it passed what was unmounted, so nothing is known
	found  found
}

const linksMax = 40

// errLost is that of a path of which the model does not know where it leads.
const errLost = syscall.Errno(0xfff)

func (w *World) walk(a *actor, p Path, follow bool) (found, syscall.Errno) {
	k := &walker{w: w, a: a, follow: follow}
	if errno := k.begin(p); errno != 0 {
		return found{}, errno
	}
	errno := k.run()
	if k.lost || a.root.mount.gone {
		return found{}, errLost
	}
	return k.found, errno
}

// begin puts the walk at its first place.
func (k *walker) begin(p Path) syscall.Errno {
	k.rest = split(strings.ReplaceAll(p.Rel, "@", k.w.tree.base))
	if p.Slot == 0 {
		k.at = k.a.root
		if !k.a.chroot {
			k.rest = append(split(Home+"/"+k.w.tree.base), k.rest...)
		}
		return 0
	}
	h, ok := k.a.slots[p.Slot]
	if !ok {
		return errLost
	}
	if p.Magic && k.a.chroot {
		return unix.ENOENT // there is no /proc
	}
	k.at = h.place
	return 0
}

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func (k *walker) run() syscall.Errno {
	k.found = found{at: k.at}
	for len(k.rest) > 0 {
		k.lost = k.lost || k.at.mount.gone
		if k.at.name.node.kind != folder {
			return unix.ENOTDIR
		}
		c := k.rest[0]
		k.rest = k.rest[1:]
		if errno := k.step(c); errno != 0 {
			return errno
		}
	}
	k.lost = k.lost || k.at.mount.gone
	return 0
}

func (k *walker) step(c string) syscall.Errno {
	switch c {
	case ".":
		k.found = found{at: k.at}
		return 0
	case "..":
		above, ok := k.w.up(k.a, k.at)
		if !ok {
			return unix.ENOENT
		}
		k.at, k.found = above, found{at: above}
		return 0
	}
	child := k.at.name.node.children[c]
	if k.w.shared(k.at.name) && (child == nil || child == k.w.runner) {
		k.lost = true // others have files there
	}
	if child == nil {
		return k.absent(c)
	}
	// kernel: mounts are crossed first (fs/namei.c:step_into), and a symbolic link can be mounted over a file
	at := k.w.cross(place{k.at.mount, child})
	if at.name.node.kind == link && (len(k.rest) > 0 || k.follow) {
		return k.through(at.name.node.target)
	}
	k.found = found{parent: k.at, base: c, child: child, at: at}
	k.at = at
	return 0
}

// absent ends the walk: only the last component may be missing.
func (k *walker) absent(c string) syscall.Errno {
	if len(k.rest) > 0 || k.at.name.gone {
		return unix.ENOENT
	}
	k.found = found{parent: k.at, base: c}
	return 0
}

func (k *walker) through(target string) syscall.Errno {
	if k.links++; k.links > linksMax {
		return unix.ELOOP
	}
	if target[0] == '/' {
		k.at = k.a.root
	}
	k.rest = append(split(strings.ReplaceAll(target, "@", k.w.tree.base)), k.rest...)
	k.found = found{at: k.at}
	return 0
}
