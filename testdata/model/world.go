// SPDX-License-Identifier: Apache-2.0

// The world of one tree: the host's file systems, its mounts and those of each actor, and what the actors hold open.

package model

import (
	"slices"

	"github.com/reeve-sensor/reeve/testdata/model/step"
)

// Home is where the host has mounted the file system that the trees lie on.
const Home = step.Home

// Interpreter is a program beside the trees that runs scripts.
const Interpreter = step.Interpreter

// Inside is the tree where the agent is in a session, and Outside the other one: folders below Home.
const (
	Inside  = "in"
	Outside = "out"
)

// mount shows a part of a file system at a name of another.
type mount struct {
	parent *mount // nil for the first one of a namespace
	at     *name
	root   *name
	gone   bool
}

// place is a name, and the mount by way of which it was reached.
type place struct {
	mount *mount
	name  *name
}

// held is an open descriptor.
type held struct {
	place
	flags int
}

// actor is a process with a view of its own.
type actor struct {
	root    place
	chroot  bool
	private bool // its mounts are its own
	slots   map[int]held
}

// World is everything that a sequence changes in one tree, and the actors that change it.
type World struct {
	base   *system // the host's root
	disk   *system // at Home
	tree   *name
	runner *name // the interpreter
	mounts []*mount
	actors [step.Actors]*actor
}

// Start is the tree that every sequence begins with, in the order of making it: a folder ends in /, and what has the same
// content as an earlier path is a hard link of it, or else a symbolic link.
var Start = []struct{ Path, Hard, Soft string }{
	{Path: "a/"}, {Path: "a/b/"}, {Path: "a/b/x"}, {Path: "a/x"}, {Path: "a/y"},
	{Path: "b/"}, {Path: "b/x"}, {Path: "b/c/"}, {Path: "b/c/y"},
	{Path: "c", Soft: "a/b"}, {Path: "x"}, {Path: "y", Hard: "a/b/x"},
}

// NewWorld is a world in which nothing happened yet; tree is Inside or Outside.
func NewWorld(tree string) *World {
	w := &World{base: newSystem(true, ""), disk: newSystem(true, Home)}
	first := &mount{root: w.base.root}
	over := put(w.base.root, Home[1:], newNode(w.base, folder))
	w.mounts = []*mount{first, {parent: first, at: over, root: w.disk.root}}
	w.runner = put(w.disk.root, Interpreter[len(Home)+1:], newNode(w.disk, file))
	w.runner.node.content = program
	w.tree = put(w.disk.root, tree, newNode(w.disk, folder))
	for i := range w.actors {
		w.actors[i] = &actor{root: place{first, w.base.root}, slots: map[int]held{}}
	}
	for _, s := range Start {
		w.start(s.Path, s.Hard, s.Soft)
	}
	return w
}

func (w *World) start(path, hard, soft string) {
	k := file
	switch {
	case path[len(path)-1] == '/':
		k, path = folder, path[:len(path)-1]
	case soft != "":
		k = link
	}
	f, _ := w.walk(w.actors[Bystander], Path{Rel: path}, false)
	n := newNode(w.disk, k)
	if hard != "" {
		old, _ := w.walk(w.actors[Bystander], Path{Rel: hard}, false)
		n = old.child.node
	}
	n.target, n.content = soft, program
	put(f.parent.name, f.base, n)
}

// Entries lists the tree as the host sees it.
func (w *World) Entries() []Entry { return entries(w.tree) }

// over is the mount that hides a place, or nil.
func (w *World) over(p place) *mount {
	for _, m := range w.mounts {
		if m.parent == p.mount && m.at == p.name && !m.gone {
			return m
		}
	}
	return nil
}

// shared reports whether a folder has more in it than the model knows.
func (w *World) shared(n *name) bool { return n == w.base.root || n == w.disk.root }

// cross goes to what is mounted over a place.
func (w *World) cross(p place) place {
	for m := w.over(p); m != nil; m = w.over(p) {
		p = place{m, m.root}
	}
	return p
}

// up goes to the folder above, never past a root. kernel: fs/namei.c:follow_dotdot; ok is false where a folder was moved
// out of what is mounted, so that nothing leads up from it.
func (w *World) up(a *actor, p place) (above place, ok bool) {
	from := p
	for p != a.root && p.name == p.mount.root && p.mount.parent != nil {
		p = place{p.mount.parent, p.mount.at}
	}
	if p == a.root || p.name == p.mount.root {
		return w.cross(from), true
	}
	above = place{p.mount, p.name.parent}
	return w.cross(above), under(above.name, above.mount.root)
}

// unmount takes away what is mounted on a name that goes, in every view.
func (w *World) unmount(n *name) {
	for _, m := range w.mounts {
		if m.at == n {
			w.detach(m)
		}
	}
}

func (w *World) detach(m *mount) {
	m.gone = true
	for _, c := range w.mounts {
		if c.parent == m && !c.gone {
			w.detach(c)
		}
	}
}

// unshare gives an actor copies of the mounts that it sees. What it holds open stays where it was.
func (w *World) unshare(a *actor) {
	copies := map[*mount]*mount{}
	for _, m := range slices.Clone(w.mounts) {
		if m.gone || !w.sees(a, m) {
			continue
		}
		copies[m] = &mount{parent: copies[m.parent], at: m.at, root: m.root}
		w.mounts = append(w.mounts, copies[m])
	}
	a.root.mount = copies[a.root.mount]
	a.private = true
}

// sees reports whether a mount is in an actor's namespace. Parents come before what is mounted on them.
func (w *World) sees(a *actor, m *mount) bool { return top(m) == top(a.root.mount) }

func top(m *mount) *mount {
	for m.parent != nil {
		m = m.parent
	}
	return m
}

// heldNames are the names that the kernel knows of a node beside the one that was used: hard links, and those that are gone
// but for somebody who holds them.
func (w *World) heldNames(n *node, used *name) []*name {
	var all []*name
	add := func(o *name) {
		if o.node == n && o != used && !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	for _, o := range n.names {
		add(o)
	}
	for _, a := range w.actors {
		for _, slot := range sortedKeys(a.slots) {
			add(a.slots[slot].name)
		}
	}
	for _, m := range w.mounts {
		if !m.gone {
			add(m.root)
		}
	}
	return all
}
