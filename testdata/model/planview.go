// SPDX-License-Identifier: Apache-2.0

// Plans of what changes an actor's view. Policy says nothing to them, and they change the name of nothing.

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
	if errno == 0 {
		f.at = w.cross(f.at) // kernel: fs/namespace.c goes to the top, where a descriptor does not
	}
	switch {
	case errno != 0:
		return f, fails(errno)
	case !w.sees(a, f.at.mount):
		return f, fails(unix.EINVAL)
	}
	return f, plan{}
}

func (w *World) mount(at place, root *name) {
	w.mounts = append(w.mounts, &mount{parent: at.mount, at: at.name, root: root})
}

func planBind(w *World, a *actor, s Step) plan {
	to, p := w.ground(a, s.To)
	if p.void || p.fails != 0 {
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
	case p.void || p.fails != 0:
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
