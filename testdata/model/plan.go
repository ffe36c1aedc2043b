// SPDX-License-Identifier: Apache-2.0

// What a step asks of policy, and what becomes of the tree where it succeeds. The order of the checks is the kernel's.

package model

import (
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/enforce"
)

// plan is what a step comes to, as the tree is before it.
type plan struct {
	void   bool          // the step is left out: it leaves the tree, or the model cannot follow it
	fails  syscall.Errno // that any kernel gives, before policy is asked; 0 where the call may succeed
	late   syscall.Errno // the same, after policy was asked
	checks []check
	first  int    // how many of the checks stand before a file is made, of a call that goes on after that
	made   func() // the file was made, and the call went no further
	done   func() // the call succeeded
}

// check is one question to policy.
type check struct {
	ops   []enforce.Op // the strictest answer counts
	on    *name
	all   bool  // it is asked of the object, so of all of its names
	to    *name // where on goes: what holds there must hold here; nil where nothing moves
	leads bool  // on is a link to be: names below it are those of what it leads to
	errno syscall.Errno
}

var void = plan{void: true}

func fails(errno syscall.Errno) plan {
	if errno == errLost {
		return void
	}
	return plan{fails: errno}
}

// ask is a question about a name.
func ask(on *name, ops ...enforce.Op) check { return check{ops: ops, on: on, errno: unix.EACCES} }

// askAll is a question about an object.
func askAll(on *name, ops ...enforce.Op) check {
	return check{ops: ops, on: on, all: true, errno: unix.EACCES}
}

func askMove(on, to *name) check { return check{on: on, to: to, errno: unix.EACCES} }

func askLead(on *name) check { return check{on: on, leads: true, errno: unix.EACCES} }

func (w *World) plan(s Step) plan {
	return calls[s.Do].plan(w, w.actors[s.Who], s)
}

// within reports whether a step may change what is here: the other tree must not see it.
func (w *World) within(p place) bool {
	return p.name == nil || !rootOf(p.name).node.system.host || under(p.name, w.tree)
}

// existing walks to a file that is there.
func (w *World) existing(a *actor, p Path, follow bool) (found, syscall.Errno) {
	f, errno := w.walk(a, p, follow)
	switch {
	case errno != 0:
		return f, errno
	case f.missing():
		return f, unix.ENOENT
	case !w.within(f.at):
		return f, errLost
	}
	return f, 0
}

// named walks to a name in a folder, which must be there or must not.
func (w *World) named(a *actor, p Path, there bool) (found, syscall.Errno) {
	if p.Magic && p.Rel == "" {
		return found{}, errLost // a name in /proc
	}
	f, errno := w.walk(a, p, false)
	switch {
	case errno != 0:
		return f, errno
	case f.base == "":
		return f, unix.EINVAL
	case !w.within(f.parent):
		return f, errLost
	case there && f.child == nil:
		return f, unix.ENOENT
	case !there && f.child != nil:
		return f, unix.EEXIST
	}
	return f, 0
}

// fresh is the name that something is about to get.
func (f found) fresh() *name { return &name{parent: f.parent.name, base: f.base} }

func planMake(k kind) func(*World, *actor, Step) plan {
	return func(w *World, a *actor, s Step) plan {
		f, errno := w.named(a, s.Path, false)
		if errno != 0 {
			return fails(errno)
		}
		p := plan{checks: []check{ask(f.fresh(), madeOps...)}, done: func() { w.make(f, k).target = s.Text }}
		if k == link {
			p.checks = append(p.checks, askLead(f.fresh()))
		}
		return p
	}
}

func (w *World) make(f found, k kind) *node {
	n := newNode(f.parent.name.node.system, k)
	put(f.parent.name, f.base, n)
	return n
}

func planRmdir(w *World, a *actor, s Step) plan {
	f, errno := w.named(a, s.Path, true)
	switch {
	case errno != 0:
		return fails(errno)
	case f.child.node.kind != folder:
		return fails(unix.ENOTDIR)
	}
	p := plan{checks: []check{ask(f.child, enforce.OpFileDelete)}, done: func() { w.remove(f.child) }}
	if w.mountPoint(a, f.child) {
		p.fails = unix.EBUSY
	} else if len(f.child.node.children) > 0 {
		p.late = unix.ENOTEMPTY
	}
	return p
}

func planUnlink(w *World, a *actor, s Step) plan {
	f, errno := w.named(a, s.Path, true)
	switch {
	case errno != 0:
		return fails(errno)
	case f.child.node.kind == folder:
		return fails(unix.EISDIR)
	}
	p := plan{checks: []check{ask(f.child, enforce.OpFileDelete)}, done: func() { w.remove(f.child) }}
	if w.mountPoint(a, f.child) {
		p.fails = unix.EBUSY
	}
	return p
}

// mountPoint reports whether something is mounted on a name in the actor's own view.
func (w *World) mountPoint(a *actor, n *name) bool {
	for _, m := range w.mounts {
		if !m.gone && m.at == n && w.sees(a, m) {
			return true
		}
	}
	return false
}

func (w *World) remove(n *name) {
	take(n)
	w.unmount(n)
}

