// SPDX-License-Identifier: Apache-2.0

// Plans of what changes an actor's view. They change the name of nothing, and policy says nothing to them, but where others would
// see it.

package model

import "golang.org/x/sys/unix"

func planUnshare(w *World, a *actor, _ Step) plan {
	if a.private || a.root.mount.gone {
		return void
	}
	return plan{done: func() { w.unshare(a) }}
}

// ground is where something can be mounted: in a view of the actor's own, so that nobody else's changes.
func (w *World) ground(a *actor, p Path) (found, plan) {
	if !a.private {
		return found{}, void
	}
	f, errno := w.existing(a, p, true)
	on := f.at.name
	if errno == 0 {
		f.at = w.cross(f.at) // kernel: fs/namespace.c goes to the top, where a descriptor does not
	}
	switch {
	case errno != 0:
		return f, fails(errno)
	case w.hosts(f.at.mount):
		return f, plan{checks: []check{askLead(on)}, late: unix.EINVAL}
	case !w.sees(a, f.at.mount):
		return f, fails(unix.EINVAL)
	}
	return f, plan{}
}

// hosts reports whether a mount is the host's: by a descriptor it can be reached from a view of one's own.
func (w *World) hosts(m *mount) bool { return top(m) == w.mounts[0] }

func (w *World) mount(at place, root *name) {
	w.mounts = append(w.mounts, &mount{parent: at.mount, at: at.name, root: root})
}

func planBind(w *World, a *actor, s Step) plan {
	to, p := w.ground(a, s.To)
	if p.void || p.fails != 0 || p.late != 0 {
		return p
	}
	from, errno := w.walk(a, s.Path, true)
	switch {
	case errno != 0:
		return fails(errno)
	case from.missing():
		return fails(unix.ENOENT)
	case !w.sees(a, from.at.mount):
		return fails(unix.EINVAL)
	case to.at.name.gone:
		return fails(unix.ENOENT)
	case (from.at.name.node.kind == folder) != (to.at.name.node.kind == folder):
		return fails(unix.ENOTDIR)
	}
	return plan{done: func() { w.mount(to.at, from.at.name) }}
}

func planTmpfs(w *World, a *actor, s Step) plan {
	return w.planMount(a, s, func() *name { return newSystem(false, "").root })
}

func planDevice(w *World, a *actor, s Step) plan {
	return w.planMount(a, s, func() *name { return w.disk.root })
}

func (w *World) planMount(a *actor, s Step, root func() *name) plan {
	to, p := w.ground(a, s.Path)
	switch {
	case p.void || p.fails != 0 || p.late != 0:
		return p
	case to.at.name.gone:
		return fails(unix.ENOENT)
	case to.at.name.node.kind != folder:
		return fails(unix.ENOTDIR)
	}
	return plan{done: func() { w.mount(to.at, root()) }}
}

func planUmount(w *World, a *actor, s Step) plan {
	f, p := w.ground(a, s.Path)
	m := f.at.mount
	switch {
	case p.void || p.fails != 0:
		return p
	case w.hosts(m): // policy is asked after the kernel's own check here
		return fails(unix.EINVAL)
	case f.at.name != m.root:
		return fails(unix.EINVAL)
	case m.parent == nil || m.root == w.disk.root && m.parent.root == w.base.root:
		return void // the host's
	}
	return plan{done: func() { m.gone = true }}
}

func planChroot(w *World, a *actor, s Step) plan {
	f, errno := w.walk(a, s.Path, true)
	switch {
	case errno != 0:
		return fails(errno)
	case f.missing():
		return fails(unix.ENOENT)
	case f.at.name.node.kind != folder:
		return fails(unix.ENOTDIR)
	}
	return plan{done: func() { a.root, a.chroot = f.at, true }}
}
