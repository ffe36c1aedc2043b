// SPDX-License-Identifier: Apache-2.0

// The vocabulary of the package: what a text is matched as, what rules go in, which label comes out.

package match

// Syntax says how the globs of a table read, and what their texts are.
type Syntax int

const (
	// Path globs match absolute host paths, component by component.
	Path Syntax = iota
	// Line globs match command lines, in which '/' is a byte like any other.
	Line
)

// Words returns the width of a label in words of 64 groups.
func (s Syntax) Words() int {
	if s == Path {
		return 1
	}
	return 4
}

// Rule is one rule of a policy as the tables see it: the texts that Match covers and Except does not belong to Group.
// Sets and ~ are expanded by the caller; the ID only appears in messages.
type Rule struct {
	ID            string
	Group         int
	Match, Except []string
}

// Label is a set of groups: bit g of the whole is set when some rule of group g holds for the text.
type Label [4]uint64

// Has reports whether the label contains the group; groups out of range are in no label.
func (l Label) Has(group int) bool {
	return uint(group) < 256 && l[group>>6]>>(group&63)&1 != 0
}

// Empty reports whether no rule held.
func (l Label) Empty() bool {
	return l == Label{}
}

// Or returns the groups of either label.
func (l Label) Or(other Label) Label {
	for i := range l {
		l[i] |= other[i]
	}
	return l
}

// with returns the label with one more group.
func (l Label) with(group int) Label {
	l[group>>6] |= 1 << (group & 63)
	return l
}

// within reports whether every group of l is in other.
func (l Label) within(other Label) bool {
	return l.Or(other) == other
}
