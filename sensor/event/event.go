// SPDX-License-Identifier: Apache-2.0

// This file is the event: what happened, in words, as everything above the kernel sees it.

package event

import (
	"slices"
	"strings"
	"time"

	"github.com/reeve-sensor/reeve/bpf"
)

// Event is one thing that a session did, or that the sensor has to say. Names (Agent, Role, Principal, Rule) are filled in by whoever knows them.
type Event struct {
	Seq  uint64 // of the store, from 1
	Time time.Time
	Kind Kind
	Head Head   // numbers behind the names
	At   uint64 // of its record in the ring of verdicts; 0 where it has none there
	Mark string // of that record: the same whoever reads it, and however often; "" where it has none

	Again bool // an earlier daemon acted on that record: it is told once more, and nothing is done about it

	Session   string // as users spell it
	Agent     string
	User      string
	Role      string
	Principal string

	Op     string
	Object string // path, name, address, or the command line as policy sees it
	View   View
	Wanted uint32

	Repeats uint64 // acts like this one by its process that the kernel counted and did not record, since the last that it did
	CopyOf  string // Access: Object has the bytes of this program, and was judged by its name
	Lost    uint64 // where Head.Moved: groups of the policy's table that do not hold at both names alike

	Inode  uint64  // Held, Derived: which object it is, with Device
	Device uint32  // Held, Derived
	Socket *Socket // Held: nil where it is none, or nothing was found out
	Flow   *Flow   // Network

	Derivation *Derivation // Derived; session, agent, role and principal are those that wrote the object, user and process who runs it

	Path        string   // Exec, Starts: the program in the host's view, "" where it was not seen
	Interpreter string   // Exec: what `#!` led to
	Argv        []string // Exec: as the program gets it
	Argc        uint32   // Exec: all arguments, recorded or not
	Program     string   // Exec: the name of what was executed, as the kernel resolved it
	Skipped     uint32   // Exec: arguments before the first that was judged
	Command     string   // Exec: what the model asked for, where a wrapper was taken off
	Cut         bool     // Exec: recorded in part
	Cwd         string

	Rule     string // "" where none is named; "default" where none matched
	Place    string // file:line of the rule
	Reason   string
	Severity string // the rule's own; "" where it has none

	Vendor string // of the agent

	ParentPID     uint32
	ParentStarted uint64
	Status        int32

	Parent   string // SessionStart: the session it was born in
	ParentID uint64
	LoginUID uint32
	Cause    Cause

	Stopped uint64 // SessionEnd: acts that were refused in the session, by the kernel's own count
	Folded  uint64 // SessionEnd: acts that were counted with one like them and have no record

	Said *Said // Notice
}

// ID is the session's number within this boot.
func (e *Event) ID() uint64 { return e.Head.Session }

// Notable reports whether the event is more than an allowed act: a session's begin or end, a verdict, a notice.
func (e *Event) Notable() bool {
	switch e.Kind {
	case SessionStart, SessionClaim, SessionEnd, Notice, Derived:
		return true
	case Fork, Exit:
		return false
	}
	return e.Head.Action != Allow
}

// Starts reports whether the event is the start of an agent or a connector, or the load of a skill: Object is its declared name, Path
// its program, of a skill the file that was opened.
func (e *Event) Starts() bool {
	return e.Kind == Access && slices.Contains(starts, e.Head.Op)
}

var starts = []Op{Op(bpf.OpConnectorStart), Op(bpf.OpSkillLoad), Op(bpf.OpAgentStart)}

// Judged reports whether the event is about an act or an object that policy was asked about.
func (e *Event) Judged() bool {
	return e.Kind == Access || e.Kind == Exec || e.Kind == Held || e.Kind == Network
}

// Refused reports whether the act was stopped.
func (e *Event) Refused() bool { return e.Head.Action.Refuses() && e.Head.Applied() }

// Size is about how many bytes the event holds on to.
func (e *Event) Size() int {
	size := 512 + len(e.Object) + len(e.CopyOf) + len(e.Command) + len(e.Path) + len(e.Cwd) + len(e.Reason)
	for _, a := range e.Argv {
		size += len(a) + 16
	}
	if e.Flow != nil {
		size += 128 + len(e.Flow.Domain)
	}
	if e.Said != nil {
		size += len(e.Said.Message)
	}
	return size
}

// Single makes the event of a record that stands alone: all but the parts of an exec.
func Single(r *Record) *Event {
	e := &Event{Kind: r.Kind, Head: r.Head, At: r.At, View: r.Head.View}
	switch r.Kind {
	case Access, Held:
		e.Op, e.Object, e.Wanted, e.Repeats = r.Op.String(), string(r.Text), r.Wanted, r.Repeats
		if r.Head.Moved() {
			e.Lost = r.Label[0]
		}
		if r.Head.Copied() {
			e.CopyOf, e.Object = copied(e.Object)
		}
		if r.Kind == Held {
			e.held(r)
		}
		if e.Starts() {
			e.Object, e.Path = "", strings.TrimRight(e.Object, "\x00")
		}
	case Network:
		e.flows(r)
	case Derived:
		e.derives(r)
	case Fork, Exit, Present:
		e.ParentPID, e.ParentStarted, e.Status = r.ParentPID, r.ParentStarted, r.Status
	case SessionStart, SessionClaim, SessionEnd:
		e.ParentID, e.LoginUID, e.Cause = r.Parent, r.LoginUID, r.Cause
		e.Stopped, e.Folded = r.Refused, r.Folded
	}
	return e
}

// line is the command line as policy sees it: the object's name, then the judged arguments, one space between.
func line(name string, argv []string, skipped uint32) string {
	if int64(skipped) >= int64(len(argv)) {
		return name
	}
	return name + " " + strings.Join(argv[skipped:], " ")
}

// arguments takes raw argv apart. The last one may be cut.
func arguments(raw []byte, argc uint32) []string {
	if len(raw) == 0 {
		return nil
	}
	s := strings.TrimSuffix(string(raw), "\x00")
	args := strings.Split(s, "\x00")
	if len(args) > int(argc) {
		args = args[:argc]
	}
	return args
}
