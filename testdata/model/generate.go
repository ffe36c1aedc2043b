// SPDX-License-Identifier: Apache-2.0

// Random steps. They are aimed: the world tells what is there, so most calls find what they are about, and the few names
// collide.

package model

import (
	"math/rand/v2"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reeve-sensor/reeve/testdata/model/step"
)

// Generator makes sequences of a random source: the same ones of the same source, where the kernel answers the same.
type Generator struct {
	R   *rand.Rand
	who Who
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (g *Generator) chance(percent int) bool { return g.R.IntN(100) < percent }

// weights say how often each call comes.
var weights = []struct {
	do     string
	weight int
}{
	{"open", 22}, {"tmpfile", 4}, {"list", 4}, {"fill", 4}, {"script", 2}, {"close", 2},
	{"mkdir", 6}, {"mknod", 3}, {"symlink", 4}, {"rmdir", 4}, {"unlink", 6},
	{"link", 9}, {"rename", 13}, {"place", 3}, {"exchange", 7},
	{"chmod", 3}, {"chown", 1}, {"utimes", 2}, {"setxattr", 3}, {"removexattr", 2}, {"truncate", 3}, {"exec", 5},
	{"unshare", 2}, {"bind", 4}, {"tmpfs", 2}, {"device", 2}, {"umount", 2}, {"chroot", 1},
}

// Sequence gives random steps, at most so many.
func (g *Generator) Sequence(most int) Next {
	g.who = Agent
	return func(w *World) (Step, bool) {
		if most == 0 {
			return Step{}, false
		}
		most--
		return g.step(w), true
	}
}

func (g *Generator) call() string {
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	n := g.R.IntN(total)
	for _, w := range weights {
		if n -= w.weight; n < 0 {
			return w.do
		}
	}
	panic("no call")
}

func (g *Generator) step(w *World) Step {
	if g.chance([...]int{5, 30}[g.who]) {
		g.who = 1 - g.who
	}
	s := Step{Who: g.who, Do: g.call()}
	a := w.actors[s.Who]
	switch s.Do {
	case "bind", "tmpfs", "device", "umount":
		if !a.private {
			s.Do = "unshare"
		}
	}
	for _, arg := range step.Arguments(s.Do) {
		g.argument(w, a, &s, arg)
	}
	return s
}

func (g *Generator) argument(w *World, a *actor, s *Step, arg rune) {
	switch arg {
	case 'f':
		s.Flags = g.flags(s.Do)
	case 'p':
		s.Path = g.path(w, a, g.aim(s.Do))
	case 't':
		s.To = g.pathFrom(w, a, g.otherBegin(w, a, *s), g.aimOfTo(s.Do))
	case 'x':
		s.Text = pick(g.R, []string{"x", "b/c", "../b", "../a/x", "/" + "a", Home + "/@/a", Home + "/@/b/x", "."})
	case 's':
		s.Slot = g.slot(a)
	case 'S':
		if g.chance(50) {
			s.Slot = g.slot(a)
		}
	}
}

func (g *Generator) slot(a *actor) int {
	if used := sortedKeys(a.slots); len(used) > 0 && g.chance(30) {
		return pick(g.R, used)
	}
	return 1 + g.R.IntN(step.Slots)
}

func (g *Generator) flags(do string) int {
	if do == "tmpfile" {
		return pick(g.R, []int{unix.O_WRONLY, unix.O_RDWR})
	}
	flags := pick(g.R, []int{unix.O_RDONLY, unix.O_RDONLY, unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR, unix.O_PATH})
	if flags == unix.O_PATH {
		return flags | pick(g.R, []int{0, 0, unix.O_NOFOLLOW})
	}
	for _, more := range []struct{ flag, percent int }{
		{unix.O_CREAT, 30}, {unix.O_TRUNC, 20}, {unix.O_EXCL, 5}, {unix.O_NOFOLLOW, 5}, {unix.O_APPEND, 5},
	} {
		if g.chance(more.percent) {
			flags |= more.flag
		}
	}
	return flags
}

// aim is what a path should lead to.
type aim byte

const (
	toAnything aim = iota
	toFile
	toFolder
	toNothing // a name that is free, in a folder
	toEmpty   // a folder with nothing in it
	toMount
)

func (g *Generator) aim(do string) aim {
	switch do {
	case "mkdir", "mknod", "symlink":
		return toNothing
	case "rmdir":
		return pick(g.R, []aim{toEmpty, toEmpty, toFolder})
	case "list", "tmpfile", "tmpfs", "device", "chroot":
		return toFolder
	case "unlink", "link", "truncate", "exec":
		return toFile
	case "fill", "script":
		return pick(g.R, []aim{toFile, toNothing})
	case "open":
		return pick(g.R, []aim{toFile, toFile, toAnything, toFolder, toNothing})
	case "bind":
		return pick(g.R, []aim{toFolder, toFolder, toFile})
	case "umount":
		return toMount
	}
	return toAnything
}

func (g *Generator) aimOfTo(do string) aim {
	switch do {
	case "link", "place":
		return toNothing
	case "exchange":
		return toAnything
	case "bind":
		return pick(g.R, []aim{toFolder, toFolder, toFile})
	}
	return pick(g.R, []aim{toNothing, toNothing, toAnything})
}

// names are few, so that what is made is met again.
var names = []string{"a", "b", "c", "x", "y"}

// path is a way to what is aimed at, most of the time.
func (g *Generator) path(w *World, a *actor, to aim) Path {
	return g.pathFrom(w, a, g.begin(a), to)
}

func (g *Generator) pathFrom(w *World, a *actor, p Path, to aim) Path {
	at := g.start(w, a, p)
	switch {
	case to == toMount && p.Slot == 0 && g.mounted(w, a) != "":
		return Path{Rel: g.mounted(w, a)}
	case p.Magic && at.name.node.kind != folder:
		return p
	case p.Magic && to != toFolder && to != toNothing && g.chance(30):
		return p
	}
	p.Rel = g.descend(w, at, to)
	if g.chance(10) {
		p.Rel = g.detour(p.Rel)
	}
	if p.Rel == "" && p.Slot == 0 {
		p.Rel = "."
	}
	return p
}

// begin chooses where a path begins.
func (g *Generator) begin(a *actor) Path {
	used := sortedKeys(a.slots)
	if len(used) == 0 || g.chance(65) {
		return Path{}
	}
	slot := pick(g.R, used)
	isFolder := a.slots[slot].name.node.kind == folder
	return Path{Slot: slot, Magic: !a.chroot && (!isFolder || g.chance(50))}
}

// otherBegin is where the second path of a call begins: often where the first does, for a call within one mount.
func (g *Generator) otherBegin(w *World, a *actor, s Step) Path {
	p := Path{Slot: s.Path.Slot, Magic: s.Path.Magic}
	if g.chance(60) && g.start(w, a, p).name.node.kind == folder {
		return p
	}
	return g.begin(a)
}

// start is the place of a beginning.
func (g *Generator) start(w *World, a *actor, p Path) place {
	if p.Slot > 0 {
		return a.slots[p.Slot].place
	}
	f, errno := w.walk(a, Path{Rel: "."}, true)
	if errno != 0 {
		return a.root
	}
	return f.at
}

// mounted is where the actor mounted something in the tree, in the host's view; empty where it did not.
func (g *Generator) mounted(w *World, a *actor) string {
	for _, m := range w.mounts {
		if m.parent == nil || m.gone || !w.sees(a, m) || !under(m.at, w.tree) {
			continue
		}
		text, _ := m.at.hostName()
		return calledAlike(strings.TrimPrefix(text, Home+"/"+w.tree.base+"/"), w.tree.base)
	}
	return ""
}

// descend goes down from a place, by chance, and gives the way.
func (g *Generator) descend(w *World, at place, to aim) string {
	var way []string
	for at.name.node.kind == folder && len(way) < 6 {
		if w.over(at) != nil && to == toMount {
			break
		}
		next, base := g.below(w, at, to)
		if next.name == nil || g.stops(len(way), to) {
			break
		}
		way = append(way, base)
		if to == toMount && next.name == next.mount.root {
			break
		}
		at = next
	}
	if to == toNothing {
		way = append(way, g.free(at))
	}
	return strings.Join(way, "/")
}

// free is a name that nothing in a folder has, most of the time.
func (g *Generator) free(at place) string {
	base := pick(g.R, names)
	for range 4 {
		if at.name.node.kind != folder || at.name.node.children[base] == nil {
			break
		}
		base = pick(g.R, names)
	}
	return base
}

// stops ends a descent above what lies deeper.
func (g *Generator) stops(depth int, to aim) bool {
	switch to {
	case toFile:
		return g.chance(3)
	case toFolder, toNothing:
		return depth > 0 && g.chance(35)
	case toMount, toEmpty:
		return false
	}
	return depth > 0 && g.chance(25)
}

// below is something in a folder that may lead on; no name where nothing does.
func (g *Generator) below(w *World, at place, to aim) (place, string) {
	var bases []string
	for _, base := range sortedKeys(at.name.node.children) {
		n := at.name.node.children[base]
		deeper := n.node.kind == folder || n.node.kind == link && g.chance(30)
		switch {
		case to == toFile && n.node.kind == folder && len(n.node.children) == 0:
		case to == toFile || to == toAnything || deeper:
			bases = append(bases, base)
		}
	}
	if at.name == w.disk.root {
		return w.cross(place{at.mount, w.tree}), "@"
	}
	if len(bases) == 0 {
		return place{}, ""
	}
	base := pick(g.R, bases)
	next := w.cross(place{at.mount, at.name.node.children[base]})
	written := calledAlike(base, w.tree.base)
	if next.name.node.kind == link {
		return g.past(w, next), written
	}
	return next, written
}

// past is where a symbolic link leads from the folder that it lies in, near enough: a path that does not come through is
// one more try.
func (g *Generator) past(w *World, at place) place {
	k := &walker{w: w, a: &actor{root: at, chroot: true}, follow: true, at: place{at.mount, at.name.parent}}
	if k.through(at.name.node.target) != 0 || k.run() != 0 || k.found.missing() {
		return at
	}
	return k.found.at
}

// detour leads elsewhere and back.
func (g *Generator) detour(rel string) string {
	first, rest, ok := strings.Cut(rel, "/")
	if !ok {
		return pick(g.R, names) + "/../" + rel
	}
	return first + "/" + pick(g.R, names) + "/../" + rest
}
