// SPDX-License-Identifier: Apache-2.0

// This file is the session as a tree of processes.

package session

import (
	"cmp"
	"slices"
)

// Node is a process with its children, oldest first.
type Node struct {
	*Process
	Children []*Node
}

// Tree gives the session's processes as trees: usually one, from its root; a process whose parent is not in the table
// begins one of its own.
func (s *Session) Tree() []*Node {
	nodes := make(map[Key]*Node, len(s.processes))
	for k, p := range s.processes {
		nodes[k] = &Node{Process: p}
	}
	var roots []*Node
	for _, n := range nodes {
		parent := nodes[n.Parent]
		if parent == nil || n.Key == s.Root || parent == n || parent.Started > n.Started {
			roots = append(roots, n)
			continue
		}
		parent.Children = append(parent.Children, n)
	}
	for _, n := range nodes {
		sortNodes(n.Children)
	}
	sortNodes(roots)
	return roots
}

func sortNodes(nodes []*Node) {
	slices.SortFunc(nodes, func(a, b *Node) int {
		return cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.PID, b.PID))
	})
}
