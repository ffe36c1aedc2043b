// SPDX-License-Identifier: Apache-2.0

// This file tells the kernel by which commands it knows connectors.

package sensor

import (
	"fmt"
	"path"

	"github.com/reeve-sensor/reeve/bpf"
)

// Command is what an agent executes to start a connector.
type Command struct {
	User    uint32   // whose sessions; bpf.CommandAnyone is everybody's
	Name    string   // of the program, as a configuration has it: with or without a folder
	Program string   // host path of what is executed then, symbolic links followed: of a script, the script; "" where that is not known
	Args    []string // behind argv[0]
}

// key is the command as the kernel spells it, by its program; ok is false where no exec can have it.
func (c Command) key(program string) (key bpf.Command, ok bool) {
	key.Uid, key.Argc = c.User, uint32(len(c.Args))
	if program == "" || len(program) >= bpf.CommandPath {
		return key, false
	}
	text := append([]byte(program), 0)
	for _, arg := range c.Args[:min(len(c.Args), bpf.CommandArgs)] {
		text = append(append(text, arg...), 0)
	}
	key.Length = uint32(len(text))
	if len(text) > len(key.Text) || len(c.Args) > bpf.CommandArgs {
		key.Length = bpf.CommandLonger
	}
	copy(key.Text[:], text)
	return key, true
}

// Whole reports whether the kernel knows the command by all of it. Another one that begins alike and is as many arguments long is the same
// to it otherwise, so that nothing may be allowed by it.
func (c Command) Whole() bool {
	key, ok := c.key(c.Program)
	return ok && key.Length != bpf.CommandLonger
}

// errManyCommands says that some connectors are not known to the kernel.
var errManyCommands = fmt.Errorf("more commands of connectors than the kernel's map holds, %d: the rest start as anything an agent starts", bpf.CommandsMax)

// SetCommands makes the kernel know connectors by these commands. Where they are all that there are it knows no others after that; else
// those that an earlier daemon set stay as they are. What could not be set is in the error; the rest holds.
func (k *Kernel) SetCommands(want map[bpf.Command]bpf.Start, all bool) error {
	return k.commands.set(k.Maps.Commands, want, all, "a connector's command", errManyCommands)
}

// Known is a command and what is known of it.
type Known struct {
	Command
	bpf.Start
}

// Commands spells commands for SetCommands: each by its program, and by its name for whatever else is executed by that, which nobody
// knows. Of those that the kernel cannot tell apart the stricter one counts: revoked before asked for, asked for before approved,
// unknown before declared, not pinned before pinned, other content before what is declared.
func Commands(all []Known) map[bpf.Command]bpf.Start {
	out := map[bpf.Command]bpf.Start{}
	add := func(key bpf.Command, start bpf.Start) {
		if old, twice := out[key]; twice {
			start = stricter(old, start)
		}
		out[key] = start
	}
	for _, k := range all {
		if key, ok := k.key(path.Base(k.Name)); ok {
			add(key, bpf.Start{})
		}
		start := k.Start
		if !k.Whole() {
			start = bpf.Start{Flags: start.Flags & uint16(bpf.StartRevoked)}
		}
		if key, ok := k.key(k.Program); ok {
			add(key, start)
		}
	}
	return out
}

func stricter(a, b bpf.Start) bpf.Start {
	out := a
	out.Flags = uint16(Stricter(bpf.StartFlag(a.Flags), bpf.StartFlag(b.Flags)))
	if a.Principal != b.Principal {
		out.Principal = 0
	}
	pinned := uint16(bpf.StartPinned)
	if at, bt := a, b; at.Flags&pinned != 0 && bt.Flags&pinned != 0 {
		at.Flags, bt.Flags, at.Principal, bt.Principal = 0, 0, 0, 0
		if at != bt {
			out.Flags &^= pinned
		}
	}
	return out
}