func planLink(w *World, a *actor, s Step) plan {
	f, errno := w.existing(a, s.Path, s.Path.Magic)
	if errno != 0 {
		return fails(errno)
	}
	to, errno := w.named(a, s.To, false)
	if errno != 0 {
		return fails(errno)
	}
	n := f.at.name.node
	switch {
	case to.parent.mount != f.at.mount:
		return fails(unix.EXDEV)
	case n.kind == folder:
		return fails(unix.EPERM)
	}
	p := plan{checks: []check{ask(to.fresh(), madeOps...), askMove(f.at.name, to.fresh())}}
	if len(n.names) == 0 && !n.linkable {
		p.late = unix.ENOENT
	}
	p.done = func() {
		n.linkable = false
		put(to.parent.name, to.base, n)
	}
	return p
}

func planRename(flags int) func(*World, *actor, Step) plan {
	return func(w *World, a *actor, s Step) plan {
		f, errno := w.named(a, s.Path, true)
		if errno != 0 {
			return fails(errno)
		}
		to, errno := w.named(a, s.To, flags == unix.RENAME_EXCHANGE)
		if errno == unix.EEXIST && flags == 0 {
			errno = 0
		}
		if errno != 0 {
			return fails(errno)
		}
		return w.planMove(a, f, to, flags)
	}
}

// planMove is a rename of which both names are found.
func (w *World) planMove(a *actor, f, to found, flags int) plan {
	if errno := w.unmovable(a, f, to, flags); errno != 0 {
		return fails(errno)
	}
	if to.child != nil && to.child.node == f.child.node {
		return plan{done: func() {}} // kernel: vfs_rename does nothing, and asks nobody
	}
	target := to.child
	if target == nil {
		target = to.fresh()
	}
	p := plan{checks: moveChecks(f.child, target), late: w.unmoved(a, f, to, flags)}
	if flags == unix.RENAME_EXCHANGE {
		// kernel: security_inode_rename asks about the way back first
		p.checks = slices.Concat(moveChecks(target, f.child), p.checks)
		p.done = func() { exchange(f.child, target) }
		return p
	}
	p.done = func() {
		if to.child != nil {
			w.remove(to.child)
		}
		move(f.child, to.parent.name, to.base)
	}
	return p
}

func moveChecks(from, to *name) []check {
	return []check{ask(from, enforce.OpFileRename), ask(to, madeOps...), askMove(from, to)}
}

// unmovable is what any kernel answers to a rename that cannot be.
func (w *World) unmovable(a *actor, f, to found, flags int) syscall.Errno {
	switch {
	case f.parent.mount != to.parent.mount:
		return unix.EXDEV
	case under(to.parent.name, f.child):
		return unix.EINVAL
	case to.child != nil && under(f.parent.name, to.child):
		return unix.ENOTEMPTY
	case to.child == nil || flags == unix.RENAME_EXCHANGE:
		return 0
	}
	was, is := f.child.node.kind == folder, to.child.node.kind == folder
	switch {
	case was && !is:
		return unix.ENOTDIR
	case !was && is:
		return unix.EISDIR
	}
	return 0
}

// unmoved is the same for one that policy is asked about before.
func (w *World) unmoved(a *actor, f, to found, flags int) syscall.Errno {
	switch {
	case w.mountPoint(a, f.child) || to.child != nil && w.mountPoint(a, to.child):
		return unix.EBUSY
	case to.child != nil && len(to.child.node.children) > 0 && flags != unix.RENAME_EXCHANGE:
		return unix.ENOTEMPTY
	}
	return 0
}

func planAttr(w *World, a *actor, s Step) plan {
	f, errno := w.existing(a, s.Path, true)
	if errno != 0 {
		return fails(errno)
	}
	p := plan{checks: []check{askAll(f.at.name, enforce.OpFileAttr)}, done: func() {}}
	n := f.at.name.node
	switch s.Do {
	case "setxattr":
		p.done = func() { n.attr = true }
	case "removexattr":
		if !n.attr {
			p.late = unix.ENODATA
		}
		p.done = func() { n.attr = false }
	}
	return p
}

func planTruncate(w *World, a *actor, s Step) plan {
	f, errno := w.existing(a, s.Path, true)
	switch {
	case errno != 0:
		return fails(errno)
	case f.at.name.node.kind == folder:
		return fails(unix.EISDIR)
	}
	return plan{checks: []check{askAll(f.at.name, enforce.OpFileWrite)}, done: func() { f.at.name.node.content = empty }}
}

// planExec: the program, and for a script what runs it as well; then the program as it is mapped.
func planExec(w *World, a *actor, s Step) plan {
	f, errno := w.existing(a, s.Path, true)
	switch {
	case errno != 0:
		return fails(errno)
	case f.at.name.node.kind == folder:
		return fails(unix.EACCES)
	}
	last := f.at.name
	p := plan{checks: []check{askExec(last)}, done: func() {}}
	switch last.node.content {
	case empty:
		p.late = unix.ENOEXEC
		return p
	case script:
		last = w.runner
		p.checks = append(p.checks, askExec(last))
	}
	mapped := askAll(last, enforce.OpExecMap)
	mapped.errno = 0 // the program has begun: it ends by a signal
	p.checks = append(p.checks, mapped)
	return p
}

func askExec(on *name) check {
	return check{ops: []enforce.Op{enforce.OpExec}, on: on, all: true, errno: unix.EPERM}
}
