// SPDX-License-Identifier: Apache-2.0

// This file is the tree, and how it is asked.

package formats

import (
	"fmt"
	"slices"
	"strings"
)

// The bounds of a tree.
const (
	DepthMax = 64
	NodesMax = 400_000
)

// Kind is what a Node holds.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Text
	Number
	Bool
	List
	Map
)

// Node is one value. A nil Node is one that is not there, and may be asked like any other.
type Node struct {
	Kind   Kind
	Line   int     // from 1; 0 where it is not known
	Text   string  // of scalars, as JSON spells numbers and booleans
	Fields []Field // of a Map, in the file's order
	Items  []*Node // of a List
}

// Field is one key of a Map with its value.
type Field struct {
	Key   string
	Line  int
	Value *Node
}

// Error says what is wrong with a file, and where.
type Error struct {
	Line   int // 0 where it is not known
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// Get walks down a path of keys. Of a key that is there twice the last counts, as for the programs that read such files.
func (n *Node) Get(path ...string) *Node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		var found *Node
		for i := range n.Fields {
			if n.Fields[i].Key == key {
				found = n.Fields[i].Value
			}
		}
		n = found
	}
	return n
}

// First is the value of the first of some keys that is there.
func (n *Node) First(keys ...string) *Node {
	for _, key := range keys {
		if v := n.Get(key); v != nil {
			return v
		}
	}
	return nil
}

// String is the text of a scalar, or "".
func (n *Node) String() string {
	if n == nil {
		return ""
	}
	return n.Text
}

// Is reports whether the node is that boolean.
func (n *Node) Is(b bool) bool {
	return n != nil && n.Kind == Bool && n.Text == map[bool]string{true: "true", false: "false"}[b]
}

// Strings are the scalars of a list, or the one scalar itself.
func (n *Node) Strings() []string {
	switch {
	case n == nil || n.Kind == Null || n.Kind == Map:
		return nil
	case n.Kind != List:
		return []string{n.Text}
	}
	var out []string
	for _, item := range n.Items {
		if item.Kind != List && item.Kind != Map {
			out = append(out, item.Text)
		}
	}
	return out
}

// Keys are a Map's keys, each once, in the file's order.
func (n *Node) Keys() []string {
	if n == nil {
		return nil
	}
	seen := make(map[string]bool, len(n.Fields))
	var keys []string
	for i := range n.Fields {
		if k := n.Fields[i].Key; !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// LineOf is the line on which a key stands, or that of the node.
func (n *Node) LineOf(key string) int {
	if n == nil {
		return 0
	}
	line := 0
	for i := range n.Fields {
		if n.Fields[i].Key == key {
			line = n.Fields[i].Line
		}
	}
	if line == 0 {
		return n.Line
	}
	return line
}

// Each visits the nodes at a path of keys with dots between, where * is any key. names are what the stars stood for.
func (n *Node) Each(path string, visit func(names []string, at *Node)) {
	var keys []string
	if path != "" {
		keys = strings.Split(path, ".")
	}
	n.each(keys, nil, visit)
}

func (n *Node) each(keys, names []string, visit func([]string, *Node)) {
	if n == nil {
		return
	}
	if len(keys) == 0 {
		visit(names, n)
		return
	}
	if keys[0] != "*" {
		n.Get(keys[0]).each(keys[1:], names, visit)
		return
	}
	for _, key := range n.Keys() {
		n.Get(key).each(keys[1:], append(slices.Clip(names), key), visit)
	}
}

// budget bounds a tree while it is made.
type budget struct{ nodes int }

func (b *budget) take(depth, line int) error {
	b.nodes++
	if depth > DepthMax {
		return &Error{line, "nested too deeply"}
	}
	if b.nodes > NodesMax {
		return &Error{line, "too many values"}
	}
	return nil
}
