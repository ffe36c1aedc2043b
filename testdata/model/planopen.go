// SPDX-License-Identifier: Apache-2.0

// Plans of opens, and of what stays open.

package model

import (
	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/enforce"
)

// opened are the questions that an open asks about the file.
func opened(on *name, flags int) []check {
	write := flags&unix.O_ACCMODE != unix.O_RDONLY
	switch {
	case flags&unix.O_PATH != 0:
		return nil
	case write && flags&unix.O_ACCMODE == unix.O_WRONLY:
		return []check{askAll(on, enforce.OpFileWrite)}
	case write || flags&unix.O_TRUNC != 0:
		return []check{askAll(on, enforce.OpFileWrite, enforce.OpFileRead)}
	}
	return []check{askAll(on, enforce.OpFileRead)}
}

func planOpen(w *World, a *actor, s Step) plan {
	if s.Flags&unix.O_CREAT != 0 && s.Flags&(unix.O_DIRECTORY|unix.O_PATH) != 0 {
		return void // kernels differ
	}
	path := s.Path
	if path.Slot > 0 && !path.Magic && path.Rel == "" {
		path.Rel = "."
	}
	f, errno := w.walk(a, path, s.Flags&unix.O_NOFOLLOW == 0 && s.Flags&(unix.O_CREAT|unix.O_EXCL) != unix.O_CREAT|unix.O_EXCL)
	switch {
	case errno != 0:
		return fails(errno)
	case f.missing():
		return w.planCreate(a, s, f)
	case path.Magic && path.Rel == "" && s.Flags&unix.O_NOFOLLOW != 0:
		return void // what is opened is the link in /proc
	}
	return w.planReopen(a, s, f.at)
}

// planReopen opens what is there.
func (w *World) planReopen(a *actor, s Step, at place) plan {
	write := s.Flags&unix.O_ACCMODE != 0 || s.Flags&(unix.O_CREAT|unix.O_TRUNC) != 0
	k := at.name.node.kind
	switch {
	case write && !w.within(at):
		return void
	case s.Flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT|unix.O_EXCL:
		return fails(unix.EEXIST)
	case k == link && s.Flags&unix.O_PATH == 0:
		return fails(unix.ELOOP)
	case k != folder && s.Flags&unix.O_DIRECTORY != 0:
		return fails(unix.ENOTDIR)
	case k == folder && write && s.Flags&unix.O_PATH == 0:
		return fails(unix.EISDIR)
	}
	return plan{checks: opened(at.name, s.Flags), done: func() {
		if s.Flags&unix.O_TRUNC != 0 {
			at.name.node.content = empty
		}
		w.keep(a, s, at)
	}}
}

// planCreate makes the file first, which is judged by itself; where the open is then refused, the file stays.
func (w *World) planCreate(a *actor, s Step, f found) plan {
	switch {
	case s.Flags&unix.O_CREAT == 0:
		return fails(unix.ENOENT)
	case !w.within(f.parent):
		return void
	}
	checks := []check{ask(f.fresh(), madeOps...)}
	return plan{
		checks: append(checks, opened(f.fresh(), s.Flags)...),
		first:  len(checks),
		made:   func() { w.make(f, file) },
		done: func() {
			w.make(f, file)
			w.keep(a, s, place{f.parent.mount, f.parent.name.node.children[f.base]})
		},
	}
}

func (w *World) keep(a *actor, s Step, at place) {
	if s.Slot > 0 {
		a.slots[s.Slot] = held{at, s.Flags}
	}
}

// unnamed stands for the number in the name that the kernel gives an O_TMPFILE. Policies of this package do not tell
// numbers apart.
const unnamed = "#000000"

func planTmpfile(w *World, a *actor, s Step) plan {
	f, errno := w.existing(a, s.Path, true)
	switch {
	case errno != 0:
		return fails(errno)
	case s.Flags&unix.O_ACCMODE == unix.O_RDONLY || s.Flags&^unix.O_ACCMODE != 0 || f.at.name.gone:
		return void
	case f.at.name.node.kind != folder:
		return fails(unix.ENOTDIR)
	}
	made := &name{parent: f.at.name, base: unnamed, gone: true}
	p := plan{checks: opened(made, s.Flags)}
	p.done = func() {
		made.node = newNode(f.at.name.node.system, file)
		made.node.linkable = true
		w.keep(a, s, place{f.at.mount, made})
	}
	return p
}

func planList(w *World, a *actor, s Step) plan {
	s.Flags = unix.O_RDONLY | unix.O_DIRECTORY
	return planOpen(w, a, s)
}

func planFill(c content) func(*World, *actor, Step) plan {
	return func(w *World, a *actor, s Step) plan {
		s.Flags = unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC
		p := planOpen(w, a, s)
		if p.done == nil {
			return p
		}
		open := p.done
		p.done = func() {
			open()
			if f, errno := w.walk(a, s.Path, true); errno == 0 && !f.missing() {
				f.at.name.node.content = c
			}
		}
		return p
	}
}

func planClose(_ *World, a *actor, s Step) plan {
	if _, ok := a.slots[s.Slot]; !ok {
		return void
	}
	return plan{done: func() { delete(a.slots, s.Slot) }}
}
