// SPDX-License-Identifier: Apache-2.0

// What an attack is, and all that there are.

package attacks

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/reeve-sensor/reeve/bpf"
	"github.com/reeve-sensor/reeve/enforce"
)

//go:embed *.txtar
var files embed.FS

// Attack is one file.
type Attack struct {
	Name  string // of the file, without its ending
	What  string
	Row   string
	Open  Note   // not stopped
	Only  Note   // cannot be tried elsewhere
	Agent string // program that the catalogue names, and whose build is known once the host's steps are done; "" is none
	// Original is a program that what is written is compared with, once the host's steps are done; "" is none.
	Original string

	Policy string
	Tree   []Entry
	Known  []Known
	Skills []KnownSkill
	Steps  []Step
	Events []Event
	Counts []bpf.Counter
}

// Note is a line of the comment that holds in some places, in all where it names none.
type Note struct {
	On  []string
	Why string
}

// Holds reports whether the note holds on a kernel, by its release, with programs in a form.
func (n Note) Holds(release, form string) bool {
	if n.Why == "" || len(n.On) == 0 {
		return n.Why != ""
	}
	for _, on := range n.On {
		if on == form || strings.HasPrefix(release, on+".") {
			return true
		}
	}
	return false
}

// Entry is a file or folder of the tree.
type Entry struct {
	Path   string
	Folder bool
	Owner  int
}

// Known is a connector's command that the kernel is told of: what the policy declares by a name, or ? for what a configuration alone
// names. Where there are any, the actor in a session runs as an agent's own program.
type Known struct {
	Name    string
	State   string // asked, approved, pinned, revoked
	Program string
	Args    []string
}

// KnownSkill is a skill that the kernel is told of: the folder is that of what the policy declares by a name, or ? for what it does not.
type KnownSkill struct {
	Name   string
	State  string // asked, approved, revoked
	Folder string
}

// states are what people may have said of a command.
var states = []string{"asked", "approved", "pinned", "revoked"}

// Who does a step.
type Who string

// The actors.
const (
	Host    Who = "host"
	Before  Who = "before"
	Both    Who = "both"
	Agent   Who = "agent"
	Control Who = "control"
	Server  Who = "server" // everybody outside the machine: nobody tells him what to do
)

// Cut is the errno of a connection whose bytes are not let out: an error, sooner or later.
const Cut = syscall.Errno(0xfff)

// Step is one act. Its fields are what the act's row in words.go asks for; those that name numbers may be variables.
type Step struct {
	Line  int
	Who   Who
	Text  string // the act and its arguments
	Do    string
	Name  string // under which a descriptor is kept
	Path  string
	To    string
	At    string
	Words []string
	Flags int
	Errno syscall.Errno
}

// Event is a record that must be there. Object "?" is any.
type Event struct {
	Op     enforce.Op
	Action enforce.Action
	Object string
}

// Problem is a mistake in a file.
type Problem struct {
	File string
	Line int
	Text string
	Hint string
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d: %s\n  hint: %s", p.File, p.Line, p.Text, p.Hint)
}

// All reads every attack, in the order of their names.
func All() ([]Attack, error) {
	names, err := fs.Glob(files, "*.txtar")
	if err != nil {
		return nil, err
	}
	var all []Attack
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		a, err := Parse(name, text)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}
