// SPDX-License-Identifier: Apache-2.0

// This file tells the kernel of commands that configurations leave open to variables: by what of them is certain it knows that a
// connector starts, and not which one.

package sensor

import (
	"path"
	"slices"

	"github.com/reeve-sensor/reeve/bpf"
)

// Open is what is certain of a command whose arguments have variables.
type Open struct {
	User  uint32        // whose sessions; bpf.CommandAnyone is everybody's
	Name  string        // of the program, with or without a folder
	Args  int           // how many there are behind argv[0]
	Fixed string        // what stands before the first variable: arguments with a NUL behind each, the last one as far as it goes
	Flags bpf.StartFlag // of them START_REVOKED counts
}

// alike are open commands of which the kernel is told together: it looks at as much of each as is certain of all.
type alike struct {
	user uint32
	name string
	args int
}

// OpenCommands spells open commands for SetCommands, beside what Commands gives.
func OpenCommands(all []Open) map[bpf.Command]bpf.Start {
	groups := map[alike][]Open{}
	for _, o := range all {
		at := alike{o.User, path.Base(o.Name), o.Args}
		groups[at] = append(groups[at], o)
	}
	out := map[bpf.Command]bpf.Start{}
	for at, group := range groups {
		if at.user != bpf.CommandAnyone { // the kernel asks for everybody's where the user has none
			group = slices.Concat(group, groups[alike{bpf.CommandAnyone, at.name, at.args}])
		}
		at.spell(group, out)
	}
	return out
}

// spell adds a group's entries.
func (a alike) spell(group []Open, out map[bpf.Command]bpf.Start) {
	fixed := bpf.CommandText - len(a.name) - 1
	if len(a.name) >= bpf.CommandPath {
		return // the kernel takes none of that name for anything else
	}
	for _, o := range group {
		fixed = min(fixed, len(o.Fixed))
	}
	if fixed > 0 {
		out[a.key("")] = bpf.Start{Size: uint64(fixed)}
	}
	for _, o := range group {
		key := a.key(o.Fixed[:fixed])
		start := out[key]
		start.Flags |= uint16(o.Flags & bpf.StartRevoked)
		out[key] = start
	}
}

func (a alike) key(fixed string) bpf.Command {
	key := bpf.Command{Uid: a.user, Argc: uint32(a.args), Length: bpf.CommandOpen, Fixed: uint32(len(fixed))}
	copy(key.Text[:], a.name+"\x00"+fixed)
	return key
}
