// SPDX-License-Identifier: Apache-2.0

// The tree: files, and the names that lead to them. A name is what the kernel calls a dentry: it goes with what is
// renamed, it stays behind with who holds what is unlinked, and it knows nothing of mounts.

package model

import (
	"cmp"
	"slices"
	"strings"

	"github.com/reeve-sensor/reeve/enforce"
)

type kind byte

const (
	file kind = iota
	folder
	link
)

// content is what is in a file: nothing, a program, a script that names its interpreter.
type content byte

const (
	empty content = iota
	program
	script
)

// node is a file of any kind.
type node struct {
	kind     kind
	system   *system
	children map[string]*name // of a folder
	target   string           // of a symbolic link
	content  content
	attr     bool    // it has an extended attribute
	linkable bool    // an O_TMPFILE that has had no name yet
	names    []*name // that lead to it
}

// name leads to a node. One that is gone keeps what it was called and where.
type name struct {
	parent *name // nil at the root of a file system
	base   string
	node   *node // nil where nothing has the name yet
	gone   bool
}

// system is a file system; one that the host has not mounted has no prefix, and its files no host name.
type system struct {
	root   *name
	host   bool
	prefix string
}

func newSystem(host bool, prefix string) *system {
	s := &system{host: host, prefix: prefix}
	n := &node{kind: folder, system: s, children: map[string]*name{}}
	s.root = &name{node: n}
	n.names = []*name{s.root}
	return s
}

func newNode(s *system, k kind) *node {
	n := &node{kind: k, system: s}
	if k == folder {
		n.children = map[string]*name{}
	}
	return n
}

// put gives a node a name in a folder.
func put(parent *name, base string, n *node) *name {
	made := &name{parent: parent, base: base, node: n}
	parent.node.children[base] = made
	n.names = append(n.names, made)
	return made
}

// take takes a name away from its node and its folder. Who holds it has it still.
func take(n *name) {
	delete(n.parent.node.children, n.base)
	n.node.names = slices.DeleteFunc(n.node.names, func(o *name) bool { return o == n })
	n.gone = true
}

// move calls a name otherwise; what it leads to follows.
func move(n, parent *name, base string) {
	delete(n.parent.node.children, n.base)
	n.parent, n.base = parent, base
	parent.node.children[base] = n
}

func exchange(a, b *name) {
	a.parent.node.children[a.base], b.parent.node.children[b.base] = b, a
	a.parent, b.parent = b.parent, a.parent
	a.base, b.base = b.base, a.base
}

// under reports whether a name is another one or lies below it.
func under(n, top *name) bool {
	for ; n != nil; n = n.parent {
		if n == top {
			return true
		}
	}
	return false
}

func rootOf(n *name) *name {
	for n.parent != nil {
		n = n.parent
	}
	return n
}

// hostName is the name in the host's view, and whether there is one. Mounts play no part in it.
func (n *name) hostName() (string, enforce.View) {
	s := rootOf(n).node.system
	text := ""
	for ; n.parent != nil; n = n.parent {
		text = "/" + n.base + text
	}
	if !s.host {
		return text, enforce.ViewForeign
	}
	if s.prefix+text == "" {
		return "/", enforce.ViewHost
	}
	return s.prefix + text, enforce.ViewHost
}

// Entry is one name of a tree as anyone may list it.
type Entry struct {
	Path string
	Kind string // file, folder, or where a link leads to
	Same string // the first path of the same file
}

// entries lists what lies below a name.
func entries(top *name) []Entry {
	var all []Entry
	first := map[*node]string{}
	var walk func(n *name, path string)
	walk = func(n *name, path string) {
		for _, base := range sortedKeys(n.node.children) {
			child, at := n.node.children[base], strings.TrimPrefix(path+"/"+base, "/")
			if _, seen := first[child.node]; !seen {
				first[child.node] = at
			}
			e := Entry{Path: at, Kind: [...]string{"file", "folder", child.node.target}[child.node.kind], Same: first[child.node]}
			all = append(all, e)
			if child.node.kind == folder {
				walk(child, at)
			}
		}
	}
	walk(top, "")
	return all
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
